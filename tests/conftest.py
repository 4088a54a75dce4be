"""Fixtures for every test: quiet environment, real data, a small picture, a browser, no network."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.network_guard import replacements

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@pytest.fixture(scope="session", autouse=True)
def quiet_environment() -> Iterator[None]:
    """No analytics, no telemetry, and none of the person's own WORKBENCH settings, for the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _QUIET.items():
            patch.setenv(name, value)
        for name in [*os.environ]:
            if name.startswith("WORKBENCH_") and name not in ("WORKBENCH_REAL_DATA", "WORKBENCH_CHROMIUM"):
                patch.delenv(name)
        patch.delenv("SPACE_ID", raising=False)
        yield


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder that holds app.py."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images with its manifest.jsonl; skips with the reason when there is none."""
    named = os.environ.get("WORKBENCH_REAL_DATA")
    folder = Path(named) if named else PROJECT_ROOT.parent / "shared" / "data" / "real"
    if not (folder / "manifest.jsonl").is_file():
        pytest.skip("no real images: set WORKBENCH_REAL_DATA to a folder that holds manifest.jsonl")
    return folder


@pytest.fixture
def tiny_rgb() -> np.ndarray:
    """uint8 RGB [40, 60, 3]: a grey ramp from left to right with one red square at x 10..19, y 5..14."""
    ramp = np.linspace(0, 255, 60).astype(np.uint8)
    picture = np.repeat(np.tile(ramp, (40, 1))[:, :, None], 3, axis=2)
    picture[5:15, 10:20] = (255, 0, 0)
    return picture


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """A Chromium to drive; skips with the reason when there is none."""
    from workbench.doctor import find_browser

    path = find_browser()
    if path is None:
        pytest.skip("no Chromium on this machine: install it, or set WORKBENCH_CHROMIUM to its path")
    return path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuse sockets outside loopback during one test; the list holds the hosts that were asked for."""
    attempts: list[str] = []
    for owner, name, function in replacements(attempts.append):
        monkeypatch.setattr(owner, name, function)
    return attempts
