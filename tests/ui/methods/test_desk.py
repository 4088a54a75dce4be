"""The Methods screen on a real tiny model, without a browser."""

import csv
import io
import json
from collections import deque
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from tests.tiny import load_tiny, picture, save_tiny
from workbench.cases.column import run_case
from workbench.errors import UserFacing
from workbench.explain import explain_spans
from workbench.explain.heatmap import HeatMap
from workbench.explain.metrics import rank_correlation
from workbench.models.answer import Decoding, Question
from workbench.settings import Settings
from workbench.ui.case.intake import picture_of
from workbench.ui.methods.charts import curve_figures, curves_note
from workbench.ui.methods.desk import Entry, MethodsDesk, registry
from workbench.ui.methods.export import export_files, grid_picture
from workbench.ui.methods.form import Form, box_of, span_choices, span_of
from workbench.ui.methods.view import (
    agreement_table,
    cost_table,
    figure,
    grid_value,
    localisation_table,
    overlay,
    sanity_table,
)
from workbench.ui.services import PairState, Services
from workbench.ui.sessions import Live, Run, Sessions

VISITOR = "visitor"
CHEAP = ("attention_mean", "logit_attribution", "relevancy")


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    model = load_tiny(save_tiny(tmp_path_factory.mktemp("methods") / "model"))
    image = picture(60, 48)
    decoding = Decoding(max_new_tokens=8)
    return model, image, deque(run_case(model, image, Question("Is there a spot?"), decoding), maxlen=1)[0]


@pytest.fixture
def desk(answered: tuple[Any, Any, Any]) -> MethodsDesk:
    model, image, column = answered
    services, sessions = Services(Settings(), pytest.fail), Sessions()
    services._state = PairState("ready", "", {"base": model, "tuned": model})
    page = sessions.of(VISITOR)
    page.picture = picture_of(image)
    page.run = Run("case", page.picture, Question("Is there a spot?"), column.answer.decoding)
    page.live = Live({"tuned": column})
    return MethodsDesk(services, sessions)


def form(**changes: Any) -> Form:
    chosen = {
        "role": "tuned", "span": "all", "word": "", "methods": CHEAP, "curves": False, "region": "none",
        "box": "",
    }  # fmt: skip
    return Form(**(chosen | changes))


def finished(desk: MethodsDesk, **changes: Any) -> Any:
    running = desk.start(VISITOR, form(**changes))
    while desk.step(VISITOR):
        pass
    return running


def test_methods_come_one_by_one_in_the_order_of_the_registry(desk: MethodsDesk) -> None:
    running = desk.start(VISITOR, form(methods=("relevancy", "attention_mean")))
    assert grid_value(running)["waiting"] == ["Attention, mean", "Relevancy"]
    assert desk.step(VISITOR) is running
    assert [entry.name for entry in running.entries] == ["attention_mean"]
    desk.step(VISITOR)
    assert [entry.name for entry in running.maps] == ["attention_mean", "relevancy"] and not running.todo
    assert desk.step(VISITOR) is None


def test_stop_keeps_what_is_there(desk: MethodsDesk) -> None:
    running = desk.start(VISITOR, form())
    desk.step(VISITOR)
    desk.stop(VISITOR)
    assert desk.step(VISITOR) is None and len(running.entries) == 1
    assert grid_value(running)["waiting"] == []


def test_another_picture_ends_the_comparison(desk: MethodsDesk) -> None:
    running = desk.start(VISITOR, form())
    desk.sessions.of(VISITOR).forget_answers()
    assert running.stop.is_set() and desk.step(VISITOR) is None
    with pytest.raises(UserFacing, match="no answer to explain"):
        desk.start(VISITOR, form())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"role": "root"}, "no answer"),
        ({"role": "base"}, "no answer"),
        ({"methods": ()}, "No method"),
        ({"methods": ("magic",)}, "No method"),
        ({"span": "word", "word": "zebra"}, "no word 'zebra'"),
        ({"span": "step:99"}, "no such step"),
        ({"span": "rm -rf"}, "not one that can be explained"),
        ({"region": "lesion"}, "Nobody knows"),
        ({"region": "box", "box": "1, 2, 3"}, "four numbers"),
        ({"region": "box", "box": "a b c d"}, "no number"),
        ({"region": "box", "box": "nan 0 1 1"}, "four numbers"),
        ({"region": "box", "box": "500 500 600 600"}, "no pixel"),
        ({"region": "circle"}, "kind of region"),
    ],
)
def test_a_form_that_cannot_be_used_is_a_sentence(
    desk: MethodsDesk, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserFacing, match=sentence):
        desk.start(VISITOR, form(**changes))


def test_a_box_is_read_with_or_without_commas() -> None:
    assert box_of("1, 2.5 ,30,40").tolist() == box_of(" 1 2.5 30 40 ").tolist() == [1, 2.5, 30, 40]


def test_every_method_gives_a_map_or_a_reason(desk: MethodsDesk) -> None:
    names = tuple(name for name in registry() if name != "rise")
    running = finished(desk, methods=names)
    assert len(running.entries) == len(names)
    for card in grid_value(running)["cards"]:
        assert card["meaning"] and card["warning"]
        assert ("src" in card and card["alt"]) or card["refused"], card["label"]


