import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import UserFacing
from workbench.models.checkpoints.source import find_source
from workbench.space import allowed
from workbench.space.allowed import read_settings
from workbench.space.card import SPACE_FILE, pinned_models


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


def test_a_commit_in_the_space_file_is_what_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit, entry = (
        "0123456789" * 4,
        "  - id: MBZUAI/MediX-R1-8B\n    role: tuned\n    path: null\n    revision: ",
    )
    text = SPACE_FILE.read_text(encoding="utf-8")
    assert f"{entry}null" in text
    file = tmp_path / "space.yaml"
    file.write_text(text.replace(f"{entry}null", f"{entry}{commit}"), encoding="utf-8")
    monkeypatch.setattr(allowed, "pinned_models", lambda: pinned_models(file))
    for private in (read_settings([], {}), read_settings(["--public"], {})):
        assert private.pins == {"MBZUAI/MediX-R1-8B": commit}
    assert str(find_source("MBZUAI/MediX-R1-8B", read_settings([], {})).hub).endswith(f"@{commit}")
    with pytest.raises(UserFacing, match="public page"):  # pinned, but not enabled
        find_source("MBZUAI/MediX-R1-8B", read_settings(["--public"], {}))
    assert pinned_models(tmp_path / "none.yaml") == {}


def test_the_pair_of_a_public_page_is_no_way_round_its_list(tmp_path: Path) -> None:
    for role in ("base", "tuned"):
        for ref in ("evil/model", str(tmp_path)):
            by_flag = read_settings(["--public", f"--{role}", ref], {})
            by_variable = read_settings([], {"SPACE_ID": "a/b", f"WORKBENCH_{role.upper()}": ref})
            for settings in (by_flag, by_variable):
                with pytest.raises(UserFacing, match="public page"):
                    settings.require_allowed(role)


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
