"""Serve a page for a test: from threads of this process, or from a process of its own; both always end."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import pytest
from gradio import networking

from tests.waiting import until
from workbench.ui.lanes import QUEUE
from workbench.ui.theme import CSS_FILES, HEAD, theme

ROOT = Path(__file__).resolve().parents[2]
# `python app.py`, without Gradio's own check, which gives up when the page takes more than three seconds.
APP = [
    "-c",
    "import runpy; from gradio import networking; networking.url_ok = bool; "
    "runpy.run_path('app.py', run_name='__main__')",
    "--port",
    "{port}",
]


@contextmanager
def served(build: Callable[[], gr.Blocks], uploads: Path) -> Iterator[str]:
    """Serve the page that `build` makes and give its address; `uploads` is its upload folder.

    Threads of this process serve it: starting Python and importing everything takes ten times as long as
    building a page.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        patch.setattr(networking, "url_ok", _patient)
        demo = build()
        _, address, _ = demo.queue(**QUEUE).launch(
            server_name="127.0.0.1",
            prevent_thread_lock=True,
            share=False,
            run_history=False,
            enable_monitoring=False,
            footer_links=["settings"],
            quiet=True,
            theme=theme(),
            css_paths=list(CSS_FILES),
            head=HEAD,
        )
        try:
            yield address
        finally:
            demo.close(verbose=False)


@contextmanager
def running_page(arguments: Sequence[str], uploads: Path) -> Iterator[str]:
    """Run `python ARGUMENTS` ("{port}" is filled in) and give its address; `uploads` is its upload folder."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, *(part.format(port=port) for part in arguments)]
    log = uploads.parent / f"page-{port}.log"
    with log.open("wb") as out:
        environ = {**os.environ, "GRADIO_TEMP_DIR": str(uploads), "GRADIO_ANALYTICS_ENABLED": "False"}
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/"

    def ended() -> str | None:
        return None if process.poll() is None else log.read_text(errors="replace")[-3000:] or "it ended"

    try:
        until(lambda: _answers(address), "the page", ended)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _patient(address: str) -> bool:
    """Stands in for Gradio's check that the page is there."""
    until(lambda: _answers(address), "the page")
    return True


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address):
            return True
    except OSError:
        return False
