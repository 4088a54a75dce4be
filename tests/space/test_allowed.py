import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import UserFacing
from workbench.space import allowed
from workbench.space.allowed import read_settings


def test_a_public_page_offers_the_enabled_models_of_the_space_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(environ={"SPACE_ID": "someone/workbench"}).public_models == ("base", "tuned")
    monkeypatch.setattr(allowed, "enabled_models", lambda: ("base", "someone/pinned"))
    settings = read_settings(["--public"], {})
    settings.require_allowed("someone/pinned")
    with pytest.raises(UserFacing, match="evil/model"):
        settings.require_allowed("evil/model")


def test_a_private_page_does_not_need_the_space_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "enabled_models", lambda: pytest.fail("space.yaml was read"))
    assert read_settings(["--port", "7001"], {}).port == 7001


@pytest.mark.parametrize(
    ("module", "other"),
    [("workbench.settings", "workbench.space"), ("workbench.space.card", "workbench.settings")],
)
def test_settings_and_the_space_file_do_not_need_each_other(module: str, other: str, repo_root: Path) -> None:
    asked = f"import sys, {module}; print({other!r} in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=repo_root
    )
    assert ran.stdout.strip() == "False"
