"""Spans: which answer tokens a map explains. Token ids are the truth; words and steps only group them."""

import re

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.heatmap import Span
from workbench.models.answer import Answer
from workbench.traces import token_span
from workbench.traces.trace import Trace


def content_tokens(answer: Answer) -> tuple[int, ...]:
    """Indices of the tokens that carry text; special tokens and split characters have empty ranges."""
    return tuple(i for i, (start, end) in enumerate(answer.offsets) if end > start)


def answer_span(trace: Trace, answer: Answer) -> Span | None:
    """Tokens of the final answer; None when the trace has none."""
    if trace.answer_start is None or trace.answer_end is None:
        return None
    where = token_span(answer.offsets, trace.answer_start, trace.answer_end)
    if where is None:
        return None
    return Span("answer", trace.answer_raw or "answer", tuple(range(*where)), "answer")


def step_spans(trace: Trace) -> tuple[Span, ...]:
    """One span per step that has tokens, in trace order."""
    return tuple(
        Span("step", step.text, tuple(range(step.token_start, step.token_end)), f"step:{step.index}")
        for step in trace.steps
        if step.token_start is not None and step.token_end is not None and step.token_end > step.token_start
    )


def all_span(answer: Answer) -> Span | None:
    """Every token that carries text; None for an answer without text."""
    tokens = content_tokens(answer)
    return Span("all", "whole answer", tokens, "all") if tokens else None


def word_spans(case: AnsweredCase) -> tuple[Span, ...]:
    """One span per display word, in reading order."""
    return tuple(
        Span("word", word.text, tuple(range(word.token_start, word.token_end)), f"word:{index}")
        for index, word in enumerate(case.words)
    )


def case_spans(case: AnsweredCase) -> tuple[Span, ...]:
    """Every part of an answer that can have a map: its words, its steps, the answer, everything."""
    ends = (answer_span(case.trace, case.answer), all_span(case.answer))
    return word_spans(case) + step_spans(case.trace) + tuple(span for span in ends if span is not None)


def resolve_span(spec: str, case: AnsweredCase) -> Span:
    """Read `answer`, `all`, `step:K`, `word:K` or `token:K` (K counted from 0).

    Raises UserFacing when the words mean nothing or the answer has no such part.
    """
    forms = "Use answer, all, step:K, word:K or token:K, with K counted from 0."
    trace, answer = case.trace, case.answer
    match = re.fullmatch(r"(answer|all)|(step|word|token):(\d{1,6})", spec.strip().lower())
    if not match:
        raise UserFacing(f"The span {spec!r} is not one that can be explained.", forms)
    if match[2] == "step":
        return _keyed(step_spans(trace), int(match[3]), "step")
    if match[2] == "word":
        return _keyed(word_spans(case), int(match[3]), "word")
    if match[2] == "token":
        index = int(match[3])
        if index not in content_tokens(answer):
            raise UserFacing(
                f"The answer has no word token {index}.", f"It has tokens 0 to {len(answer.ids) - 1}. {forms}"
            )
        start, end = answer.offsets[index]
        return Span("token", answer.text[start:end], (index,), f"token:{index}")
    span = all_span(answer) if match[1] == "all" else answer_span(trace, answer)
    if span is None:
        raise UserFacing("The model gave no final answer to explain.", "Try the span all, or ask again.")
    return span


def _keyed(spans: tuple[Span, ...], index: int, kind: str) -> Span:
    found = next((span for span in spans if span.key == f"{kind}:{index}"), None)
    if found is None:
        last = spans[-1].key.partition(":")[2] if spans else ""
        have = f"It has {kind}s 0 to {last}." if spans else f"It has no {kind}s."
        raise UserFacing(f"The answer has no {kind} {index}.", have)
    return found
