"""MediX-R1's evaluation lines, in and out, and rows of its training data."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.fakes import FakeModel
from tests.bench.questions.importers.samples import draw, write_lines
from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.importers import BadRow, import_items
from workbench.bench.questions.importers.medix import write_responses
from workbench.bench.store.results import read_results


def line(identity: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": identity, "question": "Which drug?\n\nChoices:\nA. aspirin\nB. heparin", "answer": "heparin",
        "response": "<think>It thins blood.</think>heparin", "answer_idx": "B",
    } | changes  # fmt: skip


def test_lines_of_an_evaluation_file(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "slake_vqa_3.png")
    path = write_lines(
        tmp_path / "medix.jsonl",
        line("medqa_0"),
        line("medqa_1", answer_idx=None),
        line("slake_vqa_3", question="Which organ?", answer="Liver", answer_idx=None),
        line("pubmedqa_4", question="Does it?\nChoices:\nA. yes\nB. no\nC. maybe", answer="no\nIt does not.",
             answer_idx=None),
        line("path_vqa_5", question="What?"),
        line("medqa_6", answer="warfarin", answer_idx=None),
    )  # fmt: skip
    found = import_items("medix", path)
    assert [(item.item_id, item.question, item.answer, item.answer_letter) for item in found.items] == [
        ("medqa_0", "Which drug?", "heparin", "B"), ("medqa_1", "Which drug?", "heparin", "B"),
        ("slake_vqa_3", "Which organ?", "Liver", None), ("pubmedqa_4", "Does it?", "no", "B"),
    ]  # fmt: skip
    assert [item.task for item in found.items] == ["medqa", "medqa", "slake_vqa", "pubmedqa"]
    assert found.items[2].image_path == tmp_path / "images" / "slake_vqa_3.png"
    assert found.bad == (
        BadRow(5, "the task needs an image, and the file holds none"),
        BadRow(6, "the answer is none of the options"),
    )


def test_a_run_written_out_reads_back_as_the_same_items(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "in.jsonl",
        line("medqa_0"),
        line("medqa_1", question="Which?", answer="rest", answer_idx=None),
    )
    items = import_items("medix", path)

    def rule(question: Any, image: Any) -> str:
        if question.text == "fail":
            raise RuntimeError
        return "<think>…</think><answer>heparin</answer>"

    model = FakeModel("lab/Medi-X 8B", rule)
    results = read_results(
        run_bench(items, [model], tmp_path / "out", conditions=("image", "shuffled_options"))
    )
    written, count = write_responses(results, tmp_path / "export", "lab/Medi-X 8B")
    assert (written, count) == (tmp_path / "export" / "Medi_X_8B" / "Medi_X_8B.jsonl", 2)
    first, second = map(json.loads, written.read_text(encoding="utf-8").splitlines())
    assert first == line("medqa_0", response="<think>…</think><answer>heparin</answer>")
    assert (second["id"], second["answer"], second["answer_idx"]) == ("medqa_1", "rest", None)
    again = import_items("medix", written)
    assert [vars(item) for item in again.items] == [vars(item) for item in items.items]


def test_failed_answers_and_foreign_ids(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "own.jsonl",
        {"id": "case A", "question": "Which?", "answer": "rest", "dataset": "My Ward"},
        {"id": "case B", "question": "fail", "answer": "rest"},
    )

    def rule(question: Any, image: Any) -> str:
        if question.text == "fail":
            raise RuntimeError("no")
        return "rest"

    out = run_bench(import_items("plain", path), [FakeModel("m", rule)], tmp_path / "out")
    written, count = write_responses(read_results(out), tmp_path, "m")
    assert count == 1 and json.loads(written.read_text())["id"] == "my_ward_0"


def test_rows_of_the_training_data(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    row = {
        "id": "p1",
        "image": ["a.png"],
        "source": "pmc",
        "problem": "<image>Which organ?\nA. lung\nB. liver",
    }
    path = write_lines(
        tmp_path / "test.jsonl",
        row | {"solution": "<CT_SCAN> liver"},
        row | {"id": "p2", "image": [], "problem": "Which organ?", "solution": "<MICROSCOPY> the liver"},
        row | {"id": "p3", "image": ["a.png", "a.png"], "solution": "<CT_SCAN> liver"},
        row | {"id": "p4", "solution": "liver"},
    )
    found = import_items("medix", path)
    first, second, several = found.items
    assert [path.name for path in several.image_paths] == ["a.png", "a.png"]
    assert (first.modality, first.answer, first.answer_letter, first.dataset) == ("CT", "liver", "B", "pmc")
    assert (second.modality, second.image_path, second.answer_type) == ("microscopy", None, "open")
    assert [fault.reason for fault in found.bad] == ["no known modality tag in front of the solution"]


@pytest.mark.parametrize("name", ["../x_1", "/etc/passwd_1"])
def test_an_id_is_no_way_out_of_the_folder(tmp_path: Path, name: str) -> None:
    draw(tmp_path / "x_1.png")
    path = write_lines(tmp_path / "set" / "in.jsonl", line(name))
    assert import_items("medix", path).items[0].image_path is None
