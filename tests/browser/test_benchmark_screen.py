"""The Benchmark tab in a real browser: charts, tables, published figures apart, empty and broken states."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.driving import fake_page, holds, never_wider_than_the_window, says, tick
from tests.ui.results import write_results
from tests.waiting import until
from workbench.bench.reports.build import build_report
from workbench.bench.store.results import ResultFile, read_results

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    made = build_report(write_results(folder / "phantoms"))
    (folder / "phantoms" / "report.json").write_text(json.dumps(made.to_json()))
    (folder / "spoilt").mkdir()
    (folder / "spoilt" / "report.json").write_text("{")
    return folder


def open_tab(visit: Any, address: str) -> Any:
    page = visit(address, "Benchmark")
    page.wait_for_selector("#bench-published")
    return page


def test_measured_and_published_figures_stand_apart(visit: Any, results: Path, tmp_path: Path) -> None:
    with fake_page("plain", tmp_path / "uploads", results) as address:
        page = open_tab(visit, address)
        page.wait_for_selector("#bench-axes .bars path")
        for part in ("Perception", "Knowledge", "Rationale", "n = 10", "Mini base", "Mini tuned", "blank"):
            says(page, "#bench-axes", part)
        says(page, "#bench-axes", "most frequent letter")
        assert "gpt-5-mini" not in page.inner_text("#bench-axes")
        page.locator("#bench-forest .points path").nth(4).wait_for(state="attached")
        published = page.locator("#bench-published")
        published.locator(".bars path").first.wait_for()
        says(page, "#bench-published", "78.5")
        says(page, "#bench-published", "judge")
        assert "Mini" not in published.inner_text()
        says(page, "#bench-slices", "66.7")
        page.get_by_label("Break down by").click()
        page.get_by_role("option", name="Question type").click()
        says(page, "#bench-slices", "finding")
        tick(page.get_by_role("radio", name="Radar"))
        page.wait_for_selector("#bench-axes .polarlayer .scatterlayer path", state="attached")
        page.get_by_label("Result", exact=True).click()
        page.get_by_role("option", name="spoilt").click()
        says(page, "#bench-notice", "can't be read")
        page.set_viewport_size({"width": 390, "height": 740})
        never_wider_than_the_window(page)


def test_without_results_the_command_is_shown(visit: Any, tmp_path: Path) -> None:
    empty = tmp_path / "none"
    empty.mkdir()
    with fake_page("plain", tmp_path / "uploads", empty) as address:
        page = open_tab(visit, address)
        says(page, "#bench-empty", "bench run --items phantoms")
        page.locator("#bench-published .bars path").first.wait_for()
        says(page, "#bench-published", "not measured here")


HOSTILE = "What is <img src=x onerror=\"document.title='pwned'\"> ${document.title='pwned'} shown?"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One result with a picture behind item-0, whose question tries to run script."""
    root = tmp_path_factory.mktemp("hostile")
    folder, items = write_results(root / "results" / "phantoms"), root / "items"
    items.mkdir()
    cv2.imwrite(str(items / "a.png"), np.full((60, 80, 3), 120, np.uint8))
    options = "".join(f"\n{letter}. option {letter}" for letter in "ABCD")
    unit = {"unit_id": "u1", "topic": "spot", "claim": "A spot <b>is</b> seen.", "importance": "core"}
    record = {
        "id": "item-0",
        "image": "a.png",
        "question": HOSTILE + options,
        "answer": "A",
        "perception": [unit],
    }
    (items / "items.jsonl").write_text(json.dumps(record) + "\n")
    run = json.loads((folder / "run.json").read_text())
    run["items"]["source"] = str(items / "items.jsonl")
    (folder / "run.json").write_text(json.dumps(run))
    verdict = {"unit_id": "u1", "axis": "perception", "presence": 2, "correctness": 1}
    lines = [
        replace(line, question=HOSTILE, text=f"<think>The image shows {HOSTILE}</think>", units=(verdict,))
        for line in read_results(folder)
    ]
    (folder / "results.jsonl").unlink()
    ResultFile(folder).append(lines)
    return folder.parent


