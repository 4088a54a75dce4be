"""What is chosen on the Methods sub-tab, in a real browser with the shipped pair: foil, figures, settings."""

from typing import Any

import pytest

from tests.browser.driving import answered, go_to, says, tick

pytestmark = pytest.mark.browser


def unmeasured(page: Any, without: tuple[str, ...]) -> Any:
    """Open Methods of an answered page, with measuring off and these methods unticked; returns the choice."""
    go_to(page, "Methods")
    page.wait_for_selector("#methods-choice input")
    tick(page.get_by_label("Measure each map"), on=False)
    choice = page.locator("#methods-choice")
    for name in without:
        tick(choice.get_by_label(name, exact=True), on=False)
    return choice


def test_the_foil_box_comes_with_its_method_and_an_empty_one_is_refused(shipped: str, visit: Any) -> None:
    page = visit(shipped)
    answered(page)
    choice = unmeasured(
        page, without=("Attention, mean", "Direct logit attribution", "Relevancy", "Occlusion")
    )
    assert not page.get_by_label("Foil word").is_visible()
    for name in ("against a foil", "Logit lens"):
        tick(choice.get_by_label(name))
    page.get_by_label("Foil word").wait_for()
    page.click("#methods-compute")
    says(page, "#methods-status", "Finished: 2 of 2 methods")
    says(page, "#methods-grid .wb-method", "The foil is empty")
    page.locator("#methods-grid .wb-method td").nth(9).wait_for()
    page.get_by_label("Foil word").fill("clear")
    page.click("#methods-compute")
    says(page, "#methods-grid", "Foil: “clear”")


def test_further_figures_stand_in_a_table_with_their_units(shipped: str, visit: Any) -> None:
    page = visit(shipped)
    answered(page)
    unmeasured(page, without=("Direct logit attribution", "Relevancy", "Occlusion"))
    page.locator("#methods-metrics input").click()
    for name in ("ROAD", "Other words"):
        page.get_by_role("option", name=name).click()
    page.keyboard.press("Escape")
    page.click("#methods-compute")
    says(page, "#methods-status", "Finished: 1 of 1 methods")
    for text in ("ROAD (nats)", "Other words (correlation)", "Attention, mean", "less is better"):
        says(page, "#methods-figures", text)


def test_a_head_is_chosen_by_layer_and_number_and_a_bad_one_is_a_sentence(shipped: str, visit: Any) -> None:
    page = visit(shipped)
    answered(page)
    choice = unmeasured(page, without=("Attention, mean", "Direct logit attribution", "Relevancy"))
    tick(choice.get_by_label("Attention, one head"))
    page.locator("#methods-settings button").first.click()
    page.get_by_label("Attention, one head: layer").fill("1")
    page.get_by_label("Attention, one head: head").fill("1")
    window = page.get_by_label("Occlusion: window (patches)")
    window.fill("70")
    assert not page.get_by_label("RISE: masks at most").is_visible()
    page.click("#methods-compute")
    says(page, "#methods-notice", "Window (patches) is 70")
    window.fill("2")
    page.get_by_label("Occlusion: taken away").click()
    page.get_by_role("option", name="image features").click()
    page.click("#methods-compute")
    says(page, "#methods-status", "Finished: 2 of 2 methods")
    says(page, "#methods-grid", "Set here: layer 1, head 1.")
    says(page, "#methods-grid", "Set here: window (patches) 2, taken away: image features.")
