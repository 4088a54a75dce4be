"""A browser, pages to visit with it, and a bare page that holds the viewer alone."""

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.driving import chromium, fake_page, go_to, listens, shipped_page, watched
from tests.browser.viewer_page import page_text


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with chromium(chromium_path) as running:
        yield running


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The upload folder of the pages."""
    folder = tmp_path_factory.mktemp("page") / "uploads"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def plain(uploads: Path) -> Iterator[str]:
    """Address of a page with stand-in models."""
    with fake_page("plain", uploads) as address:
        yield address


@pytest.fixture(scope="module")
def shipped(shipped_pair: Mapping[str, Any], uploads: Path) -> Iterator[str]:
    """Address of a page with the shipped pair; skips without it."""
    with shipped_page(shipped_pair, uploads) as address:
        yield address


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """`visit(address, tab, **context)`: a page that listens; errors and requests elsewhere fail the test."""
    contexts, errors, elsewhere = [], [], []

    def open_page(address: str, tab: str | None = None, **context: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1440, "height": 950}, **context}))
        page = watched(contexts[-1].new_page(), address, errors, elsewhere)
        page.on("dialog", lambda dialog: (errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.goto(address)
        page.wait_for_selector("#case-gallery button")
        listens(page)
        if tab:
            go_to(page, tab)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert elsewhere == []


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page_text())

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def viewer_address() -> Iterator[str]:
    """Address of a bare page with the viewer on it."""
    server = HTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def page(browser: Any, viewer_address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The bare viewer in a window of the asked size; it fails the test on any script error."""
    context = browser.new_context(**getattr(request, "param", {"viewport": {"width": 1400, "height": 900}}))
    errors: list[str] = []
    opened = watched(context.new_page(), viewer_address, errors, errors)
    opened.goto(viewer_address)
    yield opened
    context.close()
    assert errors == []
