"""Parts of the questions: which there are, and what stands in each."""

from pathlib import Path

import pytest

from tests.bench.report_fakes import line, write_run
from workbench.bench.reports.build import build_report
from workbench.bench.scores.slices import SLICES, rare


@pytest.mark.parametrize("field", ["task", "question_type", "dataset"])
@pytest.mark.parametrize("name", ["rare", "Rare disease", "RareDis-Sub", "findings, rare"])
def test_marked_as_rare(field: str, name: str) -> None:
    assert rare(line("a", "left", **{field: name})) == "rare"


@pytest.mark.parametrize("name", ["", "side", "rarefaction", "unrare"])
def test_not_marked_as_rare(name: str) -> None:
    assert rare(line("a", "left", task=name)) != "rare"


def test_entries_of_a_slice(tmp_path: Path) -> None:
    every = [
        line("a", "left", body_part="chest", dataset="RareDis"),
        line("b", "right", body_part="chest"),
        line("c", "left", body_part="brain"),
        line("d", "left"),
        line("a", "right", model="n"),
    ]
    every[-1] = line("a", "right", model="n", body_part="chest", dataset="RareDis")
    slices = build_report(write_run(tmp_path, every)).slices
    assert list(slices) == list(SLICES)
    chest, brain = slices["body_part"]  # the question without a body part is in neither
    assert (chest.value, chest.n, chest.n_images, brain.n) == ("chest", 2, 2, 1)
    assert chest.accuracy["m"]["image"].overall.value == 1 / 2
    assert chest.accuracy["n"]["image"].overall.value == 0.0
    assert brain.accuracy["n"]["image"].overall.n == 0
    assert [(part.value, part.n) for part in slices["rare"]] == [("not marked as rare", 3), ("rare", 1)]
    assert [part.value for part in slices["answer_type"]] == ["closed"]


def test_no_rare_question_no_rare_slice(tmp_path: Path) -> None:
    assert build_report(write_run(tmp_path, [line("a", "left")])).slices["rare"] == ()
