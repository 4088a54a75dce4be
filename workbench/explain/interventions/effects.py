"""The effect that an intervention has on every word, step and the answer of a case."""

from dataclasses import dataclass

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.cases.words import Word
from workbench.explain.heatmap import Refusal, weights_refusal
from workbench.explain.spans import answer_span, content_tokens


@dataclass(frozen=True)
class WordEffect:
    """A display word of the original answer: `start`..`end` (exclusive) are its tokens, `delta` in nats."""

    text: str
    glue: str
    start: int
    end: int
    step: int | None
    in_answer: bool
    delta: float


@dataclass(frozen=True)
class StepEffect:
    """A step of the original trace with the summed Δ of its tokens, nats."""

    index: int
    text: str
    axis: str
    delta: float


@dataclass(frozen=True)
class Effect:
    """How an intervention changes the probability of the original words, teacher-forced on their ids.

    Δ = log p(changed) − log p(original), nats: below 0 the words became less probable. `tokens` float32
    `[T]`; words, steps, `answer` (None when there is none) and `total` (all tokens with text) are sums of it.
    `seconds` is the share of the batched pass, preparing included.
    """

    label: str
    tokens: np.ndarray
    words: tuple[WordEffect, ...]
    steps: tuple[StepEffect, ...]
    answer: float | None
    total: float
    seconds: float


def refuse_picture(case: AnsweredCase) -> Refusal | None:
    """Why the picture of a case can't be changed, if so."""
    if case.image is None or not (len(case.prompt.image_positions) or weights_refusal(case.model)):
        return Refusal("This model was given no picture, so there is none to change.", "Add an image.")
    return None


def effect_of(case: AnsweredCase, label: str, delta: np.ndarray, seconds: float) -> Effect:
    """Sums of per-token Δ `[T]` over words, steps, the answer and everything."""
    delta = np.asarray(delta, np.float32)
    trace, answer = case.trace, case.answer
    span = answer_span(trace, answer)
    return Effect(
        label,
        delta,
        tuple(_word(word, delta) for word in case.words),
        tuple(
            StepEffect(s.index, s.text, s.axis, float(delta[s.token_start : s.token_end].sum()))
            for s in trace.steps
            if s.token_start is not None
        ),
        None if span is None else float(delta[list(span.tokens)].sum()),
        float(delta[list(content_tokens(answer))].sum()),
        seconds,
    )


def _word(word: Word, delta: np.ndarray) -> WordEffect:
    start, end = word.token_start, word.token_end
    return WordEffect(
        word.text, word.glue, start, end, word.step, word.in_answer, float(delta[start:end].sum())
    )
