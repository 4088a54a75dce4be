"""Make `assets/screenshot.png` from the real page and pair: `python -m tests.browser.take_screenshot`."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.ui.running import ROOT, running_page
from workbench.doctor import find_browser

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ANSWERED = ".wb-pair[data-phase=ready]"


def take(target: Path) -> None:
    """Open an example, ask, wait for the maps, choose the tuned model's first step, save the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_page(["app.py", "--port", "{port}"], Path(folder) / "uploads") as address,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1500, "height": 1180})
        page.set_default_timeout(120_000)
        page.goto(address)
        page.wait_for_selector(ANSWERED)
        page.locator("#case-gallery button").first.click()
        page.wait_for_function("document.querySelector('#case-status').innerText.includes('Picture ready')")
        page.click("#case-ask")
        page.wait_for_function("document.querySelector('#case-status').innerText.includes('Finished.')")
        page.locator("[data-column=tuned] [data-step]").first.click()
        page.wait_for_timeout(800)
        page.screenshot(path=str(target))
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "assets" / "screenshot.png")
