"""A browser and a page with the viewer on it, served from this machine; used through `pytest_plugins`."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.browser.viewer_page import page_text


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
    server = HTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def viewer_browser(chromium_path: str) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium_path, args=flags)
        yield running
        running.close()


@pytest.fixture
def page(viewer_browser: Any, viewer_address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of the asked size; it fails the test on any script error."""
    context = viewer_browser.new_context(
        **getattr(request, "param", {"viewport": {"width": 1400, "height": 900}})
    )
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(viewer_address)
    yield opened
    context.close()
    assert errors == []
