"""The Probe sub-tab in a real browser: empty state, drawing, numbers, faults, one run of the real pair."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.driving import answered, never_wider_than_the_window, says

pytestmark = pytest.mark.browser


def probed(page: Any) -> None:
    """Have the first example answered, and wait until the answer can be probed."""
    answered(page)
    page.wait_for_selector(".pb-frame svg")
    page.wait_for_function("document.querySelectorAll('#probe-roles input').length === 2")


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw from one place of the picture to another, as fractions of its sides."""
    area = page.locator(".pb-frame svg")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    page.mouse.move(box["x"] + box["width"] * start[0], box["y"] + box["height"] * start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end[0], box["y"] + box["height"] * end[1], steps=6)
    page.mouse.up()


def test_before_and_after_an_answer(plain: str, visit: Any) -> None:
    page = visit(plain, "Probe")
    says(page, ".pb-empty", "Ask a question on Trace first")
    assert not page.locator("#probe-controls").is_visible()
    probed(page)
    page.click("#probe-test")
    says(page, "#probe-notice", "There is no region yet")
    page.click("#case-clear")
    page.wait_for_selector(".pb-empty")
    page.locator("#probe-controls").wait_for(state="hidden")


def test_drawing_and_the_four_numbers_agree(plain: str, visit: Any) -> None:
    page = visit(plain, "Probe")
    probed(page)
    drag(page, (0.25, 0.5), (0.5, 0.75))
    width = int(page.locator(".pb-numbers input").first.get_attribute("max"))
    values = [int(field.input_value()) for field in page.locator(".pb-numbers input").all()]
    assert values[0] == pytest.approx(width / 4, abs=2) and values[2] == pytest.approx(width / 2, abs=2)
    for field, value in zip(page.locator(".pb-numbers input").all(), (10, 20, 60, 90), strict=True):
        field.fill(str(value))
    page.keyboard.press("Tab")
    page.wait_for_function("document.querySelector('rect.pb-box').getAttribute('width') === '50'")
    page.get_by_role("button", name="Lasso").click()
    drag(page, (0.1, 0.1), (0.4, 0.5))
    assert page.locator("polygon.pb-lasso").count() == 1 and page.locator("rect.pb-box").count() == 0
    page.get_by_role("button", name="Brush").click()
    drag(page, (0.2, 0.2), (0.6, 0.2))
    drag(page, (0.2, 0.6), (0.6, 0.6))
    assert page.locator("polyline.pb-brush").count() == 2
    page.get_by_role("button", name="Clear region").click()
    assert page.locator(".pb-frame svg > *").count() == 0


def test_the_page_is_no_wider_than_a_phone(plain: str, visit: Any) -> None:
    page = visit(plain, "Probe", viewport={"width": 390, "height": 844}, has_touch=True)
    probed(page)
    never_wider_than_the_window(page)


@pytest.mark.slow
def test_the_real_pair_end_to_end(shipped: str, uploads: Path, visit: Any) -> None:
    page = visit(shipped, "Probe")
    probed(page)
    drag(page, (0.3, 0.3), (0.5, 0.5))
    page.click("#probe-test")
    page.wait_for_selector(".pb-panel .pb-words")
    says(page, "#probe-status", "Finished")
    page.locator("#probe-pictures img").nth(1).wait_for()
    page.locator(".pb-panel").nth(1).wait_for()
    says(page, "#probe-results", "After the same to the control")
    page.get_by_role("button", name="Flip left–right").click()
    says(page, "#probe-results", "Follows left and right:")
    says(page, "#probe-status", "Finished")
    page.locator("#probe-reasoning button").first.click()
    page.get_by_role("button", name="Delete it").click()
    says(page, "#probe-results", "Step 1 deleted")
    says(page, "#probe-status", "Finished")
    assert list(uploads.rglob("*.png")) == []
