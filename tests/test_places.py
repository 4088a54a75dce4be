from pathlib import Path

import pytest

from workbench import places
from workbench.places import keeping_folder, root_of


def test_files_stand_beside_the_package_in_a_checkout_and_inside_it_when_installed(tmp_path: Path) -> None:
    package = tmp_path / "workbench"
    package.mkdir()
    (tmp_path / "assets").mkdir()
    assert root_of(package) == tmp_path
    (package / "assets").mkdir()
    assert root_of(package) == package


def test_an_installed_package_keeps_nothing_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keeping_folder(tmp_path, installed=False) == tmp_path
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert keeping_folder(tmp_path, installed=True) == tmp_path / "data" / "workbench"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert keeping_folder(tmp_path, installed=True) == tmp_path / "home" / ".local" / "share" / "workbench"


def test_this_checkout_is_known_as_one(repo_root: Path) -> None:
    assert not places.INSTALLED
    assert repo_root == places.ROOT == places.KEPT
    assert (places.ASSETS / "models" / "catalogue.json").is_file()


def test_no_other_module_works_out_where_the_assets_lie(repo_root: Path) -> None:
    for file in sorted((repo_root / "workbench").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        assert file.name == "places.py" or "__file__" not in text or '"assets"' not in text, file
