"""The runner: conditions, batches, failures, stopping and resuming, with models made of rules."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from workbench.bench.asking.conditions import shuffled
from workbench.bench.asking.runner import Progress, run_bench
from workbench.bench.questions.items import Item, ItemSet
from workbench.bench.store.results import RESULTS_FILE, read_results, read_run
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Question

REQUIRED = ("item_id", "model", "condition", "question", "gold", "answer", "correct", "axes", "seconds")


def test_a_run_writes_one_scored_line_an_answer(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items")
    out = run_bench(items, [FakeModel("tuned", sees_side)], tmp_path / "out")
    lines = [json.loads(text) for text in (out / RESULTS_FILE).read_text().splitlines()]
    assert len(lines) == 12 and all(set(REQUIRED) <= set(line) for line in lines)
    line = next(line for line in lines if line["item_id"].startswith("2-"))
    assert (line["gold"], line["answer"], line["answer_letter"], line["correct"]) == (
        "right",
        "right",
        "B",
        True,
    )
    assert line["axes"]["perception"] == {"presence": 1.0, "correctness": 1.0, "score": 1.0, "n_units": 1}
    assert line["axes"]["trace_score"] == 1.0 and "knowledge" not in line["axes"]
    assert [(u["unit_id"], u["presence"], u["correctness"]) for u in line["units"]] == [
        ("u1", 2, 1),
        ("u2", 2, 1),
    ]
    assert line["parse_status"] == "ok" and line["seconds"] == 0.5
    assert "rule judge" in line["judge_protocol"] and line["decoding"]["temperature"] == 0.0


def test_blank_hides_the_picture_and_keeps_its_size(tmp_path: Path) -> None:
    items, model = sided_items(tmp_path / "items"), FakeModel("tuned", sees_side)
    out = run_bench(items, [model], tmp_path / "out", conditions=("image", "blank"))
    blank = [line for line in read_results(out) if line.condition == "blank"]
    assert {line.answer for line in blank} == {"left"}  # what the rule says of an even picture
    assert sum(line.correct for line in blank) == 6
    evens = [image for _, image in model.asked if image.pixels.std() == 0]
    assert len(evens) == 12 and {(image.width, image.height) for image in evens} == {(24, 16)}


def test_shuffled_options_are_scored_by_their_text(tmp_path: Path) -> None:
    items, model = sided_items(tmp_path / "items"), FakeModel("tuned", sees_side)
    out = run_bench(items, [model], tmp_path / "out", conditions=("shuffled_options",))
    lines = read_results(out)
    assert {line.options for line in lines} == {("right", "left")}  # two options: the other order
    assert all(line.correct and line.options[ord(line.gold_letter) - 65] == line.gold for line in lines)
    assert {question.options for question, _ in model.asked} == {("right", "left")}


def test_shuffling_is_fixed_and_never_the_same_order(tmp_path: Path) -> None:
    item = sided_items(tmp_path, "L").items[0]
    five = Item(**{**vars(item), "options": tuple("vwxyz"), "item_id": "five"})
    assert shuffled(five) == shuffled(five) != five.options
    assert sorted(shuffled(five)) == list("vwxyz")


def test_open_answers_match_exactly_after_normalising(tmp_path: Path) -> None:
    item = sided_items(tmp_path / "items", "L").items[0]
    item = Item(**{**vars(item), "options": (), "answer": "Left lung", "answer_letter": None})
    items = ItemSet("open", (item,), {}, tmp_path)
    for text, right in (("the left lung.", True), ("left", False), ("", False)):
        model = FakeModel(f"says {text!r}", lambda question, image, text=text: text)
        out = run_bench(items, [model], tmp_path / "out", mode="short")
        assert read_results(out)[-1].correct is right
    assert all(line.axes is None for line in read_results(out))  # short answers have no trace to judge


def test_one_failure_is_a_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items")
    (tmp_path / "items" / "4.png").write_text("this is no picture")

    def breaks(question: Question, image: MedicalImage | None) -> str:
        if image.pixels[0, 0, 0] > 100 and question.text.startswith("On"):
            raise RuntimeError("out of memory")
        return first_option(question, image)

    lines = read_results(run_bench(items, [FakeModel("base", breaks)], tmp_path / "out", batch_size=5))
    failed = {line.item_id: line for line in lines if line.error}
    assert len(lines) == 12 and len(failed) == 2 + 3
    assert all(line.correct is None and line.answer is None for line in failed.values())
    assert sum("out of memory" in line.error for line in failed.values()) == 3
    assert {line.item_id[0] for line in failed.values() if "out of memory" not in line.error} == {"4"}


def test_a_judge_that_breaks_loses_no_answer(tmp_path: Path) -> None:
    class Broken:
        id, protocol = "broken", "raises"

        def score(self, unit: object, trace: object) -> tuple[int, int]:
            raise ZeroDivisionError("judge")

    items = sided_items(tmp_path / "items", "L")
    line = read_results(run_bench(items, [FakeModel("tuned", sees_side)], tmp_path / "out", judge=Broken()))[
        0
    ]
    assert line.correct is None and "judge" in line.error and "<answer>left</answer>" in line.text


def test_stop_and_resume_ask_nothing_twice(tmp_path: Path) -> None:
    items, stop = sided_items(tmp_path / "items"), threading.Event()
    first, seen = FakeModel("tuned", sees_side), []

    def progress(step: Progress) -> None:
        seen.append(step)
        if step.done >= 6:
            stop.set()

    out = run_bench(items, [first], tmp_path / "out", batch_size=3, progress=progress, stop=stop)
    assert len(read_results(out)) == 6 and [step.done for step in seen] == [3, 6]
    assert all(step.total == 12 for step in seen)
    second = FakeModel("tuned", sees_side)
    run_bench(items, [second], out, batch_size=3)
    assert len(second.asked) == 6 and len(read_results(out)) == 12
    third = FakeModel("tuned", sees_side)
    run_bench(items, [third], out)
    assert not third.asked
    whole = run_bench(items, [FakeModel("tuned", sees_side)], tmp_path / "whole", batch_size=5)
    assert {line.key: line for line in read_results(out)} == {line.key: line for line in read_results(whole)}


def test_a_half_written_line_is_answered_again(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items")
    out = run_bench(items, [FakeModel("tuned", sees_side)], tmp_path / "out")
    path = out / RESULTS_FILE
    path.write_bytes(path.read_bytes()[:-40])
    again = FakeModel("tuned", sees_side)
    run_bench(items, [again], out)
    assert len(again.asked) == 1 and len(read_results(out)) == 12
    assert all(json.loads(text) for text in path.read_text().splitlines())


@pytest.mark.parametrize("changed", ["revision", "mode", "image"])
def test_what_decides_an_answer_is_in_its_key(tmp_path: Path, changed: str) -> None:
    items = sided_items(tmp_path / "items", "LR")
    out = run_bench(items, [FakeModel("tuned", sees_side)], tmp_path / "out")
    if changed == "image":
        (tmp_path / "items" / "0.png").write_bytes((tmp_path / "items" / "1.png").read_bytes())
    model = FakeModel("tuned", sees_side, "2" if changed == "revision" else "1")
    run_bench(items, [model], out, mode="short" if changed == "mode" else "trace")
    assert len(model.asked) == (2 if changed == "image" else 4)


def test_failed_ones_are_tried_again_only_on_request(tmp_path: Path) -> None:
    def breaks(question: Question, image: MedicalImage | None) -> str:
        raise RuntimeError("no")

    items = sided_items(tmp_path / "items", "LR")
    out = run_bench(items, [FakeModel("tuned", breaks)], tmp_path / "out")
    quiet, asked = FakeModel("tuned", sees_side), FakeModel("tuned", sees_side)
    run_bench(items, [quiet], out)
    run_bench(items, [asked], out, retry_failed=True)
    assert not quiet.asked and len(asked.asked) == 4
    assert [line.correct for line in read_results(out)] == [True] * 4


def test_batches_are_full_and_of_the_asked_size(tmp_path: Path) -> None:
    model = FakeModel("tuned", sees_side)
    run_bench(sided_items(tmp_path / "items"), [model], tmp_path / "out", batch_size=8)
    assert model.batches == [8, 4]


def test_run_json_states_protocol_items_and_versions(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items")
    out = run_bench(items, [FakeModel("base", first_option)], tmp_path / "out")
    run_bench(items, [FakeModel("tuned", sees_side, "abc")], out)
    run = read_run(out)
    assert list(run["models"]) == ["base", "tuned"] and run["models"]["tuned"]["revision"] == "abc"
    assert run["items"]["n"] == 12 and run["items"]["n_images"] == 6
    assert run["packages"]["numpy"] == np.__version__


def test_arguments_that_do_not_fit(tmp_path: Path) -> None:
    items, model = sided_items(tmp_path / "items", "L"), FakeModel("tuned", sees_side)
    for models, options, said in (
        ([], {}, "missing"),
        ([model, model], {}, "each once"),
        ([model], {"conditions": ("upside down",)}, "upside down"),
        ([model], {"batch_size": 0}, "batch size"),
    ):
        with pytest.raises(UserFacing, match=said):
            run_bench(items, models, tmp_path / "out", **options)
    run_bench(items, [model], tmp_path / "out")
    with pytest.raises(UserFacing, match="another folder"):
        run_bench(ItemSet("other", items.items, {}, tmp_path), [model], tmp_path / "out")
