import pytest

from workbench.errors import UserFacing
from workbench.explain import all_span, answer_span, resolve_span, step_spans
from workbench.models.answer import Answer
from workbench.traces import locate_tokens, parse_trace

PIECES = ["<think>", "The image shows a spot.", " Therefore the answer is left.", "</think>", "<answer>",
          "left", "</answer>", ""]  # fmt: skip


@pytest.fixture
def case():
    offsets, at = [], 0
    for piece in PIECES:
        offsets.append((at, at + len(piece)))
        at += len(piece)
    answer = Answer(tuple(range(len(PIECES))), "".join(PIECES), tuple(offsets), (0.0,) * len(PIECES), "stop")
    return locate_tokens(parse_trace(answer.text), offsets), answer


def test_spans_by_hand(case):
    trace, answer = case
    assert resolve_span("answer", trace, answer).tokens == (5,)
    assert resolve_span("step:0", trace, answer).tokens == (1,)
    assert resolve_span(" STEP:1 ", trace, answer).tokens == (2,)
    assert resolve_span("token:5", trace, answer).label == "left"
    assert resolve_span("all", trace, answer).tokens == (0, 1, 2, 3, 4, 5, 6)  # the end token has no text
    assert answer_span(trace, answer).label == "left"
    assert [span.tokens for span in step_spans(trace)] == [(1,), (2,)]


@pytest.mark.parametrize(
    "spec", ["", "step", "step:x", "step:2", "token:7", "token:99", "word:1", "answer:1", "step:-1"]
)
def test_impossible_spans_are_refused_in_words(case, spec):
    with pytest.raises(UserFacing) as fault:
        resolve_span(spec, *case)
    assert fault.value.message.endswith(".")


def test_no_answer_is_said():
    empty = Answer()
    assert all_span(empty) is None
    with pytest.raises(UserFacing, match="no final answer"):
        resolve_span("answer", parse_trace(""), empty)