def click_bar(page: Any, number: int, place: str, text: str) -> None:
    """Click a bar of the axis chart until the element at `place` says so: a chart that is drawn anew between
    the pointing and the click hears nothing."""
    bar = page.locator("#bench-axes .bars path").nth(number)

    def heard() -> bool:
        if text in page.inner_text(place):
            return True
        bar.scroll_into_view_if_needed()
        if (box := bar.bounding_box()) is None:
            return False  # drawn anew just now
        at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.move(at[0] - 4, at[1] - 4)
        page.mouse.move(*at)
        page.wait_for_timeout(50)
        if page.locator("#bench-axes .hoverlayer .hovertext").count():
            page.mouse.down()
            page.mouse.up()
            page.wait_for_timeout(500)
        return text in page.inner_text(place)

    until(heard, f"{place} to say {text!r}")


def test_from_a_bar_to_the_items_to_one_item_to_the_case_tab(
    visit: Any, hostile: Path, tmp_path: Path
) -> None:
    with fake_page("plain", tmp_path / "uploads", hostile) as address:
        page = open_tab(visit, address)
        says(page, "#bench-items", "1–10 of 10")
        assert "<img src=x" in page.inner_text("#bench-items")
        says(page, "#bench-believe", "survives a blank image")

        page.wait_for_selector("#bench-axes .bars path")
        click_bar(page, 1, "#bench-items", "scores: knowledge")

        page.locator("#bench-slices button", has_text="MRI").click()
        says(page, "#bench-items", "1–4 of 4")
        page.get_by_label("Search", exact=True).fill("no such words")
        says(page, "#bench-items", "No item fits")
        page.get_by_label("Search", exact=True).fill("")
        page.locator("#bench-jumps button", has_text="Answer accuracy").click()
        says(page, "#bench-items", "1–10 of 10")

        heading = page.locator("#bench-items .wb-sort", has_text="Item")
        heading.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#bench-items th[aria-sort=ascending]")
        page.wait_for_function("document.activeElement.dataset.key === 'sort-item_id'")
        page.locator("#bench-items .wb-open").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#bench-item .wb-step[data-axis=perception]")
        shown = page.inner_text("#bench-item")
        assert "<img src=x" in shown and "A spot <b>is</b> seen." in shown and "Composite reward" in shown
        assert page.locator("#bench-item img").count() == 1
        page.wait_for_function("'arrive' in document.activeElement.dataset")

        page.set_viewport_size({"width": 390, "height": 800})
        never_wider_than_the_window(page)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.get_by_role("button", name="Open in Case").click()
        says(page, "#case-status", "Picture ready")
        holds(page, "#case-question textarea", HOSTILE)
        assert page.input_value("#case-options textarea").splitlines()[1] == "option B"
        page.locator("#viewer canvas, #viewer img").first.wait_for()
        assert page.title() != "pwned"


def test_two_runs_are_compared_and_the_changed_items_listed(
    visit: Any, results: Path, tmp_path: Path
) -> None:
    with fake_page("plain", tmp_path / "uploads", results) as address:
        page = open_tab(visit, address)
        page.get_by_role("button", name="Compare any two runs").click()
        page.wait_for_function(
            "document.querySelectorAll('#bench-compare input')[4]?.value.includes('Mini tuned')"
        )
        page.click("#bench-compare-run")
        says(page, "#bench-compare-shown", "10 shared questions")
        shown = page.inner_text("#bench-compare-shown")
        assert "Mini tuned (picture shown, phantoms, revision r1)" in shown and str(results) not in shown
        assert "+40.0" in shown and "4 / 6 / 0" in shown and "Items answered otherwise: 4" in shown
