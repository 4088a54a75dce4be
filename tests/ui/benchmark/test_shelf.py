"""Which results a page may see, and what an imported one is called."""

from pathlib import Path
from typing import Any

import pytest

from tests.ui.results import write_results
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.benchmark.shelf import CAPACITY, MOST_IMPORTS, Shelf


def shelf_of(tmp_path: Path, **settings: Any) -> Shelf:
    write_results(tmp_path / "stored" / "phantoms")
    return Shelf(tmp_path / "stored", Settings(**settings, runs_dir=tmp_path / "runs"))


def test_runs_of_ones_own_page_are_kept_and_named(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path)
    write_results(shelf.run_folder("p", "phantoms-first-5"))
    assert list(shelf.names(None)) == ["phantoms", "phantoms-first-5 (run from this screen)"]
    shelf.drop("p")
    assert "phantoms-first-5 (run from this screen)" in shelf_of_again(tmp_path).names("another")


def shelf_of_again(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "stored", Settings(runs_dir=tmp_path / "runs"))


def test_a_visitor_sees_only_their_own(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path, public=True)
    write_results(shelf.run_folder("p", "phantoms-first-5"))
    name = "phantoms-first-5 (run from this screen)"
    assert name in shelf.names("p") and name not in shelf.names("q") and name not in shelf.names(None)
    with pytest.raises(UserFacing, match="no such result"):
        shelf.folder("q", name)
    for forged in ("../../etc", None, ["phantoms"], "/"):
        with pytest.raises(UserFacing, match="no such result"):
            shelf.folder("p", forged)


def test_an_imported_result_is_never_called_measured(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path)
    write_results(shelf.import_folder("p") / "theirs")
    report = shelf.report("p", "theirs (imported, not measured here)")
    assert report.items.name == "phantoms (imported, not measured here)"
    number = report.accuracy["tuned"]["image"].overall
    assert report.origin == number.origin == "imported" and number.value == 0.8
    assert '"measured"' not in repr(report) and "'measured'" not in repr(report)
    assert shelf.report("p", "phantoms").origin == "measured"


def test_folders_of_visitors_are_bounded_and_go(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path, public=True)
    folders = [shelf.import_folder(f"visitor {number}") for number in range(CAPACITY + 1)]
    assert not folders[0].exists() and folders[1].is_dir() and folders[-1].is_dir()
    assert all("visitor" not in str(folder) for folder in folders)
    shelf.drop("visitor 1")
    assert not folders[1].exists()
    shelf.drop("nobody")


def test_imports_of_one_visitor_are_bounded(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path)
    for number in range(MOST_IMPORTS):
        (shelf.import_folder("p") / str(number)).mkdir()
    with pytest.raises(UserFacing, match=f"{MOST_IMPORTS} imported results"):
        shelf.import_folder("p")
    assert shelf.import_folder("q").is_dir()
    shelf.drop("p")
    assert list(shelf.import_folder("p").iterdir()) == []
