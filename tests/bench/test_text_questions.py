"""MedSSR's way on text questions: adversarial traces, top-k samples and recovery, from file to report."""

import json
from pathlib import Path

import pytest

from tests.tiny import planted_text_model
from workbench.bench.questions.importers import import_items
from workbench.bench.reports.build import build_report
from workbench.bench.reports.html import html_report
from workbench.bench.reports.text import bench_table_text
from workbench.bench.scores.anchoring import anchoring
from workbench.bench.store.results import Result, iter_results
from workbench.cli import main
from workbench.errors import UserFacing
from workbench.models.loading import load_model

ROWS = [
    {
        "id": f"q{at}",
        "question": f"Which is bright, number {at}?\nA. yes\nB. no",
        "gold": gold,
        "name": "nejm",
        "is_reasoning": True,
        "adversarial_trace_0": "It is not clear. Maybe the answer is B.",
        "adversarial_trace_1": " I am not sure at all. ",
        "adversarial_trace_2": "",
    }
    for at, gold in enumerate("ABA")
]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, Path]:
    """A finished run with all three conditions of text questions, and the model's folder."""
    folder = tmp_path_factory.mktemp("run")
    planted_text_model(folder / "model", " bright", " spot")
    (folder / "items.json").write_text(json.dumps(ROWS))
    assert main(command(folder)) == 0
    return folder, folder / "out"


def command(folder: Path, *more: str) -> list[str]:
    asked = "--condition image --condition anchored --condition sampled --samples 2 --top-p 0.9 --top-k 5"
    return [
        "bench", "run", "--items", str(folder / "items.json"), "--format", "medssr",
        "--model", str(folder / "model"), "--out", str(folder / "out"), "--max-new-tokens", "3", "--recover",
        "--json", *asked.split(), *more,
    ]  # fmt: skip


def test_adversarial_traces_are_read_and_empty_ones_left_out(run):
    items = import_items("medssr", run[0] / "items.json")
    assert items.items[0].anchors == ("It is not clear. Maybe the answer is B.", "I am not sure at all.")
    assert items.n_images == 0
    broken = [ROWS[0] | {"adversarial_trace_0": 7}]
    (run[0] / "broken.json").write_text(json.dumps(broken))
    with pytest.raises(UserFacing, match="adversarial trace is not text"):
        import_items("medssr", run[0] / "broken.json")


def test_every_trace_is_an_answer_that_begins_with_it(run):
    lines = [line for line in iter_results(run[1]) if line.condition == "anchored"]
    assert [(line.item_id, line.sample) for line in lines] == [
        (f"q{at}", sample) for at in range(3) for sample in (0, 1)
    ]
    for line in lines:
        assert line.error is None and line.text.startswith(
            ROWS[0][f"adversarial_trace_{line.sample}"].strip()
        )
        assert " spot spot spot" in line.text and line.answer_letter in ("A", "B")


def test_all_answers_were_recovered_and_are_counted_apart(run):
    report = build_report(run[1])
    (model,) = report.counts
    count = report.counts[model]["image"]
    assert (count.n, count.recovered, count.invalid) == (3, 3, 0)
    assert count.accuracy_without_recovered == 0.0
    assert count.parse_status == {"recovered": 3}
    text = bench_table_text(report)
    assert "3 of 3 asked again for a letter (recovered); with these counted as wrong, accuracy 0.0%" in text
    assert "3 questions without pictures" in text and "images" not in text.split("\n\n")[0]
    assert "top-p 0.9, top-k 5" in report.self_consistency[model].mean.protocol


def test_the_report_tells_how_often_right_answers_flip(run):
    report = build_report(run[1])
    (about,) = report.anchoring.values()
    assert (about.n_items, about.n_traces) == (3, 6)
    assert "right answers that turn wrong after adversarial reasoning" in bench_table_text(report)
    assert "adversarial reasoning" in html_report(run[1])
    assert type(report).from_json(report.to_json()) == report


def test_a_second_run_asks_nothing(run, monkeypatch):
    before = (run[1] / "results.jsonl").read_bytes()
    assert main(command(run[0])) == 0
    assert (run[1] / "results.jsonl").read_bytes() == before


def line(item: str, correct: bool, sample: int = 0, **more) -> Result:
    answer = {"answer": "x", "answer_letter": "A", "options": ("x", "y"), "axes": None, "seconds": 0.0}
    asked = {"model": "m", "condition": "anchored", "question": "?", "gold": "x", "image_group": item}
    return Result(
        key=f"{item}{sample}", item_id=item, correct=correct, sample=sample, **asked, **answer | more
    )


def test_flips_by_hand():
    plain = {"a": line("a", True), "b": line("b", False), "c": line("c", True)}
    given = {
        "a": [line("a", False), line("a", True, 1), line("a", False, 2)],
        "b": [line("b", True), line("b", False, 1, answer_letter=None)],
        "c": [line("c", True), line("c", True, 1, error="lost")],
        "d": [line("d", True)],  # never asked plainly
    }
    found = anchoring(given, plain, "greedy")
    assert (found.n_items, found.n_traces, found.invalid) == (4, 7, 1)
    assert (found.flipped.value, found.flipped.n, found.flipped.n_clusters) == (2 / 4, 4, 2)
    assert (found.mended.value, found.mended.n) == (1 / 2, 2)
    assert found.plain.value == pytest.approx(2 / 3) and found.accuracy.value == pytest.approx(4 / 7)
    assert anchoring(given, {}, "greedy").flipped is None


def test_a_cut_off_answer_does_not_answer_by_what_it_was_given(run, tmp_path):
    model = load_model(str(run[0] / "model"))
    assert model.name  # loads from the same folder
    assert main(
        ["bench", "run", "--items", str(run[0] / "items.json"), "--format", "medssr", "--model",
         str(run[0] / "model"), "--out", str(tmp_path / "out"), "--max-new-tokens", "3", "--json",
         "--condition", "anchored"]
    ) == 0  # fmt: skip
    lines = list(iter_results(tmp_path / "out"))
    assert {line.parse_status for line in lines} == {"no_answer"} and all(line.invalid for line in lines)


@pytest.mark.parametrize("flags", [["--top-k", "-1"], ["--top-p", "0"], ["--top-p", "1.5"]])
def test_flags_that_can_not_be_used(run, flags):
    assert main(command(run[0], *flags)) == 2
