"""Anchoring: the model goes on from reasoning that is not its own. Does its answer follow?

MedSSR's files bring such traces (`adversarial_trace_0..2`, arXiv 2604.11547).
"""

import threading
from collections.abc import Iterator
from dataclasses import replace

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.interventions.regenerate import regenerate_from
from workbench.explain.interventions.traces import LEAST_ROOM, TraceEdit, TraceOutcome
from workbench.explain.spans import answer_span
from workbench.models.continuing import text_ids
from workbench.traces.grammar import TAG

ANCHOR = "anchor"
LABEL = "Begun with the given reasoning"
LONGEST_PREFIX = 6000  # characters; MedSSR's traces have up to 2,000


def probe_anchor(
    case: AnsweredCase, prefix: str, stop: threading.Event | None = None
) -> Iterator[TraceOutcome]:
    """Yield twice: the original answer's probability right after the prefix, then also what the model writes.

    Raises UserFacing for a prefix that is empty, too long or holds a tag of the answer's grammar.
    """
    forced = prefix_ids(case, prefix)
    original, after = _logprobs(case, forced)
    edit = TraceEdit(ANCHOR, 0, "continue", prefix)
    outcome = TraceOutcome(LABEL, edit, forced, original, after)
    yield outcome
    room = max(LEAST_ROOM, case.answer.decoding.max_new_tokens)
    yield replace(outcome, regenerated=regenerate_from(case, case.prompt, forced, LABEL, stop, room))


def prefix_ids(case: AnsweredCase, prefix: str) -> tuple[int, ...]:
    """The answer ids that the prefix makes the model start with: after the tag that opens its own thinking.

    Raises UserFacing as `probe_anchor`.
    """
    text = prefix.strip()
    if not text:
        raise UserFacing("The reasoning to begin with is empty.", "Write a few sentences, or paste a trace.")
    if len(text) > LONGEST_PREFIX:
        raise UserFacing(
            f"The reasoning to begin with has {len(text):,} characters.", f"Use at most {LONGEST_PREFIX:,}."
        )
    if TAG.search(text):
        raise UserFacing("The reasoning holds a tag such as </think>.", "Write plain words.")
    steps, offsets = case.trace.steps, case.answer.offsets
    opening = case.answer.ids[: steps[0].token_start or 0] if steps else ()
    said = case.answer.text[: offsets[len(opening) - 1][1]] if opening else ""
    if not TAG.search(said):  # anything else that stood before the first step is the model's own
        opening = ()
    return (*opening, *text_ids(case.model, text))


def _logprobs(case: AnsweredCase, forced: tuple[int, ...]) -> tuple[float | None, float | None]:
    """log p of the original final answer after its own reasoning and right after the prefix, nats.

    Between prefix and answer stands what stood before the answer: the tags, or the words "The answer is".
    """
    span, steps = answer_span(case.trace, case.answer), case.trace.steps
    if span is None or not steps:
        return None, None
    ids, last = case.answer.ids, steps[-1]
    first = span.tokens[0]
    inside = last.token_end is not None and last.token_end > first  # "The answer is B" is a step itself
    between = ids[last.token_start if inside else last.token_end : first]
    head = (*forced, *between)
    before = case.model.teacher_force(case.prompt, ids).logprobs[list(span.tokens)].sum()
    wanted = ids[first : span.tokens[-1] + 1]
    after = case.model.teacher_force(case.prompt, (*head, *wanted)).logprobs[len(head) :].sum()
    return float(before), float(after)
