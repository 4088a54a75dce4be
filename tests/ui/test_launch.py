"""How the page is started: nothing is shared, measured or logged, and a taken port is told in a sentence."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui import launch


class _Page:
    """Stands in for `gr.Blocks`; keeps what it was launched with."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault, self.switches = fault, {}

    def queue(self, **switches: Any) -> "_Page":
        self.switches |= switches
        return self

    def launch(self, **switches: Any) -> None:
        self.switches |= switches
        if self.fault:
            raise self.fault


def test_every_switch_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    page = _Page()
    monkeypatch.setattr(launch, "build", lambda services: page)
    launch.serve(Settings(host="127.0.0.1", port=7999))
    for name in ("share", "run_history", "enable_monitoring", "show_error"):
        assert page.switches[name] is False, name
    assert page.switches["allowed_paths"] == []
    assert (page.switches["server_name"], page.switches["server_port"]) == ("127.0.0.1", 7999)
    known = set(gr.Blocks.launch.__kwdefaults__ or {}) | set(gr.Blocks.launch.__code__.co_varnames)
    assert set(page.switches) - {"max_size", "default_concurrency_limit"} <= known


def test_port_0_lets_the_system_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    page = _Page()
    monkeypatch.setattr(launch, "build", lambda services: page)
    launch.serve(Settings(port=0))
    assert page.switches["server_port"] is None


def test_a_page_that_can_not_start_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "build", lambda services: _Page(OSError("port 7999 is taken")))
    with pytest.raises(UserFacing, match="port 7999 is taken") as fault:
        launch.serve(Settings())
    assert "--port" in fault.value.hint


def test_analytics_are_off_before_gradio_is_imported(repo_root: Path) -> None:
    lines = Path(launch.__file__).read_text(encoding="utf-8").splitlines()
    off = max(at for at, line in enumerate(lines) if line.startswith("os.environ["))
    assert off < next(at for at, line in enumerate(lines) if line.startswith("from workbench"))
    asked = "import sys, workbench.errors, workbench.space.allowed; print('gradio' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=repo_root
    )
    assert ran.stdout.strip() == "False"  # what app.py imports before workbench.ui.launch


def test_app_py_only_starts_the_page(repo_root: Path) -> None:
    source = (repo_root / "app.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 20 and "serve(read_settings(sys.argv[1:]))" in source
