"""What a notebook calls, on a tiny model; the examples of the docstrings; every public name is documented."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import workbench as wb
from tests.tiny import load_tiny, picture, save_tiny
from workbench.library import as_picture

ROOMS = ("", ".bench", ".cases", ".explain", ".imaging", ".models", ".traces")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[wb.LoadedModel, wb.LoadedModel]:
    folder = tmp_path_factory.mktemp("pair")
    return tuple(load_tiny(save_tiny(folder / str(seed), seed=seed)) for seed in (0, 1))


def test_a_file_an_array_and_a_picture_are_asked_alike(pair, tmp_path: Path) -> None:
    image = picture(60, 40)
    cv2.imwrite(str(tmp_path / "a.png"), cv2.cvtColor(image.pixels, cv2.COLOR_RGB2BGR))
    sources = [tmp_path / "a.png", (tmp_path / "a.png").read_bytes(), image.pixels, image]
    asked = [wb.ask(pair[0], source, "Is there a spot?", max_new_tokens=6) for source in sources]
    assert len({case.answer.ids for case in asked}) == 1
    assert asked[0].image.pixels.shape == (40, 60, 3)
    assert as_picture(None) is None


def test_options_mode_and_length_are_passed_on(pair) -> None:
    case = wb.ask(
        pair[0], picture(48, 48), "Which?", options=["left", "right"], mode="short", max_new_tokens=3, seed=4
    )
    assert case.question == wb.Question("Which?", ("left", "right"), "short")
    assert len(case.answer.ids) <= 3 and case.answer.decoding.seed == 4


def test_a_missing_file_is_told(pair, tmp_path: Path) -> None:
    with pytest.raises(wb.UserFacing, match="no file"):
        wb.ask(pair[0], tmp_path / "none.png", "What?")


def test_two_models_on_the_same_words(pair) -> None:
    both = wb.compare(*pair, picture(60, 40), "What?", max_new_tokens=6)
    found = both.explain("attention_mean", span="all", of="base")
    expected = both.base.explain("attention_mean", span="all")
    assert np.allclose(found.base_maps[0].values, expected.values, atol=1e-6)
    assert np.allclose(
        found.maps[0].values, found.tuned_maps[0].values - found.base_maps[0].values, atol=1e-7
    )
    assert str(both.base) in str(both) and str(both.tuned) in repr(both)
    with pytest.raises(wb.UserFacing, match="no side"):
        both.explain(of="third")


def test_examples_by_name() -> None:
    assert wb.example("chest-effusion").width > 100
    with pytest.raises(wb.UserFacing, match="chest-effusion"):
        wb.example("nothing")


def test_importing_loads_no_model_code() -> None:
    code = (
        "import workbench, workbench.explain, workbench.bench, workbench.cases, sys\n"
        "print(*{'torch', 'transformers', 'gradio', 'cv2'} & sys.modules.keys())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_there_and_documented(room: str, repo_root: Path) -> None:
    module = importlib.import_module(f"workbench{room}")
    told = (repo_root / "docs" / "python-api.md").read_text(encoding="utf-8")
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert re.search(rf"\b{name}\b", told), f"{module.__name__}.{name} is not in docs/python-api.md"


def test_no_public_name_is_the_name_of_a_module() -> None:
    """Importing that module would put it in the name's place."""
    for room in (*ROOMS, ".explain.metrics", ".explain.interventions", ".bench.grounding"):
        package = importlib.import_module(f"workbench{room}")
        modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
        for name in set(package.__all__) & modules:
            assert getattr(package, name).__name__ == f"workbench{room}.{name}", name


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["workbench.library", "workbench.bench.library", "workbench.cases.answered"]
)
def test_the_examples_of_the_docstrings_run(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0 and found.failed == 0


@pytest.mark.slow
def test_the_notebook_runs(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(repo_root))
    notebook = nbformat.read(repo_root / "docs" / "notebook.ipynb", as_version=4)
    done = nbclient.NotebookClient(notebook, timeout=None, kernel_name="python3").execute()
    shown = [output.get("data", {}) for cell in done.cells for output in cell.get("outputs", [])]
    assert any("image/png" in data for data in shown)  # a map shows itself as a picture
    assert any("<iframe" in data.get("text/html", "") for data in shown)  # and a case with the viewer
