"""The table of what each training stage changed: same questions, one row a stage."""

from dataclasses import replace

import pytest

from tests.bench.report_fakes import bare_report, number
from tests.tiny import save_tiny
from workbench.bench.questions.items import load_items
from workbench.bench.scores.numbers import ByKind
from workbench.models.loading import load_model
from workbench.training.card.ablation import measure_stages, stage_cells, stage_table_text


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    items = load_items("phantoms", limit=4)
    plain = replace(items, items=tuple(replace(i, options=(), answer_letter=None) for i in items.items))
    stages = [(label, save_tiny(folder / label, seed=seed)) for seed, label in enumerate(("base", "+SFT"))]
    return measure_stages(stages, {"a": items, "b": plain}, folder / "work", folder / "results")


def test_every_stage_answers_every_set(table):
    assert [row["stage"] for row in table] == ["base", "+SFT"]
    assert table[0]["revision"] != table[1]["revision"]
    for row in table:
        assert {name: cells["overall"]["n"] for name, cells in row["sets"].items()} == {"a": 4, "b": 4}


def test_the_text_shows_value_and_interval():
    cell = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}
    text = stage_table_text([{"stage": "base", "sets": {"a": {"overall": cell}}}])
    assert text.splitlines() == ["| stage | a, overall (n 8) |", "| --- | --- |", "| base | 50.0 (25–75) |"]


def test_weights_that_were_measured_are_not_asked_again(tmp_path):
    folder = save_tiny(tmp_path / "model", seed=3)
    revision = load_model(str(folder)).revision
    known = {revision: {"a": {"overall": {"value": 0.5, "low": 0.2, "high": 0.8, "n": 4}}}}
    sets = {"a": load_items("phantoms", limit=2)}
    found = measure_stages([("base", folder)], sets, tmp_path / "work", tmp_path / "out", measured=known)
    assert found[0]["sets"] == known[revision] and not (tmp_path / "work").exists()


def test_cells_without_a_value_are_left_out_and_without_an_interval_told_so():
    kinds = ByKind(number(1.0, n=4), number(None, n=0), number(1.0, n=4))
    report = bare_report(accuracy={"m": {"image": kinds}}, axes={"m": {"image": None}})
    cells = stage_cells(report, "m")
    assert list(cells) == ["overall", "open"]
    assert stage_table_text([{"stage": "a", "sets": {"b": cells}}]).splitlines()[2] == "| a | 100.0 | 100.0 |"
