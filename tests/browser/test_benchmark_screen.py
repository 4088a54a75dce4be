"""The Benchmark tab in a real browser: charts, tables, published figures apart, empty and broken states."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.results import write_results
from tests.ui.running import running_page
from workbench.bench.report import build_report

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    made = build_report(write_results(folder / "phantoms"))
    (folder / "phantoms" / "report.json").write_text(json.dumps(made))
    (folder / "spoilt").mkdir()
    (folder / "spoilt" / "report.json").write_text("{")
    return folder


def page_with(results: Path, uploads: Path) -> Any:
    return running_page(["-m", "tests.ui.fake_app", "{port}", "plain", str(results)], uploads)


def open_tab(browser: Any, address: str, errors: list[str], width: int = 1440) -> Any:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda request: (
            errors.append(request.url)
            if request.url.startswith("http") and not request.url.startswith(address)
            else None
        ),
    )
    page.goto(address)
    page.get_by_role("tab", name="Benchmark").click()
    page.wait_for_selector("#bench-published")
    return page


def test_measured_and_published_figures_stand_apart(browser: Any, results: Path, tmp_path: Path) -> None:
    errors: list[str] = []
    with page_with(results, tmp_path) as address:
        page = open_tab(browser, address, errors)
        page.wait_for_selector("#bench-axes .bars path")
        measured = page.inner_text("#bench-axes")
        for part in ("Perception", "Knowledge", "Rationale", "n = 10", "Mini base", "Mini tuned", "blank"):
            assert part in measured, part
        assert "most frequent letter" in measured and "gpt-5-mini" not in measured
        assert page.locator("#bench-forest .points path").count() == 5
        published = page.locator("#bench-published")
        published.locator(".bars path").first.wait_for()
        assert "78.5" in published.inner_text() and "judge" in published.inner_text()
        assert "Mini" not in published.inner_text()
        assert "66.7" in page.inner_text("#bench-slices")
        page.get_by_label("Break down by").click()
        page.get_by_role("option", name="Question type").click()
        page.wait_for_function("document.querySelector('#bench-slices').innerText.includes('finding')")
        page.get_by_label("Result", exact=True).click()
        page.get_by_role("option", name="spoilt").click()
        page.wait_for_selector("#bench-notice .wb-notice")
        assert "can't be read" in page.inner_text("#bench-notice")
        page.set_viewport_size({"width": 360, "height": 740})
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert errors == []


def test_without_results_the_command_is_shown(browser: Any, tmp_path: Path) -> None:
    errors: list[str] = []
    empty = tmp_path / "none"
    empty.mkdir()
    with page_with(empty, tmp_path) as address:
        page = open_tab(browser, address, errors)
        assert "bench run --items phantoms" in page.inner_text("#bench-empty")
        assert "Published by others" in page.inner_text("#bench-published")
    assert errors == []
