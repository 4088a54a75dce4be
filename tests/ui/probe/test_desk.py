"""The Probe screen's desk on a tiny real model."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.explain.interventions.cases import TRACE, case_of
from tests.models.families import tiny_configs
from tests.tiny import load_tiny, picture, save_tiny
from tests.ui.html.trees import words
from workbench.cases import Column
from workbench.errors import UserFacing
from workbench.explain.interventions import picture as picture_module
from workbench.models.answer import Decoding, Question
from workbench.ui.case.intake import picture_of
from workbench.ui.probe.desk import AnyOf, ProbeDesk, Stage, region_from
from workbench.ui.probe.view import results_nodes, stage_value
from workbench.ui.sessions import Live, Run, Sessions

PAGE = "page"
OPTIONS = ("left", "right", "upper")
BOX = [{"kind": "box", "points": [[8, 8], [24, 24]]}]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load_tiny(save_tiny(tmp_path_factory.mktemp("tiny") / "model"))


@pytest.fixture
def desk(tiny) -> ProbeDesk:
    """A desk with one page on which both columns have answered; both are the same tiny model."""
    services = SimpleNamespace(pair=lambda stop: {"base": tiny, "tuned": tiny})
    desk = ProbeDesk(services, Sessions())
    page = desk.sessions.of(PAGE)
    image = picture(48, 40)
    case = case_of(tiny, image, TRACE, OPTIONS, max_new_tokens=4)
    page.picture = picture_of(image)
    page.run = Run("case1", page.picture, Question("left", OPTIONS), Decoding(4))
    column = Column("tiny", "Tiny", "done", case=case)
    page.live = Live({"base": column, "tuned": column})
    return desk


def test_nothing_to_probe_before_an_answer() -> None:
    desk = ProbeDesk(SimpleNamespace(), Sessions())
    assert desk.stage(PAGE) == Stage() and stage_value(desk.stage(PAGE)) is None
    for attempt in (
        desk.region(PAGE, ["base"], BOX, "remove", "blur", 0, {}),
        desk.whole(PAGE, ["base"], "blank", 0, {}),
        desk.trace(PAGE, "base", "delete", 1, "answer", "", {}),
    ):
        with pytest.raises(UserFacing, match="no answer"):
            next(attempt)


def test_the_stage_tells_steps_titles_and_picture(desk) -> None:
    stage = desk.stage(PAGE)
    assert list(stage.titles.values()) == ["Base: Tiny", "Tuned: Tiny"]
    assert [len(steps) for steps in stage.steps.values()] == [3, 3]
    assert stage.options and stage_value(stage)["width"] == 48
    page = desk.sessions.of(PAGE)
    before = stage.case
    page.live = Live({"base": replace(page.live.columns["base"], status="streaming")})
    assert desk.stage(PAGE) == Stage() and before


def test_a_region_streams_effect_then_answers_for_each_model(desk) -> None:
    seen = list(desk.region(PAGE, ["base", "tuned"], BOX, "remove", "mean", 0, {}))
    assert [p.busy for p in seen] == [True] * 6 + [False]
    first, last = seen[0].panels, seen[-1].panels
    assert len(first) == 1 and first[0].outcome.effect and first[0].outcome.regenerated is None
    assert [p.role for p in last] == ["base", "tuned"]
    assert all(p.outcome.regenerated and p.outcome.control_regenerated for p in last)
    assert seen[-1].findings["case"] == desk.stage(PAGE).case
    assert len(seen[-1].findings["base"]) == len(seen[-1].findings["tuned"]) == 1


def test_findings_add_up_and_belong_to_their_case(desk) -> None:
    *_, first = desk.whole(PAGE, ["tuned"], "blank", 0, {})
    *_, second = desk.whole(PAGE, ["tuned"], "flip", 0, first.findings)
    assert [f.kind for f in second.findings["tuned"]] == ["blank", "flip"]
    states = {v.name: v.state for v in second.panels[0].verdicts}
    assert states["region_causal"] == "not tested"
    *_, other = desk.whole(PAGE, ["tuned"], "blank", 0, {**second.findings, "case": "older"})
    assert len(other.findings["tuned"]) == 1


def test_shuffles_and_trace_edits(desk) -> None:
    *_, shuffled = desk.shuffle(PAGE, ["base"], 0, {})
    assert len(shuffled.panels[0].outcome.shuffles) == 3
    *_, edited = desk.trace(PAGE, "base", "truncate", 1, "answer", "", shuffled.findings)
    assert edited.panels[0].outcome.label == "Reasoning stopped after step 1"
    assert [f.kind for f in edited.findings["base"]] == ["shuffle", "trace"]
    *_, last = desk.trace(PAGE, "base", "replace", 1, "answer", "", {})
    assert "no text" in last.panels[0].fault["message"] and "base" not in last.findings


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda d: d.whole(PAGE, [], "blank", 0, {}), "No model"),
        (lambda d: d.whole(PAGE, ["base"], "rotate", 0, {}), "not known"),
        (lambda d: d.whole(PAGE, ["base"], "noise", -1, {}), "seed"),
        (lambda d: d.whole(PAGE, ["base"], "noise", float("nan"), {}), "seed"),
        (lambda d: d.region(PAGE, ["base"], [], "remove", "blur", 0, {}), "no region"),
        (lambda d: d.region(PAGE, ["base"], BOX, "crop", "blur", 0, {}), "not known"),
        (lambda d: d.trace(PAGE, "base", "delete", None, "answer", "", {}), "No step"),
    ],
)
def test_odd_requests_are_refused_in_words(desk, attempt, message) -> None:
    with pytest.raises(UserFacing, match=message) as fault:
        next(attempt(desk))
    assert fault.value.hint


def test_a_model_that_fails_leaves_the_other_one_its_result(desk, monkeypatch) -> None:
    real, calls = picture_module.picture_effects, []

    def sometimes(case, pictures, labels):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("secret detail of a patient")
        return real(case, pictures, labels)

    monkeypatch.setattr(picture_module, "picture_effects", sometimes)
    *_, last = desk.whole(PAGE, ["base", "tuned"], "blank", 0, {})
    broken, fine = last.panels
    assert "Something went wrong" in broken.fault["message"] and broken.outcome is None
    assert fine.outcome.effect is not None
    assert "secret" not in words(results_nodes(last.panels))


def test_stop_keeps_what_was_measured(desk) -> None:
    stream = desk.region(PAGE, ["base", "tuned"], BOX, "remove", "mean", 0, {})
    first = next(stream)
    desk.stop(PAGE)
    *_, last = stream
    assert last.status.startswith("Stopped") and [p.role for p in last.panels] == ["base"]
    assert last.panels[0].outcome.effect == first.panels[0].outcome.effect
    desk.stop(PAGE)  # nothing runs: nothing happens
    assert desk._stops == {}


def test_a_page_that_moved_on_gets_nothing_more(desk) -> None:
    stream = desk.region(PAGE, ["base", "tuned"], BOX, "remove", "mean", 0, {})
    next(stream)
    desk.sessions.drop(PAGE)
    assert list(stream) == []
    assert desk._stops == {}


def test_either_event_stops() -> None:
    first, second = threading.Event(), threading.Event()
    both = AnyOf(first, second)
    assert not both.is_set()
    second.set()
    assert both.is_set()


def test_regions_from_the_browser() -> None:
    size = (48, 40)
    assert region_from(BOX, size).area == 256
    lasso = {"kind": "lasso", "points": [[0, 0], [20, 0], [0, 20]]}
    brush = {"kind": "brush", "points": [[30, 30]], "radius": 3}
    assert region_from([lasso], size).mask[2, 2]
    assert region_from([brush, {**brush, "points": [[200, 200]]}], size).mask[30, 30]


@pytest.mark.parametrize(
    "shapes",
    [
        None, [], "box", [1], [{}], [{"kind": "box"}], [{"kind": "box", "points": "x"}],
        [{"kind": "box", "points": [[1, 2]]}], [{"kind": "star", "points": [[1, 2], [3, 4]]}],
        [{"kind": "box", "points": [[60, 60], [70, 70]]}], [{"kind": "box", "points": [[5, 5], [5, 9]]}],
        [{"kind": "brush", "points": [[5, 5]], "radius": "wide"}], BOX * 41,
        [{"kind": "lasso", "points": [[float("nan"), 1], [2, 2], [3, 9]]}],
    ],
)  # fmt: skip
def test_broken_regions_are_refused_with_a_hint(shapes) -> None:
    with pytest.raises(UserFacing) as fault:
        region_from(shapes, (48, 40))
    assert fault.value.hint


@pytest.fixture
def text_desk(tmp_path) -> ProbeDesk:
    """A desk whose question was asked without a picture."""
    model = load_tiny(tiny_configs.save_text(tmp_path / "model", "qwen3"))
    desk = ProbeDesk(SimpleNamespace(), Sessions())
    page = desk.sessions.of(PAGE)
    page.run = Run("case1", None, Question("left", OPTIONS), Decoding(4))
    page.live = Live({"tuned": Column("tiny", "Tiny", "done", case=case_of(model, None, TRACE, OPTIONS))})
    return desk


def test_without_a_picture_the_reasoning_can_be_probed(text_desk) -> None:
    stage = text_desk.stage(PAGE)
    assert stage.picture is None and stage_value(stage) == {"case": stage.case}
    assert text_desk.pixels(PAGE) is None
    *_, last = text_desk.anchor(PAGE, ["tuned"], "The zone is small.", {})
    (panel,) = last.panels
    assert panel.outcome.regenerated.answer.text.startswith("<think>The zone is small.")
    assert {v.name: v.state for v in panel.verdicts}["anchored"] in ("yes", "no", "unclear", "not tested")
    assert "Begun with the given reasoning" in words(results_nodes(last.panels))
    with pytest.raises(UserFacing, match="no picture to change"):
        next(text_desk.region(PAGE, ["tuned"], BOX, "remove", "blur", 0, {}))


def test_reasoning_to_begin_with_must_be_there(text_desk) -> None:
    *_, last = text_desk.anchor(PAGE, ["tuned"], "  ", {})
    assert "empty" in last.panels[0].fault["message"]
