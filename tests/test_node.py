"""Which node runs the JavaScript tests: the system's, else the one from pip, else none."""

import importlib.util
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.node import find_node


def test_the_system_s_own_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert find_node() == "/usr/bin/node"


def test_then_the_one_from_pip_then_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(origin=tmp_path / "i.py"))
    assert find_node() is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "node").touch()
    os.chmod(tmp_path / "bin" / "node", 0o755)
    assert find_node() == str(tmp_path / "bin" / "node")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert find_node() is None
