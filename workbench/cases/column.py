"""One case: ask a model, parse its answer while it grows, and map every word and step of it."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from workbench.errors import UserFacing
from workbench.explain import (
    CONTEXT_METHODS,
    Evidence,
    HeatMap,
    Refusal,
    Span,
    all_span,
    answer_span,
    context_cost,
    explain_spans,
    explain_with_context,
    get_method,
    refusal_before_pass,
    shared_evidence,
    step_spans,
)
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.session import LoadedModel
from workbench.traces import locate_tokens, parse_trace, resolve_option, split_words, token_span
from workbench.traces.trace import Trace

WORD_PASSES = 250  # beyond this, a method that runs the model makes one map a step and not one a word
ColumnStatus = Literal["waiting", "streaming", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class Word:
    """A display word of the raw text with the tokens that make it up; `step` is its Step.index or None."""

    text: str
    glue: str
    char_start: int
    char_end: int
    token_start: int
    token_end: int
    step: int | None
    in_answer: bool


@dataclass(frozen=True)
class CaseColumn:
    """Everything one model's column shows; a new one for every token that arrives."""

    model_name: str
    label: str
    status: ColumnStatus
    message: str
    answer: Answer
    trace: Trace
    words: tuple[Word, ...]
    option_probabilities: tuple[float, ...] | None
    prompt: Prompt | None


@dataclass(frozen=True)
class MapSet:
    """Maps of all words, then all steps, then "answer", then "all", by one method.

    `values` float32 `[R, P]`; `image_share` float32 `[R]`; a row whose span is missing (no final answer)
    is left out of `rows`, and `refused` says why when there is no map at all.
    """

    method: str
    label: str
    unit: str
    signed: bool
    caveat: str
    rows: tuple[Span, ...]
    values: np.ndarray
    image_share: np.ndarray
    boxes: np.ndarray
    refused: Refusal | None
    seconds: float
    note: str = ""


def empty_column(
    model_name: str, label: str, status: ColumnStatus = "waiting", message: str = ""
) -> CaseColumn:
    """A column before its first word."""
    return CaseColumn(model_name, label, status, message, Answer(), parse_trace(""), (), None, None)


def run_case(
    model: LoadedModel,
    image: MedicalImage | None,
    question: Question,
    decoding: Decoding | None = None,
    stop: threading.Event | None = None,
) -> Iterator[CaseColumn]:
    """Stream one model's column; the last one is done, cancelled or, with a UserFacing fault, failed."""
    blank = empty_column(model.name, model.label)
    yield blank
    try:
        prompt = model.prepare(question, image)
        answer = Answer()
        for answer in model.stream(prompt, decoding, stop):
            yield _column(blank, prompt, answer, question, "streaming")
        status: ColumnStatus = "cancelled" if answer.finish == "cancelled" else "done"
        column = _column(blank, prompt, answer, question, status)
        message = "Stopped before the end; what was written so far is kept." if status == "cancelled" else ""
        if answer.finish == "length":
            message = f"The answer reached the limit of {len(answer.ids)} tokens and may be cut off."
        yield replace(column, message=message, option_probabilities=_options(model, column, question))
    except UserFacing as fault:
        yield replace(blank, status="failed", message=str(fault))


def _column(
    blank: CaseColumn, prompt: Prompt, answer: Answer, question: Question, status: ColumnStatus
) -> CaseColumn:
    trace = locate_tokens(parse_trace(answer.text, question.options), answer.offsets)
    return replace(
        blank, status=status, answer=answer, trace=trace, words=case_words(answer, trace), prompt=prompt
    )


def case_words(answer: Answer, trace: Trace) -> tuple[Word, ...]:
    """Display words of an answer, each with its tokens and the step it stands in."""
    out = []
    for word in split_words(answer.text, answer.offsets):
        step = next((s.index for s in trace.steps if s.char_start <= word.char_start < s.char_end), None)
        inside = trace.answer_start is not None and trace.answer_start <= word.char_start < (
            trace.answer_end or 0
        )
        out.append(
            Word(
                word.text,
                word.glue,
                word.char_start,
                word.char_end,
                word.token_start,
                word.token_end,
                step,
                inside,
            )
        )
    return tuple(out)


