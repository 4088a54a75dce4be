"""Models of one name get names of their own, by the folders that they lie in."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tiny import save_tiny
from workbench import bench
from workbench.bench.asking.naming import tell_apart
from workbench.bench.scores.compare import Side, compare_runs
from workbench.models.catalogue import ModelCard
from workbench.models.session import LoadedModel


def loaded(name: str, location: str, title: str = "") -> LoadedModel:
    parts = SimpleNamespace(tokenizer=None)
    return LoadedModel(ModelCard(name, title or name, location), None, parts, None, "1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("locations", "names"),
    [
        (["runs/rl/model", "runs/rare/model"], ["rl/model", "rare/model"]),
        (["a/run/model", "b/run/model"], ["a/run/model", "b/run/model"]),
        (["one/model", "two/model", "three/other"], ["one/model", "two/model", "other"]),
        (["same/model", "same/model"], ["model", "model"]),
    ],
)
def test_names_are_as_long_as_it_takes(locations: list[str], names: list[str]) -> None:
    models = [loaded(Path(location).name, location) for location in locations]
    tell_apart(models)
    assert [model.name for model in models] == [model.label for model in models] == names


def test_titles_keep_their_words() -> None:
    models = [loaded("model", f"{run}/model", "Tiny") for run in ("a", "b")]
    tell_apart(models)
    assert [model.label for model in models] == ["Tiny (a/model)", "Tiny (b/model)"]


def test_two_folders_called_model_answer_in_one_run_and_can_be_compared(tmp_path: Path) -> None:
    folders = [str(save_tiny(tmp_path / run / "model", seed=seed)) for seed, run in enumerate(("rl", "rare"))]
    report = bench.run("phantoms", *folders, out=tmp_path / "out", limit=2, max_new_tokens=2)
    assert [model.name for model in report.models] == ["rl/model", "rare/model"]
    found = compare_runs(Side(tmp_path / "out", "rl/model"), Side(tmp_path / "out", "rare/model"))
    assert found.n_shared == 2
    # Each alone, in results of their own, both are "model".
    outs = [tmp_path / "first", tmp_path / "second"]
    for folder, out in zip(folders, outs, strict=True):
        bench.run("phantoms", folder, out=out, limit=2, max_new_tokens=2)
    apart = compare_runs(*(Side(out, "model") for out in outs))
    assert (apart.n_shared, apart.first.model, apart.second.model) == (2, "model", "model")