def test_a_fault_of_one_method_is_its_card_and_the_next_goes_on(
    desk: MethodsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise UserFacing("No memory.", "Use a smaller model.")

    monkeypatch.setattr("workbench.explain.explain_with_context", broken)
    cards = grid_value(finished(desk, methods=("relevancy", "attention_mean")))["cards"]
    assert "src" in cards[0]
    assert (cards[1]["refused"], cards[1]["hint"]) == ("No memory.", "Use a smaller model.")


def test_curves_share_the_pictures_of_their_controls(desk: MethodsDesk) -> None:
    running = finished(desk, methods=("attention_mean", "relevancy"), curves=True)
    first, second = (entry.trust for entry in running.entries)
    assert 0 < second.forwards < first.forwards / 2
    deletion, insertion = curve_figures(running.entries)
    assert [trace.name for trace in deletion.data][3:] == ["Attention, mean", "Relevancy"]
    assert deletion.data[3].y[0] == insertion.data[3].y[-1]
    assert deletion.layout.yaxis.range == insertion.layout.yaxis.range
    assert "5 random orders" in curves_note(running.entries, "words")
    assert "nats against random" in grid_value(running)["cards"][0]["trust"]
    assert curve_figures([]) is None and curves_note([], "") == ""


def test_stopping_while_a_map_is_measured_keeps_the_map(
    desk: MethodsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = desk.start(VISITOR, form(curves=True))

    def explained(*args: Any) -> Any:
        running.stop.set()
        return explain_spans(*args)

    monkeypatch.setattr("workbench.explain.explain_spans", explained)
    desk.step(VISITOR)
    assert running.entries[0].heat is not None
    assert running.entries[0].unmeasured == "Stopped before it was measured."


def test_scores_against_a_box_stand_beside_the_centre(desk: MethodsDesk) -> None:
    running = finished(desk, region="box", box="0 0 30 24")
    table = localisation_table(running)
    assert "25.0 %" in table["caption"]
    assert [row[0] for row in table["rows"]] == [e.label for e in running.maps] + [
        "Control: centre of the picture"
    ]
    assert localisation_table(finished(desk)) is None


def test_agreement_is_the_rank_correlation_of_each_pair(desk: MethodsDesk) -> None:
    running = finished(desk)
    rows = agreement_table(running)["rows"]
    first, second = running.maps[:2]
    expected = rank_correlation(first.heat.values, second.heat.values)
    assert rows[0][2] == rows[1][1] == f"{expected:.2f}".replace("-", "−")
    assert [rows[k][k + 1] for k in range(3)] == ["1.00"] * 3
    assert agreement_table(finished(desk, methods=("relevancy",))) is None


def test_sanity_tests_say_what_they_do_not_cover(desk: MethodsDesk) -> None:
    with pytest.raises(UserFacing, match="no map to test"):
        desk.sanity(VISITOR, picture(60, 48, seed=1))
    finished(desk, methods=("attention_mean", "relevancy"))
    table = sanity_table(desk.sanity(VISITOR, picture(60, 48, seed=1)))
    assert [row[0] for row in table["rows"]] == ["Attention, mean"]
    assert len(table["columns"]) == 2 + 3 and "Not tested: Relevancy" in table["caption"]


def test_the_cost_is_told_before_running(answered: tuple[Any, Any, Any]) -> None:
    prompt = answered[2].prompt
    rows = dict(cost_table(prompt, ["attention_mean", "occlusion"], curves=True)["rows"])
    assert "one shared pass" in rows["Attention, mean"]
    assert rows["Occlusion"] == "11 forward passes"  # 9 windows on 6 × 6 patches, and two whole pictures
    assert "forward" in rows["Deletion and insertion curves"]
    assert cost_table(None, ["occlusion"], curves=False) is None


def test_the_exported_files_hold_what_was_measured(desk: MethodsDesk) -> None:
    running = finished(desk, region="box", box="0 0 30 24")
    sheet, values, everything = export_files(running)
    assert sheet["href"].startswith("data:image/png;base64,")
    rows = list(csv.DictReader(io.StringIO(values["text"])))
    assert len(rows) == 3 * 36
    assert float(rows[5]["value"]) == float(running.maps[0].heat.values[5])
    record = json.loads(everything["text"])
    assert (
        record["model"]["revision"] == running.model.revision and "Not a medical device" in record["notice"]
    )
    assert record["methods"][0]["values"] == pytest.approx(running.maps[0].heat.values.tolist())
    assert record["methods"][0]["localisation"]["energy"]["area_share"] == pytest.approx(0.25)
    assert record["agreement"]["spearman"][1][1] == pytest.approx(1)


def test_all_pictures_share_one_scale(desk: MethodsDesk) -> None:
    heat = HeatMap(
        np.array([1.0, 0.5], np.float32), np.array([[0, 0, 10, 10], [10, 0, 20, 10]]), False, "u", 0
    )
    pixels = np.zeros((10, 20, 3), np.uint8)
    entries = [Entry("a", "A", "", "", "u", False, heat=heat)]
    entries.append(
        Entry("b", "B", "", "", "u", False, heat=HeatMap(heat.values * 7, heat.boxes, False, "u", 0))
    )
    drawn = [overlay(pixels, entry, side=20) for entry in entries]
    assert (drawn[0] == drawn[1]).all() and drawn[0].any()


def test_the_grid_picture_holds_every_map(desk: MethodsDesk) -> None:
    running = finished(desk)
    sheet = grid_picture(running)
    assert sheet.shape[1] > 3 * 400 and (sheet[0] == 255).all()
    assert cv2.imencode(".png", sheet)[0]


def test_parts_of_the_answer_and_words(answered: tuple[Any, Any, Any]) -> None:
    column = answered[2]
    values = [value for _, value in span_choices(column)]
    assert values[-2:] == ["all", "word"] and span_choices(None) == []
    words = (replace(column.words[0], text="Nodule."), *column.words[1:])
    span = span_of(replace(column, words=words), "word", " NODULE ")
    assert (span.kind, span.label) == ("word", "Nodule.")
    assert span.tokens == tuple(range(words[0].token_start, words[0].token_end))


def test_small_numbers_have_no_exponent() -> None:
    assert figure(0.0000412) == "0.0000412" and figure(123.456) == "123"