def _options(model: LoadedModel, column: CaseColumn, question: Question) -> tuple[float, ...] | None:
    """Option probabilities in place of the final answer; None without options or without an answer."""
    trace, answer, prompt = column.trace, column.answer, column.prompt
    if (
        len(question.options) < 2
        or prompt is None
        or trace.answer_start is None
        or answer.finish == "cancelled"
    ):
        return None
    where = token_span(answer.offsets, trace.answer_start, trace.answer_end)
    if where is None:
        return None
    raw = (trace.answer_raw or "").strip()
    letters = len(raw.strip("().")) == 1 and resolve_option(raw, question.options) is not None
    shown_as_letter = letters and raw not in question.options
    return tuple(
        model.option_probabilities(prompt, answer, where[0], question.options, letters=shown_as_letter)
    )


def map_rows(column: CaseColumn) -> tuple[Span, ...]:
    """Spans in the order of the viewer: words, steps, answer, all."""
    words = tuple(Span("word", w.text, tuple(range(w.token_start, w.token_end))) for w in column.words)
    ends = (answer_span(column.trace, column.answer), all_span(column.answer))
    return words + step_spans(column.trace) + tuple(span for span in ends if span is not None)


def column_evidence(model: LoadedModel, column: CaseColumn) -> Evidence | Refusal:
    """The shared pass of a finished column, cached: trying another method costs no further pass."""
    if column.prompt is None:
        return Refusal("This column has no answer to explain.", "Ask a question first.")
    refused = refusal_before_pass(column.prompt, column.answer)
    return refused or shared_evidence(model, column.prompt, column.answer)


def context_maps(
    model: LoadedModel, column: CaseColumn, method: str, rows: tuple[Span, ...], image: MedicalImage | None
) -> list[HeatMap] | Refusal:
    """One map for each row, by a method that runs the model; see `column_maps`."""
    prompt, answer = column.prompt, column.answer
    if prompt is None:
        return Refusal("This column has no answer to explain.", "Ask a question first.")
    cost = context_cost(prompt, len(rows), method)
    if isinstance(cost, Refusal) or cost.forwards + cost.backwards <= WORD_PASSES:
        return explain_with_context(model, prompt, image, answer, rows, method)
    words = sum(span.kind == "word" for span in rows)
    maps = explain_with_context(model, prompt, image, answer, rows[words:], method)
    if isinstance(maps, Refusal):
        return maps
    note = "One map a step: the words of a step share it."
    shared = [
        replace(heat, meta=heat.meta | {"note": f"{note} {heat.meta['note']}".strip()}) for heat in maps
    ]
    return [*(shared[_step_row(span, rows[words:])] for span in rows[:words]), *shared]


def _step_row(word: Span, others: tuple[Span, ...]) -> int:
    """The row of the step that a word stands in; a word outside every step gets the last row, the whole."""
    inside = (n for n, row in enumerate(others) if row.kind == "step" and set(word.tokens) & set(row.tokens))
    return next(inside, len(others) - 1)


def column_maps(
    model: LoadedModel,
    column: CaseColumn,
    method: str,
    params: Mapping[str, int] | None = None,
    image: MedicalImage | None = None,
    evidence: Evidence | Refusal | None = None,
) -> MapSet:
    """Maps of every word and step of a column; raises UserFacing for an unknown method.

    Methods that run the model themselves need the `image`; those that would take more than WORD_PASSES
    passes make one map a step, which its words share.
    """
    began = time.monotonic()
    rows = map_rows(column)
    maps: list[HeatMap] | Refusal
    if method in CONTEXT_METHODS:
        spec, maps = CONTEXT_METHODS[method], context_maps(model, column, method, rows, image)
    else:
        spec = get_method(method)
        found = evidence if evidence is not None else column_evidence(model, column)
        maps = found if isinstance(found, Refusal) else explain_spans(found, rows, method, params)
    if isinstance(maps, Refusal):
        boxes = column.prompt.boxes if column.prompt else np.zeros((0, 4), np.float32)
        none = np.zeros((0, len(boxes)), np.float32)
        shares = np.zeros(0, np.float32)
        return MapSet(
            method, spec.label, spec.unit, spec.signed, spec.caveat, (), none, shares, boxes, maps,
            time.monotonic() - began,
        )  # fmt: skip
    return MapSet(
        method, spec.label, spec.unit, spec.signed, spec.caveat, rows,
        np.stack([m.values for m in maps]),
        np.array([m.image_share for m in maps], np.float32),
        maps[0].boxes, None, time.monotonic() - began, str(maps[0].meta["note"]),
    )  # fmt: skip
