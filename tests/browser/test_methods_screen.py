"""The Methods sub-tab and the trust line in a real browser: with the shipped pair, and with stand-ins."""

import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.browser.driving import answered, go_to, never_wider_than_the_window, pick, says, tick
from tests.waiting import until

pytestmark = pytest.mark.browser
TRUST = "[data-part=trust]"


def test_each_map_gets_its_own_trust_line(plain: str, visit: Any) -> None:
    page = visit(plain)
    assert not page.locator(TRUST).is_visible()
    answered(page)
    says(page, TRUST, "Localised and causal")
    whole = page.inner_text(TRUST)
    assert "Measured on this answer, n = 102 altered pictures" in whole and "Image share 40 %" in whole
    page.locator("[data-column=base] [data-step]").nth(1).click()
    page.wait_for_function(
        "before => { const now = document.querySelector('[data-part=trust]').innerText;"
        " return now.includes('Localised') && now !== before; }",
        arg=whole,
    )
    page.locator("[data-column=base] [data-word]").nth(2).click()
    says(page, TRUST, "not for single words")
    page.get_by_role("button", name="Tuned − base").click()
    page.wait_for_function("document.querySelector('[data-part=trust]').hidden")
    says(page, "[data-part=sourceNote]", "Both models wrote the same text")


def test_another_method_is_measured_again_and_another_picture_says_nothing(plain: str, visit: Any) -> None:
    page = visit(plain)
    answered(page)
    says(page, TRUST, "Localised and causal")
    page.locator("#case-bar input").first.click()
    page.get_by_role("option", name="strongest head", exact=False).click()
    says(page, "#viewer", "Attention, strongest head")
    says(page, TRUST, "Localised and causal")
    pick(page, 1)
    page.wait_for_function("document.querySelector('[data-part=trust]').hidden")


def test_without_an_answer_the_methods_screen_says_what_to_do(plain: str, visit: Any) -> None:
    page = visit(plain)
    go_to(page, "Methods")
    page.wait_for_selector("#methods-choice input")
    page.click("#methods-compute")
    says(page, "#methods-notice", "no answer to explain")


def test_methods_side_by_side_with_the_shipped_pair(shipped: str, visit: Any, tmp_path: Path) -> None:
    page = visit(shipped)
    answered(page)
    go_to(page, "Methods")
    page.wait_for_selector("#methods-choice input")
    tick(page.get_by_label("The drawn finding"))
    page.click("#methods-compute")
    says(page, "#methods-status", "Finished: 4 of 4 methods")
    cards = page.locator("#methods-grid .wb-method")
    cards.nth(3).wait_for()
    assert cards.count() == 4
    for at in range(4):
        assert "from the" in cards.nth(at).inner_text() or "picture" in cards.nth(at).inner_text()
        assert "Attention" in cards.nth(at).locator("img").get_attribute("alt") or at
        assert "nats against random" in cards.nth(at).inner_text()
    page.locator("#methods-agreement tbody tr").nth(3).wait_for()
    says(page, "#methods-localisation", "Control: centre of the picture")
    page.wait_for_selector("#methods-curves .js-plotly-plot")
    page.wait_for_selector("#methods-sources .js-plotly-plot")
    says(page, "#methods-sources-note", "Most from the picture")
    page.click("#methods-compare")
    page.locator("#methods-both .wb-method").nth(2).wait_for()
    says(page, "#methods-both-words", "Tuned − base")
    page.click("#methods-heads")
    page.wait_for_selector("#methods-head-grid img")
    assert "read most from the picture" in page.locator("#methods-head-grid img").get_attribute("alt")
    page.locator("#methods-head-shares tbody tr").nth(1).wait_for()
    page.click("#methods-check")
    says(page, "#methods-status", "Sanity checks finished")
    says(page, "#methods-sanity", "Another picture")
    saved = {}
    for label in ("Picture (PNG)", "Values (CSV)", "Everything (JSON)"):
        with page.expect_download() as arriving:
            page.get_by_role("button", name=f"Save: {label}").click()
        saved[label] = tmp_path / arriving.value.suggested_filename
        arriving.value.save_as(saved[label])
    assert cv2.imread(str(saved["Picture (PNG)"])).shape[1] > 1000
    assert saved["Values (CSV)"].read_text().count("\n") > 4 * 36
    assert len(json.loads(saved["Everything (JSON)"].read_text())["methods"]) == 4
    pick(page, 2)
    page.wait_for_function("document.querySelectorAll('.wb-method').length === 0")


def test_stop_ends_a_long_comparison_and_a_phone_never_scrolls_sideways(shipped: str, visit: Any) -> None:
    page = visit(shipped, viewport={"width": 360, "height": 740})
    answered(page)
    go_to(page, "Methods")
    page.wait_for_selector("#methods-choice input")
    for name in ("SmoothGrad", "Integrated gradients", "RISE"):
        tick(page.locator("#methods-choice").get_by_label(name))
    page.click("#methods-compute")
    page.wait_for_selector(".wb-method")
    page.click("#methods-stop")
    says(page, "#methods-status", "Stopped")
    until(lambda: 1 <= page.locator(".wb-method").count() < 7, "the maps that were there")  # drawn anew
    never_wider_than_the_window(page)
