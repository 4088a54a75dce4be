"""Start a page in a process of its own on a free port, and always end it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 150  # machines that build in parallel are slow; the budget itself is tested elsewhere


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_page(
    arguments: Sequence[str], uploads: Path, extra_env: dict[str, str] | None = None
) -> Iterator[str]:
    """Run `python ARGUMENTS` ("{port}" is filled in) and give its address; `uploads` is its upload folder."""
    port = free_port()
    command = [sys.executable, *(part.format(port=port) for part in arguments)]
    env = {**os.environ, "GRADIO_TEMP_DIR": str(uploads), "PYTHONDONTWRITEBYTECODE": "1", **(extra_env or {})}
    log = uploads.parent / f"page-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/", process, log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"the page did not start:\n{log.read_text(errors='replace')[-3000:]}")
