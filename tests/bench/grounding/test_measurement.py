"""The grounding benchmark on a planted model, whose right place is known, and its report by hand."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from tests.tiny import PLANTED_TOKEN, planted_model
from workbench.bench.grounding import measurement as grounding
from workbench.bench.grounding.items import GroundingItem, phantom_items, real_items
from workbench.bench.grounding.lines import LINES_FILE, Protocol, read_lines
from workbench.bench.grounding.measurement import run_grounding
from workbench.bench.grounding.report import (
    as_csv,
    as_text,
    build_grounding,
    chart_input,
    load_grounding,
    table_rows,
    write_grounding,
)
from workbench.cases import AnsweredCase, Column
from workbench.cli import build_parser
from workbench.commands import grounding as command
from workbench.errors import UserFacing
from workbench.explain import Refusal, explain
from workbench.explain.metrics import region_mask
from workbench.imaging import from_array
from workbench.models.answer import Answer, Question
from workbench.models.session import LoadedModel
from workbench.settings import Settings
from workbench.traces.trace import Step, Trace

QUESTION = Question("left")
BOXES = {"first": (16, 32, 24, 40), "second": (0, 8, 8, 16)}  # one patch of 8 pixels each
METHODS = ("attention_mean", "logit_attribution", "relevancy")
FAST = Protocol(steps=4, random_orders=3)


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> LoadedModel:
    return planted_model(tmp_path_factory.mktemp("planted") / "model")


def _item(name: str, answer: str = "yes") -> GroundingItem:
    pixels = np.zeros((48, 48, 3), np.uint8)
    x0, y0, x1, y1 = BOXES[name]
    pixels[y0:y1, x0:x1] = 255
    region = region_mask((48, 48), np.array([BOXES[name]]))
    return GroundingItem(name, "phantom", "chest", name, from_array(pixels), QUESTION, answer, region)


@pytest.fixture
def answering(monkeypatch) -> list[str]:
    """Every model answers "yes" with the planted token as its only, perceiving step."""
    asked = []

    def run_case(model, image, question, decoding):
        asked.append(question.text)
        answer = Answer((PLANTED_TOKEN,), "x", ((0, 1),), (0.0,), "stop")
        step = Step(0, "perception", "x", 0, 1, "test", 0, 1)
        trace = Trace("ok", "test", (step,), answer_text="yes")
        case = AnsweredCase(model, model.prepare(question, image), image, answer, trace)
        yield Column("m", "m", "done", case=case)

    monkeypatch.setattr(grounding, "run_case", run_case)
    return asked


def test_a_run_of_two_items_finds_the_planted_patch_and_beats_the_centre(planted, answering, tmp_path):
    run_grounding([_item("first"), _item("second")], [planted], METHODS, tmp_path, protocol=FAST)
    report = write_grounding(tmp_path)
    rows = {row["method"]: row for row in report["rows"]}
    assert list(rows) == ["centre_prior", *METHODS]
    for name in METHODS:
        row = rows[name]
        assert (row["n"], row["images"], row["refused"], row["span"]) == (2, 2, 0, "finding step")
        assert row["pointing"]["value"] == 1
        assert row["pointing"]["difference"] == 1 - rows["centre_prior"]["pointing"]["value"] == 1
        assert row["deletion_gap"]["value"] > 0.3
        assert row["insertion_gap"]["value"] > rows["centre_prior"]["insertion_gap"]["value"]
        assert row["seconds"] > 0 and row["peak_bytes"] >= 0
    assert rows["relevancy"]["energy"]["value"] > 0.5
    assert rows["centre_prior"]["seconds"] is None
    assert report["models"] == {planted.name: planted.revision}
    assert report["answered"] == [
        {"origin": "phantom", "model": planted.name, "asked": 2, "right": 2, "explained": 2}
    ]


def test_a_stopped_run_goes_on_and_a_new_method_is_added_to_old_items(planted, answering, tmp_path):
    items, seen = [_item("first"), _item("second")], []
    run_grounding(items[:1], [planted], METHODS[:1], tmp_path, protocol=FAST)
    path = tmp_path / LINES_FILE
    path.write_text(path.read_text() + '{"key": "half')  # the power went
    run_grounding(items, [planted], METHODS[:1], tmp_path, protocol=FAST, progress=seen.append)
    assert len(answering) == 2  # the first item was not asked again
    assert [(one.done, one.total, one.item) for one in seen] == [(1, 2, "first"), (2, 2, "second")]
    run_grounding(items, [planted], METHODS[:2], tmp_path, protocol=FAST)
    assert len(answering) == 4
    lines = read_lines(path)
    assert [list(line["methods"]) for line in lines] == [list(METHODS[:2])] * 2
    run_grounding(items, [planted], METHODS[:2], tmp_path, protocol=FAST)
    assert len(answering) == 4
    run_grounding(items, [planted], METHODS[:1], tmp_path, protocol=replace(FAST, seed=1))
    assert len(answering) == 6  # another protocol is another measurement


def test_a_wrong_answer_is_counted_and_not_explained(planted, answering, tmp_path):
    items = [_item("first", "no"), _item("second")]
    for _ in range(2):
        run_grounding(items, [planted], METHODS[:1], tmp_path, protocol=FAST)
    assert len(answering) == 2
    report = build_grounding(tmp_path)
    assert report["answered"][0] | {"model": ""} == {
        "origin": "phantom", "model": "", "asked": 2, "right": 1, "explained": 1,
    }  # fmt: skip
    assert {row["n"] for row in report["rows"]} == {1}
    assert all(row["energy"]["low"] is None for row in report["rows"])  # one picture has no interval


def test_a_refusal_is_a_row_with_its_reason(planted, answering, tmp_path, monkeypatch):
    refused = {"relevancy": Refusal("There are no gradients.")}
    monkeypatch.setattr(
        grounding, "explain", lambda case, span, name, **given: refused.get(name) or explain(case, span, name)
    )
    run_grounding([_item("first")], [planted], ("attention_mean", "relevancy"), tmp_path, protocol=FAST)
    report = write_grounding(tmp_path)
    row = next(row for row in report["rows"] if row["method"] == "relevancy")
    assert (row["n"], row["refused"], row["reasons"]) == (0, 1, ["There are no gradients."])
    assert "no map: There are no gradients." in as_text(report)
    assert "relevancy" not in chart_input(report)[0]["x"]


def test_unknown_methods_and_nothing_to_do_are_refused(planted, tmp_path):
    with pytest.raises(UserFacing, match="no method named 'guess'"):
        run_grounding([_item("first")], [planted], ("guess",), tmp_path)
    with pytest.raises(UserFacing, match="no pictures"):
        run_grounding([], [planted], METHODS, tmp_path)
    with pytest.raises(UserFacing, match="no grounding results"):
        build_grounding(tmp_path)


def _line(name: str, pointing: float, prior: float, method: str = "one") -> dict:
    def figures(value):
        return {
            "pointing": value,
            "energy": value / 2,
            "auprc": 0.5,
            "deletion_gap": 1.0,
            "insertion_gap": 2.0,
        }

    return {
        "key": name, "item": name, "origin": "phantom", "model": "m", "revision": "r", "group": name,
        "correct": True, "protocol": {}, "span": {"kind": "finding step", "label": "x", "tokens": 1},
        "centre_prior": figures(prior),
        "methods": {method: figures(pointing) | {"seconds": 1.5, "peak_bytes": 7}},
    }  # fmt: skip


@pytest.fixture
def by_hand(tmp_path):
    lines = [_line(f"p{n}", pointing=float(n != 0), prior=float(n == 1)) for n in range(4)]
    (tmp_path / LINES_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return write_grounding(tmp_path)


def test_the_report_by_hand(by_hand):
    prior, row = by_hand["rows"]
    found = row["pointing"]
    assert (found["value"], found["prior"], found["difference"]) == (0.75, 0.25, 0.5)
    # Wilson for 3 of 4 at 95 %
    assert (found["low"], found["high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert found["difference_low"] == 0 and found["difference_high"] == 1  # of 0, 0, 1 and 1, four draws
    assert (prior["pointing"]["value"], prior["pointing"]["difference"]) == (0.25, 0)
    assert (row["seconds"], row["peak_bytes"], row["n"]) == (1.5, 7, 4)


def test_the_json_is_read_back_into_a_table_and_a_chart(by_hand, tmp_path):
    report = load_grounding(tmp_path)
    assert report == load_grounding(tmp_path / "grounding.json") == by_hand
    header, rows = table_rows(report)
    assert {len(row) for row in rows} == {len(header)}
    assert rows[1][:6] == ["phantom", "m", "finding step", "one", "4", "0.75 [0.30, 0.95]"]
    (bar,) = chart_input(report, "pointing")
    assert (bar["x"], bar["y"]) == (["centre_prior", "one"], [0.25, 0.75])
    assert bar["error_y"]["array"][1] == pytest.approx(0.9544 - 0.75, abs=1e-4)
    table = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [row["method"] for row in table] == ["centre_prior", "one"]
    assert (table[1]["pointing_value"], table[1]["revision"]) == ("0.75", "r")
    with pytest.raises(ValueError, match="no figure"):
        chart_input(report, "beauty")


def test_a_broken_report_and_a_broken_line_are_named(tmp_path):
    (tmp_path / "grounding.json").write_text("[]")
    with pytest.raises(UserFacing, match="no grounding report"):
        load_grounding(tmp_path)
    with pytest.raises(UserFacing, match="can't be read"):
        load_grounding(tmp_path / "missing.json")
    (tmp_path / LINES_FILE).write_text("{broken\n" + json.dumps(_line("p", 1, 0)) + "\n")
    with pytest.raises(UserFacing, match="Line 1"):
        read_lines(tmp_path / LINES_FILE)


def test_phantom_items_are_held_out_and_know_their_lesion():
    first, again = list(phantom_items(6)), list(phantom_items(6))
    for item, same in zip(first, again, strict=True):
        assert (item.image.pixels == same.image.pixels).all() and item.question == same.question
        assert 0 < item.region.mean() < 0.5
        assert item.region.shape == item.image.pixels.shape[:2]
        assert not item.question.options or item.answer in item.question.options
    assert len({item.item_id for item in first}) == 6
    assert len({item.task for item in first}) > 3


def test_real_items_come_from_a_manifest_with_boxes(tmp_path):
    (tmp_path / "a.png").write_bytes(_png(30, 20))
    qa = [
        {"qid": "q0", "question": "Which organ?", "answer": "lung", "region_ids": ["whole"]},
        {"qid": "q1", "question": "What is it?", "answer": "nodule", "region_ids": ["r0", "gone"]},
    ]
    regions = [{"id": "r0", "box": [3, 4, 9, 10]}, {"id": "whole", "box": [0, 0, 30, 20]}]
    record = {"id": "a", "file": "a.png", "modality": "CT", "regions": regions, "qa": qa}
    plain = {
        "id": "b",
        "file": "a.png",
        "modality": "CT",
        "regions": [],
        "qa": [{"question": "?", "answer": "x"}],
    }
    (tmp_path / "manifest.jsonl").write_text(json.dumps(plain) + "\n" + json.dumps(record) + "\n")
    (item,) = real_items(tmp_path)
    assert (item.item_id, item.origin, item.group, item.answer) == ("a-q1", "real", "a", "nodule")
    assert item.region.sum() == 36 and item.region[4, 3] and not item.region[3, 3]
    with pytest.raises(UserFacing, match="holds no manifest"):
        list(real_items(tmp_path / "none"))
    (tmp_path / "manifest.jsonl").write_text('{"id": 1, "qa": [{"region_ids": ["x"]}], "regions": [{}]}\n')
    with pytest.raises(UserFacing, match="Line 1"):
        list(real_items(tmp_path))


def _png(width: int, height: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_the_real_data_has_items(real_data):
    items = list(real_items(real_data, 3))
    assert len(items) == 3
    assert all(0 < item.region.mean() <= 0.5 for item in items)


def test_the_command_line_knows_it(tmp_path):
    args = build_parser().parse_args(["bench", "grounding", "--out", str(tmp_path), "--methods", "occlusion"])
    assert (args.module, args.limit, args.steps, args.model) == ("grounding", 40, 8, [])
    for flags in (["--limit", "0"], ["--steps", "1"]):
        args = build_parser().parse_args(["bench", "grounding", "--out", str(tmp_path), *flags])
        with pytest.raises(UserFacing, match="can't be"):
            command.run(args, Settings())


def test_progress_is_a_line_an_item():
    said = []
    command.progress_lines(said.append)(grounding.GroundingProgress(3, 8, "tuned", "chest-1"))
    assert said == ["3 of 8 ('tuned', chest-1)\n"]
