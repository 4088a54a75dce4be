"""A browser, the pages to open in it, and the steps that most tests of the page begin with."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.ui.running import ROOT, running_page

WAIT_MS = 90_000
READY = ".wb-pair[data-phase=ready]"
SHIPPED = [ROOT / "assets" / "models" / role / "model.safetensors" for role in ("base", "tuned")]
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def chromium(path: str) -> Iterator[Any]:
    """The browser at `path`, driven by playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=_FLAGS)
        yield running
        running.close()


def fake_page(kind: str, uploads: Path, *more: str) -> AbstractContextManager[str]:
    """Address of the page with stand-in models; the kinds are `fake_app.KINDS`."""
    return running_page(["-m", "tests.ui.fake_app", "{port}", kind, *more], uploads)


def shipped_page(uploads: Path) -> AbstractContextManager[str]:
    """Address of the page with the shipped pair."""
    return running_page(["app.py", "--port", "{port}"], uploads)


def watched(page: Any, address: str, errors: list[str], elsewhere: list[str]) -> Any:
    """The page, patient with a busy machine, whose script errors and requests elsewhere are put down."""
    page.set_default_timeout(WAIT_MS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda request: (
            elsewhere.append(request.url)
            if request.url.startswith("http") and not request.url.startswith(address)
            else None
        ),
    )
    return page


def status(page: Any, text: str) -> None:
    """Wait until the Case tab says so."""
    page.wait_for_function(
        "text => document.querySelector('#case-status').innerText.includes(text)", arg=text
    )


def pick(page: Any, number: int = 0) -> None:
    """Choose an example picture."""
    page.locator("#case-gallery button").nth(number).click()
    status(page, "Picture ready")
    page.wait_for_function("!document.querySelector('.wb-notice')")


def ask(page: Any) -> None:
    page.click("#case-ask")


def answered(page: Any) -> None:
    """Wait for the models, pick the first example, ask its question and wait for the whole answer."""
    page.wait_for_selector(READY)
    pick(page)
    ask(page)
    status(page, "Finished.")
