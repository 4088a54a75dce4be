"""A browser, the pages to open in it, and the steps that most tests of the page begin with."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.ui.fake_app import fake_app
from tests.ui.running import served
from tests.waiting import HANG_SECONDS, until
from workbench.models.session import LoadedModel
from workbench.settings import Settings
from workbench.ui.app import build
from workbench.ui.benchmark.tables import RESULTS_FOLDER
from workbench.ui.services import Services, default_engine

READY = ".wb-pair[data-phase=ready]"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def chromium(path: str) -> Iterator[Any]:
    """The browser at `path`, driven by playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=_FLAGS)
        yield running
        running.close()


def fake_page(kind: str, uploads: Path, results: Path = RESULTS_FOLDER) -> AbstractContextManager[str]:
    """Address of the page with stand-in models; the kinds are `fake_app.KINDS`."""
    return served(lambda: fake_app(kind, uploads.parent / "runs", results), uploads)


def shipped_page(pair: Mapping[str, LoadedModel], uploads: Path) -> AbstractContextManager[str]:
    """Address of the page with the real models, which are loaded already."""
    return models_page(pair, uploads)


def models_page(
    pair: Mapping[str, LoadedModel], uploads: Path, **settings: Any
) -> AbstractContextManager[str]:
    """Address of the page with loaded models of a test's own."""
    engine = replace(default_engine(), load=lambda role, _, **heard: pair[role], load_beside=None)
    chosen = Settings(runs_dir=uploads.parent / "runs", **settings)
    return served(lambda: build(Services(chosen, lambda: engine)), uploads)


def watched(page: Any, address: str, errors: list[str], elsewhere: list[str]) -> Any:
    """The page, patient with a busy machine, whose script errors and requests elsewhere are put down."""
    page.set_default_timeout(1000 * HANG_SECONDS)
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


def listens(page: Any) -> None:
    """Wait until the page hears clicks: what became of the models comes only with its first answer from the
    server, and a click before that may do nothing."""
    page.wait_for_selector(f"{READY}, .wb-pair[data-phase=failed]")


def go_to(page: Any, name: str) -> None:
    """Open a tab. A click that comes before the page listens does nothing, so it is made until it did."""
    tab = page.get_by_role("tab", name=name)

    def opened() -> bool:
        if tab.get_attribute("aria-selected") != "true":
            tab.click()
        return tab.get_attribute("aria-selected") == "true"

    until(opened, f"the tab {name}")


def tick(box: Any, on: bool = True) -> None:
    """Tick a box, or choose a radio button, until it is so: a form that is drawn anew forgets a click."""

    def ticked() -> bool:
        if box.is_checked() != on:
            box.click()
            box.page.wait_for_timeout(100)
        return box.is_checked() == on

    until(ticked, "a box to be ticked" if on else "a box to be unticked")


def says(page: Any, place: str, text: str) -> None:
    """Wait until the element at `place` (a CSS selector) is there and says so."""
    page.wait_for_function(
        "([place, text]) => document.querySelector(place)?.innerText.includes(text)", arg=[place, text]
    )


def holds(page: Any, place: str, value: str) -> None:
    """Wait until the form field at `place` has this value."""
    page.wait_for_function(
        "([place, value]) => document.querySelector(place)?.value === value", arg=[place, value]
    )


def never_wider_than_the_window(page: Any) -> None:
    """Wait until nothing scrolls sideways: a new layout comes a moment after a new size."""
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")


def status(page: Any, text: str) -> None:
    """Wait until the Case tab says so."""
    says(page, "#case-status", text)


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
