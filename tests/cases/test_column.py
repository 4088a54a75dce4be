"""A column on a tiny model: it streams, is cancelled, fails with a sentence, and measures the options."""

import threading
from dataclasses import replace

import pytest

from tests.cases.written import ASK, written
from tests.tiny import picture
from workbench.cases.column import Column, measured_options, run_case
from workbench.errors import UserFacing
from workbench.models.answer import Answer, Decoding, Question


def test_columns_stream_and_end_done_or_at_the_limit(tiny):
    image = picture(60, 40)
    columns = list(run_case(tiny, image, ASK, Decoding(max_new_tokens=6)))
    assert columns[0] == Column(tiny.name, tiny.label)
    assert {c.status for c in columns[1:-1]} == {"streaming"}
    assert columns[-1].status == "done"
    assert "limit of 6 tokens" in columns[-1].message or columns[-1].answer.finish == "stop"
    for column in columns[1:]:
        assert column.case.model is tiny and column.case.image is image and column.case.question == ASK
    lengths = [len(column.answer.ids) for column in columns[1:]]
    assert lengths == sorted(lengths)


def test_before_the_first_token_a_column_is_blank():
    blank = Column("x", "X")
    assert (blank.status, blank.message, blank.case) == ("waiting", "", None)
    assert blank.answer == Answer() and blank.words == () and blank.trace.steps == ()
    assert blank.prompt is None and blank.option_probabilities is None and blank.boxes.shape == (0, 4)


def test_a_column_shows_what_its_case_holds(case):
    column = Column("x", "X", "done", case=replace(case, option_probabilities=(0.25, 0.75)))
    assert column.answer is case.answer and column.trace is case.trace and column.prompt is case.prompt
    assert column.words == case.words and column.boxes is case.prompt.boxes
    assert column.option_probabilities == (0.25, 0.75)


def test_cancel_keeps_what_was_written(tiny):
    stop = threading.Event()
    last = None
    for last in run_case(tiny, picture(60, 40), ASK, Decoding(max_new_tokens=300), stop):
        if len(last.answer.ids) == 2:
            stop.set()
    assert last.status == "cancelled"
    assert 2 <= len(last.answer.ids) < 30
    assert "kept" in last.message and last.option_probabilities is None


def test_a_fault_for_people_fails_the_column_with_its_sentence(tiny, monkeypatch):
    def refuse(*_: object) -> None:
        raise UserFacing("The image is odd.", "Try another.")

    monkeypatch.setattr(tiny, "prepare", refuse)
    last = list(run_case(tiny, picture(60, 40), ASK))[-1]
    assert (last.status, last.message, last.case) == ("failed", "The image is odd. Try another.", None)


def test_options_are_measured_where_the_answer_stands(tiny):
    text = "<think>The image shows a spot.</think><answer>yes</answer>"
    found = measured_options(written(tiny, text))
    assert len(found) == 2 and sum(found) == pytest.approx(1) and min(found) > 0
    assert measured_options(written(tiny, text, Question("left"))) is None  # no options
    assert measured_options(written(tiny, "<think>The image shows a spot.</think>")) is None  # no answer
    case = written(tiny, text)
    assert measured_options(replace(case, answer=replace(case.answer, finish="cancelled"))) is None
