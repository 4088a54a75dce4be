"""The Methods screen on a real tiny model, without a browser."""

import csv
import io
import json
import threading
from collections import deque
from typing import Any

import cv2
import numpy as np
import pytest

from tests.tiny import load_tiny, picture, save_tiny
from tests.ui.fakes import FakeModel, fake_run_case
from workbench.cases import Column, run_case
from workbench.errors import UserFacing
from workbench.explain import METRICS, Refusal, Score, explain
from workbench.explain.heatmap import HeatMap
from workbench.explain.metrics import rank_correlation
from workbench.models.answer import Decoding, Question
from workbench.settings import Settings
from workbench.ui.case.intake import picture_of
from workbench.ui.case.trust import TOO_LONG, TooLong
from workbench.ui.methods.charts import curve_figures, curves_note
from workbench.ui.methods.desk import Entry, MethodsDesk, further_metrics, registry
from workbench.ui.methods.export import export_files, figure_record, grid_picture
from workbench.ui.methods.form import Form, box_of, span_choices, span_of
from workbench.ui.methods.view import (
    agreement_table,
    cost_table,
    figure,
    figures_table,
    grid_value,
    localisation_table,
    overlay,
    sanity_table,
    score_text,
)
from workbench.ui.services import PairState, Services
from workbench.ui.sessions import Live, Run, Sessions

VISITOR = "visitor"
CHEAP = ("attention_mean", "logit_attribution", "relevancy")


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Column:
    model = load_tiny(save_tiny(tmp_path_factory.mktemp("methods") / "model"))
    question, decoding = Question("Is there a spot?"), Decoding(max_new_tokens=8)
    return deque(run_case(model, picture(60, 48), question, decoding), maxlen=1)[0]


@pytest.fixture
def desk(answered: Column) -> MethodsDesk:
    case = answered.case
    services, sessions = Services(Settings(), pytest.fail), Sessions()
    services._state = PairState("ready", "", {"base": case.model, "tuned": case.model})
    page = sessions.of(VISITOR)
    page.picture = picture_of(case.image)
    page.run = Run("case", page.picture, case.question, case.answer.decoding)
    page.live = Live({"tuned": answered})
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
        ({"span": "step:99"}, "no step 99"),
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
    def explained(case: Any, span: Any, method: str, *args: Any, **given: Any) -> Any:
        if method == "attention_mean":
            raise UserFacing("No memory.", "Use a smaller model.")
        return explain(case, span, method, *args, **given)

    monkeypatch.setattr("workbench.explain.explain", explained)
    cards = grid_value(finished(desk, methods=("relevancy", "attention_mean")))["cards"]
    assert (cards[0]["refused"], cards[0]["hint"]) == ("No memory.", "Use a smaller model.")
    assert "src" in cards[1]


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

    def explained(*args: Any, **given: Any) -> Any:
        found = explain(*args, **given)
        running.stop.set()
        return found

    monkeypatch.setattr("workbench.explain.explain", explained)
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


def test_the_cost_is_told_before_running(answered: Column) -> None:
    rows = dict(cost_table(answered.prompt, ["attention_mean", "occlusion"], curves=True)["rows"])
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


def test_the_parts_of_an_answer_that_can_be_chosen(answered: Column) -> None:
    assert [value for _, value in span_choices(answered)][-2:] == ["all", "word"]
    assert span_choices(None) == []


def test_a_typed_word_is_the_first_of_the_answer_without_regard_to_case_and_marks() -> None:
    stop = threading.Event()
    *_, column = fake_run_case(FakeModel("tuned"), picture(60, 48), Question("What?"), Decoding(), stop)
    texts = [word.text for word in column.words]
    for typed, text in ((" NODULE ", "nodule"), ("Zone", "zone."), ("opacity.", "opacity.")):
        span, at = span_of(column.case, "word", typed), texts.index(text)
        assert (span.kind, span.key, span.label) == ("word", f"word:{at}", text)
        assert span.tokens == tuple(range(column.words[at].token_start, column.words[at].token_end))


def test_further_metrics_are_those_without_a_place_of_their_own_on_the_screen() -> None:
    assert list(further_metrics()) == [
        "road", "infidelity", "unexplained", "sensitivity_max", "random_token", "complexity_rise",
    ]  # fmt: skip
    assert further_metrics()["road"] == METRICS["road"].label


def test_further_metrics_stand_in_a_table_and_in_the_export(desk: MethodsDesk) -> None:
    wanted = ("complexity_rise", "infidelity", "beauty", "gap")
    running = finished(desk, methods=("attention_mean", "relevancy"), metrics=wanted)
    assert running.metrics == ("infidelity", "complexity_rise")  # known ones, in the registry's order
    figures = running.maps[0].figures
    assert list(figures) == ["infidelity", "complexity_rise"] and figures["infidelity"].n > 0
    table = figures_table(running)
    assert table["columns"][1:] == ["Infidelity (nats²)", "Rise of complexity (share)"]
    assert [row[0] for row in table["rows"]] == ["Attention, mean", "Relevancy"]
    assert table["rows"][0][1] == score_text(figures["infidelity"])
    assert "Infidelity: How far" in table["caption"] and "(less is better)" in table["caption"]
    exported = json.loads(export_files(running)[2]["text"])["methods"][0]["figures"]
    assert list(exported) == ["infidelity", "complexity_rise"]
    assert exported["infidelity"]["value"] == pytest.approx(figures["infidelity"].value)
    assert (exported["infidelity"]["unit"], exported["infidelity"]["better"]) == ("nats²", "lower")
    assert running.maps[0].trust is None and "trust" in grid_value(running)["cards"][0]


def test_figures_nobody_asked_for_make_no_table(desk: MethodsDesk) -> None:
    running = finished(desk, methods=("relevancy",))
    assert figures_table(running) is None
    assert json.loads(export_files(running)[2]["text"])["methods"][0]["figures"] == {}


@pytest.mark.parametrize("asked", [{"curves": True}, {"curves": False, "metrics": ("road",)}])
def test_a_measurement_that_takes_too_long_says_so_and_the_map_stays(
    desk: MethodsDesk, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    def too_long(*_: Any, **__: Any) -> Any:
        raise TooLong

    monkeypatch.setattr("workbench.ui.methods.compute.watched", lambda *_, **__: too_long)
    (entry,) = finished(desk, methods=("attention_mean",), **asked).entries
    assert entry.heat is not None and entry.unmeasured == TOO_LONG


def test_a_score_in_words() -> None:
    assert score_text(Score(-0.01234, 5)) == "−0.0123"
    assert score_text(Score(None, 5)) == "–"
    assert score_text(Refusal("The map is empty.")) == "The map is empty."
    assert figure_record("road", Refusal("The map is empty.")) == {"refused": "The map is empty."}


def test_small_numbers_have_no_exponent() -> None:
    assert figure(0.0000412) == "0.0000412" and figure(123.456) == "123"
