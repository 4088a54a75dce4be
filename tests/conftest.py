"""What every test may use (real data, the shipped pair, a browser, no network); a run leaves no trace."""

import gc
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.isolation import files_below, private_places
from tests.network_guard import replacements

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_BEFORE = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported that reads the environment; workers of xdist inherit it all."""
    if _is_worker(config):
        return
    config.stash[_BEFORE] = files_below(PROJECT_ROOT)
    places = ExitStack()
    places.enter_context(private_places())
    config.add_cleanup(places.close)


def pytest_collection_finish() -> None:
    """Libraries call the garbage collector; what was imported it need not look through each time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that leaves a file in the checkout fails, whatever its tests say."""
    if _is_worker(session.config):
        return
    if _left_behind(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name in _left_behind(config):
        terminalreporter.write_line(f"LEFT BEHIND in the checkout: {name}", red=True)


def _left_behind(config: pytest.Config) -> list[str]:
    return sorted(files_below(PROJECT_ROOT) - config.stash[_BEFORE])


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


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


@pytest.fixture(scope="session")
def shipped_pair() -> Mapping[str, Any]:
    """The shipped models by role, loaded once for all tests of this process, which must not change them."""
    from workbench.models.loading import load_model
    from workbench.settings import Settings

    folders = [PROJECT_ROOT / "assets" / "models" / role for role in ("base", "tuned")]
    if not all((folder / "model.safetensors").is_file() for folder in folders):
        pytest.skip("the shipped pair is not there: train it with `make model`")
    return {folder.name: load_model(folder.name, settings=Settings(device="cpu")) for folder in folders}


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
