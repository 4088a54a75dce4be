"""Make `assets/screenshot.png` from the real page and pair: `python -m tests.browser.take_screenshot`."""

import sys
import tempfile
from pathlib import Path

from tests.browser.driving import answered, chromium
from tests.ui.running import APP, ROOT, running_page
from tests.waiting import HANG_SECONDS
from workbench.doctor import find_browser


def take(target: Path) -> None:
    """Open an example, ask, wait for the maps, choose the tuned model's first step, save the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_page(APP, Path(folder) / "uploads") as address,
        chromium(find_browser()) as browser,
    ):
        page = browser.new_page(viewport={"width": 1500, "height": 1180})
        page.set_default_timeout(1000 * HANG_SECONDS)
        page.goto(address)
        answered(page)
        page.locator("[data-column=tuned] [data-step]").first.click()
        page.wait_for_timeout(800)
        page.screenshot(path=str(target))


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "assets" / "screenshot.png")
