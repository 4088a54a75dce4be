"""The one-file report in a real browser: no console errors, no request but the file, readable on a phone."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from tests.waiting import HANG_SECONDS
from workbench.bench.asking.runner import run_bench
from workbench.bench.reports.export import write_html

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>document.title='run'</script><img src=http://127.0.0.1:9/x onerror=\"document.title='run'\">"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    models = [FakeModel(HOSTILE, first_option), FakeModel("tuned", sees_side)]
    out = run_bench(
        sided_items(folder / "items", "LLRRRR"), models, folder / "out", conditions=("image", "blank")
    )
    write_html(out, folder / "report.html")
    return folder / "report.html"


def opened(browser: Any, report: Path, width: int) -> tuple[Any, list[str], list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(1000 * HANG_SECONDS)
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    return page, told, asked


@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_without_errors_requests_or_sideways_scrolling(
    browser: Any, report: Path, width: int
) -> None:
    page, told, asked = opened(browser, report, width)
    for place in range(page.locator("summary").count()):
        page.locator("summary").nth(place).click()
    assert page.get_by_text("Not a medical device").is_visible()
    assert page.locator("article").first.is_visible()
    assert page.locator("svg rect").count() == 8  # four scores, two models
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert told == [] and asked == [report.as_uri()]
    assert page.title() == "Benchmark report: items" and page.locator("script, img").count() == 0
    page.close()


def test_marks_are_inside_the_drawing_and_words_do_not_overlap(browser: Any, report: Path) -> None:
    page, _, _ = opened(browser, report, 1280)
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('svg')].map(svg => ({
            outer: svg.getBoundingClientRect().toJSON(),
            inner: [...svg.querySelectorAll('rect, text, path, circle')].map(e =>
                e.getBoundingClientRect().toJSON()),
            words: [...svg.querySelectorAll('text')].map(e => e.getBoundingClientRect().toJSON()),
        }))"""
    )
    assert len(boxes) == 2
    for drawing in boxes:
        outer = drawing["outer"]
        for box in drawing["inner"]:
            assert box["top"] >= outer["top"] - 1 and box["bottom"] <= outer["bottom"] + 1
            assert box["left"] >= outer["left"] - 1
    for first in boxes[0]["words"]:
        others = [box for box in boxes[0]["words"] if box is not first]
        assert not any(_overlap(first, box) for box in others)
    page.close()


def _overlap(first: dict[str, float], second: dict[str, float]) -> bool:
    across = min(first["right"], second["right"]) - max(first["left"], second["left"])
    down = min(first["bottom"], second["bottom"]) - max(first["top"], second["top"])
    return across > 2 and down > 4
