"""The slow half of an intervention: the answer that the model writes after it."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import Refusal
from workbench.explain.interventions.block import Unblockable, blocking
from workbench.explain.interventions.forced import refused_block
from workbench.models.answer import Answer, Prompt
from workbench.models.continuing import continued, joined
from workbench.traces.normalise import answers_match
from workbench.traces.read import read_trace
from workbench.traces.trace import Trace


@dataclass(frozen=True)
class Regenerated:
    """An answer written after an intervention. `forced` tokens at its start were given, not written.

    `same_answer` compares it with the original final answer; None when either has none.
    """

    label: str
    answer: Answer
    trace: Trace
    forced: int
    same_answer: bool | None
    seconds: float


def same_answer(first: Trace, second: Trace) -> bool | None:
    """Whether two traces give the same final answer, by option letter, else by normalised words."""
    if first.answer_text is None or second.answer_text is None:
        return None
    if first.answer_letter is not None and second.answer_letter is not None:
        return first.answer_letter == second.answer_letter
    return answers_match(second.answer_text, first.answer_text)


def regenerate(
    case: AnsweredCase, prompt: Prompt, label: str, stop: threading.Event | None = None
) -> Regenerated:
    """The model's answer to another prompt, with the decoding settings and seed of the original one."""
    return regenerate_from(case, prompt, (), label, stop)


def regenerate_from(
    case: AnsweredCase,
    prompt: Prompt,
    forced: Sequence[int],
    label: str,
    stop: threading.Event | None = None,
    room: int | None = None,
) -> Regenerated:
    """The model continues exactly after the ids `forced`; at most `room` tokens more (the original limit)."""
    began = time.monotonic()
    decoding = case.answer.decoding
    decoding = replace(decoding, max_new_tokens=room or decoding.max_new_tokens)
    (written,) = deque(case.model.stream(continued(case.model, prompt, forced), decoding, stop), maxlen=1)
    return _regenerated(case, forced, written, label, time.monotonic() - began)


def regenerate_blocked(case: AnsweredCase, tokens: np.ndarray, label: str) -> Regenerated | Refusal:
    """The model's answer while nothing may read the image tokens `tokens` (see `block.blocking`)."""
    began = time.monotonic()
    try:
        with blocking(case.model, case.prompt.image_positions[tokens]):
            written = case.model.generate(case.prompt, case.answer.decoding)
    except Unblockable as reason:
        return refused_block(case, reason)
    return _regenerated(case, (), written, label, time.monotonic() - began)


def _regenerated(
    case: AnsweredCase, forced: Sequence[int], written: Answer, label: str, seconds: float
) -> Regenerated:
    """Forced and written ids read as one answer."""
    answer = joined(case.model, (*forced, *written.ids), written) if forced else written
    trace = read_trace(answer.text, answer.offsets, case.prompt.question.options)
    return Regenerated(label, answer, trace, len(forced), same_answer(case.trace, trace), seconds)
