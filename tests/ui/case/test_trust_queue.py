"""Trust lines without a browser: what is measured first, how it ends, what is said when it fails."""

import json
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.ui.case.test_desk import VISITOR, answers, desk_with
from tests.ui.fakes import fake_engine, fake_trust
from workbench.errors import UserFacing
from workbench.ui.case.desk import CaseDesk
from workbench.ui.case.trust import MovedOn, TooLong, TrustLine, watched, with_agreement
from workbench.ui.case.trust_queue import spans_to_measure
from workbench.ui.services import Services


def measured(desk: CaseDesk) -> list[list[str]]:
    """Measure until nothing is left; the spans that are known after each turn."""
    known, turn = [], "first"
    while turn:
        lines, turn = desk.trust.measure(VISITOR)
        known.append(
            [f"{role} {key}" for role, column in lines["columns"].items() for key in column["spans"]]
        )
    return known


def desk_measuring(measure: Any) -> CaseDesk:
    desk = desk_with()
    engine = replace(fake_engine(), measure_trust=measure)
    desk.services = desk.trust.services = Services(desk.services.settings, lambda: engine)
    answers(desk)
    return desk


def test_the_span_that_is_looked_at_comes_first_then_its_column_then_the_other() -> None:
    desk = desk_with()
    answers(desk)
    desk.trust.select(VISITOR, {"column": "base", "key": "step:1"})
    known = measured(desk)
    assert known[0] == ["base step:1"]
    assert [len(spans) for spans in known] == list(range(1, 9))
    assert set(known[3]) == {"base step:1", "base answer", "base step:0", "base step:2"}
    assert desk.trust.measure(VISITOR) is None
    assert desk.trust.begin(VISITOR)[1] is None


def test_a_line_carries_what_was_measured_for_its_own_row() -> None:
    desk = desk_with()
    answers(desk)
    desk.trust.select(VISITOR, {"column": "tuned", "key": "step:2"})
    lines, _ = desk.trust.measure(VISITOR)
    page = desk.sessions.of(VISITOR)
    words = len(page.live.columns["tuned"].words)
    assert lines["case"] == page.run.case_id
    assert lines["columns"]["tuned"]["spans"]["step:2"]["gap"] == pytest.approx((words + 2) / 100)


@pytest.mark.parametrize(
    "chosen",
    [
        None,
        {},
        {"column": "root", "key": "step:0"},
        {"column": "base"},
        {"column": "base", "key": 0},
        {"column": "base", "key": "word:0"},
    ],
)
def test_a_span_that_is_none_is_ignored(chosen: Any) -> None:
    desk = desk_with()
    answers(desk)
    desk.trust.select(VISITOR, chosen)
    assert desk.sessions.of(VISITOR).selected is None
    assert list(desk.trust.measure(VISITOR)[0]["columns"]["tuned"]["spans"]) == ["all"]


def test_a_step_that_does_not_exist_gets_a_reason_and_no_fault() -> None:
    desk = desk_with()
    answers(desk)
    desk.trust.select(VISITOR, {"column": "base", "key": "step:99"})
    line = desk.trust.measure(VISITOR)[0]["columns"]["base"]["spans"]["step:99"]
    assert line["reason"] == "This part of the answer has no map."


def test_a_new_question_or_method_ends_the_measuring() -> None:
    desk = desk_with(pause=0.05)
    answers(desk)
    page = desk.sessions.of(VISITOR)
    desk.trust.pause(VISITOR)
    assert desk.trust.measure(VISITOR) is None and page.trust.lines == {}
    list(desk.explain(VISITOR, "attention_max"))
    assert desk.trust.measure(VISITOR) is not None
    under_way = page.trust.moved_on
    desk.place(VISITOR, page.picture)
    assert under_way.is_set() and desk.trust.measure(VISITOR) is None


def test_choosing_another_span_gives_up_the_one_under_way() -> None:
    chosen = {"column": "tuned", "key": "answer"}

    def slow(*args: Any) -> TrustLine:
        moved_on = args[-1]
        if desk.sessions.of(VISITOR).selected is None:
            desk.trust.select(VISITOR, chosen)
            assert moved_on.is_set()
        return fake_trust(*args)

    desk = desk_measuring(slow)
    lines, turn = desk.trust.measure(VISITOR)
    assert lines["columns"]["tuned"]["spans"] == {} and turn
    assert list(desk.trust.measure(VISITOR)[0]["columns"]["tuned"]["spans"]) == ["answer"]


def test_a_fault_is_a_reason_and_numbers_that_are_none_are_null() -> None:
    faults = iter([UserFacing("No memory.", "Use a smaller picture."), ValueError("secret")])

    def failing(*args: Any) -> TrustLine:
        if (fault := next(faults, None)) is not None:
            raise fault
        return TrustLine("not computable", gap=float("nan"))

    desk = desk_measuring(failing)
    for _ in range(3):
        lines, _ = desk.trust.measure(VISITOR)
    spans = list(lines["columns"]["tuned"]["spans"].values())
    assert spans[0]["reason"] == "No memory. Use a smaller picture."
    assert "reference" in spans[1]["reason"] and "secret" not in spans[1]["reason"]
    assert spans[2]["gap"] is None
    json.dumps(lines, allow_nan=False)


def test_a_page_without_answers_measures_nothing() -> None:
    assert desk_with().trust.measure("nobody") is None


def test_a_part_of_the_answer_without_a_map_is_not_measured() -> None:
    desk = desk_with()
    answers(desk)
    page = desk.sessions.of(VISITOR)
    desk.trust.select(VISITOR, {"column": "base", "key": "answer"})
    whole, without = (page.maps["base"], ("step:0", "step:2"))
    page.maps["base"] = replace(whole, spans=tuple(s for s in whole.spans if s.key not in without))
    assert spans_to_measure(page) == [
        ("base", "answer"), ("base", "step:1"),
        ("tuned", "answer"), ("tuned", "step:0"), ("tuned", "step:1"), ("tuned", "step:2"),
    ]  # fmt: skip


def test_agreement_compares_the_rows_of_the_same_key_whatever_their_place() -> None:
    desk = desk_with()
    answers(desk)
    maps, line = desk.sessions.of(VISITOR).maps["base"], TrustLine("diffuse")
    rising = np.arange(maps.values.shape[1], dtype=np.float32)
    falling = np.tile(-rising, (len(maps.spans), 1))
    causal = replace(maps, method="occlusion", spans=maps.spans[::-1], values=falling)
    assert causal.rows["step:1"] != maps.rows["step:1"]
    maps.values[maps.rows["step:1"]] = causal.values[causal.rows["step:1"]] = rising
    assert with_agreement(line, maps, "step:1", causal).agreement == pytest.approx(1)
    assert with_agreement(line, causal, "step:1", None).agreement_note == "this is the causal map itself"
    without = replace(causal, spans=tuple(span for span in causal.spans if span.key != "step:1"))
    assert "no causal map" in with_agreement(line, maps, "step:1", without).agreement_note


def test_a_watched_score_ends_between_two_batches() -> None:
    moved_on, now = threading.Event(), iter([0.0, 1.0, 99.0, 99.0])
    score = watched(lambda pictures: np.zeros(len(pictures)), moved_on, 10.0, lambda: next(now))
    assert len(score([np.zeros(1)])) == 1
    with pytest.raises(TooLong):
        score([])
    moved_on.set()
    with pytest.raises(MovedOn):
        score([])
