"""A run of the tests that leaves a file in the checkout fails, and its own folder is gone afterwards."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.isolation import environment_for, files_below, private_places
from tests.waiting import finished

PARTS = ("__init__.py", "conftest.py", "isolation.py", "network_guard.py")
BODY = """
import os, tempfile
from pathlib import Path

def test_it(tmp_path):
    seen = (tempfile.gettempdir(), str(Path.home()), os.environ["WORKBENCH_RUNS_DIR"], str(tmp_path))
    (Path(__file__).parents[2] / "seen").write_text("|".join(seen))
    Path(tempfile.mkdtemp(), "big").write_text("x")
    {more}
"""


def test_settings_of_the_person_are_put_aside_but_not_where_test_material_is() -> None:
    given = {"WORKBENCH_PORT": "1", "WORKBENCH_REAL_DATA": "/data", "GRADIO_SHARE": "1", "SPACE_ID": "a/b"}
    found = environment_for(Path("/p"), given)
    assert found["WORKBENCH_PORT"] is found["GRADIO_SHARE"] is found["SPACE_ID"] is None
    assert "WORKBENCH_REAL_DATA" not in found
    assert found["WORKBENCH_RUNS_DIR"] == "/p/runs" and found["TMPDIR"] == "/p/tmp"
    assert environment_for(Path("/p"), {"XDG_CACHE_HOME": "/c"})["PLAYWRIGHT_BROWSERS_PATH"].endswith(
        "ms-playwright"
    )


def test_places_are_one_folder_that_goes() -> None:
    before = os.environ.get("TMPDIR")
    with private_places() as places:
        assert Path(tempfile.mkdtemp()).is_relative_to(places)
        assert os.environ["HOME"] == str(places / "home")
    assert not places.exists() and os.environ.get("TMPDIR") == before


def test_files_of_git_pip_and_python_do_not_count(tmp_path: Path) -> None:
    for name in ("a/b.txt", ".git/x", "a/__pycache__/y.pyc", ".venv/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == {os.path.join("a", "b.txt")}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one", "two"])
@pytest.mark.parametrize("leaves", [False, True], ids=["clean", "leaving"])
def test_a_run_of_the_tests(leaves: bool, workers: tuple[str, ...], repo_root: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "tests").mkdir(parents=True)
    for part in PARTS:
        shutil.copy(repo_root / "tests" / part, checkout / "tests" / part)
    more = "(Path(__file__).parents[1] / 'left.txt').write_text('x')" if leaves else ""
    (checkout / "tests" / "test_one.py").write_text(BODY.format(more=more))
    done = finished([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *workers], cwd=checkout)
    assert done.returncode == (1 if leaves else 0), done.stdout
    assert ("LEFT BEHIND in the checkout: left.txt" in done.stdout) == leaves
    seen = [Path(path) for path in (tmp_path / "seen").read_text().split("|")]
    assert len({path.parts[: len(seen[2].parent.parts)] for path in seen}) == 1  # all in one folder
    assert not seen[2].parent.exists()
