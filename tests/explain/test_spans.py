"""Spans of an answer by hand: their tokens, their keys, and what is said of those that are not there."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain import Span, all_span, answer_span, case_spans, resolve_span, step_spans, word_spans
from workbench.models.answer import Answer, Prompt, Question

PIECES = ["<think>", "The image shows a spot.", " Therefore the answer is left.", "</think>", "<answer>",
          "left", "</answer>", ""]  # fmt: skip
BLIND = Prompt(Question("left"), {}, np.zeros(0, np.int64), np.zeros((0, 4), np.float32), None)


def written(pieces: list[str]) -> AnsweredCase:
    """A case whose answer has one token a piece; no model is needed to name its parts."""
    ends = np.cumsum([len(piece) for piece in pieces]).tolist()
    offsets = tuple(zip([0, *ends[:-1]], ends, strict=True)) if pieces else ()
    answer = Answer(tuple(range(len(pieces))), "".join(pieces), offsets, (0.0,) * len(pieces), "stop")
    return AnsweredCase.of(None, BLIND, None, answer)


@pytest.fixture
def case() -> AnsweredCase:
    return written(PIECES)


def test_spans_by_hand(case):
    assert resolve_span("answer", case).tokens == (5,)
    assert resolve_span("step:0", case).tokens == (1,)
    assert resolve_span(" STEP:1 ", case).tokens == (2,)
    assert resolve_span("token:5", case).label == "left"
    assert resolve_span("all", case).tokens == (0, 1, 2, 3, 4, 5, 6)  # the end token has no text
    assert answer_span(case.trace, case.answer).label == "left"
    assert [span.tokens for span in step_spans(case.trace)] == [(1,), (2,)]


def test_words_are_counted_through_the_whole_answer(case):
    first, last = resolve_span("word:0", case), resolve_span("word:10", case)
    assert (first.label, first.tokens, first.kind) == ("The", (1,), "word")
    assert (last.label, last.tokens, last.key) == ("left", (5,), "word:10")
    assert resolve_span("word:9", case).label == "left."  # the same word in the reasoning is another one
    assert [span.label for span in word_spans(case)] == [word.text for word in case.words]


def test_every_part_has_a_key_that_finds_it_again(case):
    spans = case_spans(case)
    words = [f"word:{n}" for n in range(11)]
    assert [span.key for span in spans] == [*words, "step:0", "step:1", "answer", "all"]
    for span in spans:
        assert resolve_span(span.key, case) == span
    assert resolve_span("token:2", case).key == "token:2"


def test_steps_keep_their_number_when_one_before_has_no_tokens(case):
    first, second = case.trace.steps
    trace = replace(case.trace, steps=(replace(first, token_start=None, token_end=None), second))
    assert [span.key for span in step_spans(trace)] == ["step:1"]
    assert resolve_span("step:1", replace(case, trace=trace)).tokens == (2,)
    with pytest.raises(UserFacing, match="no step 0"):
        resolve_span("step:0", replace(case, trace=trace))


@pytest.mark.parametrize(
    ("kind", "tokens", "key"),
    [
        ("answer", (3, 4), "answer"),
        ("all", (0, 1), "all"),
        ("token", (7,), "token:7"),
        ("step", (2, 3), "step:2"),
    ],
)
def test_a_key_left_out_is_the_kind_and_the_first_token(kind, tokens, key):
    assert Span(kind, "x", tokens).key == key
    assert Span(kind, "x", tokens, "step:9").key == "step:9"


@pytest.mark.parametrize(
    "spec",
    ["", "step", "step:x", "step:2", "token:7", "token:99", "word:11", "word:-1", "answer:1", "step:-1"],
)
def test_impossible_spans_are_refused_in_words(case, spec):
    with pytest.raises(UserFacing) as fault:
        resolve_span(spec, case)
    assert fault.value.message.endswith(".") and fault.value.hint.endswith(".")


def test_what_there_is_instead_is_said(case):
    for spec, have in (("step:2", "steps 0 to 1."), ("word:11", "words 0 to 10.")):
        with pytest.raises(UserFacing) as fault:
            resolve_span(spec, case)
        assert fault.value.hint.endswith(have)
    with pytest.raises(UserFacing, match="no step 0") as fault:
        resolve_span("step:0", written(["left"]))
    assert fault.value.hint == "It has no steps."


def test_no_answer_is_said():
    empty = written([])
    assert all_span(Answer()) is None and case_spans(empty) == ()
    for spec in ("answer", "all"):
        with pytest.raises(UserFacing, match="no final answer"):
            resolve_span(spec, empty)
