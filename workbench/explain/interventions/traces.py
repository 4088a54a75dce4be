"""Edits of the reasoning: stop after a step, delete one, replace one; then answer, or reason on from there.

Early answering and edited reasoning follow Lanham et al. 2023 (arXiv 2307.13702): a trace that can be cut or
changed without changing the answer did not carry it. Token ids are the truth; only new text is tokenised.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.interventions.regenerate import Regenerated, regenerate_from
from workbench.explain.spans import answer_span
from workbench.models.prompts import neutral
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.traces.grammar import TAG
from workbench.traces.trace import Step

EditKind = Literal["truncate", "delete", "replace"]
EDIT_KINDS: tuple[EditKind, ...] = get_args(EditKind)
Then = Literal["answer", "continue"]
THENS: tuple[Then, ...] = get_args(Then)
LONGEST_STEP = 600  # characters
LEAST_ROOM = 16  # tokens that the model may always write


@dataclass(frozen=True)
class TraceEdit:
    """One edit. `step` counts from 1; for "truncate" it is the last step kept, and 0 keeps none.

    `then` "answer" keeps the later steps (none after "truncate") and goes straight to the final answer;
    "continue" drops them and lets the model reason on from the edit. `text` replaces the step; for "anchor"
    (`anchor.py`) it is the reasoning that the answer begins with.
    """

    kind: EditKind | Literal["anchor"]
    step: int
    then: Then = "answer"
    text: str = ""


@dataclass(frozen=True)
class TraceOutcome:
    """What became of the answer. `original` and `after` are log p of the original final answer's tokens,
    nats, after the original and after the edited reasoning (then at once the answer); None without one.

    `forced` are the ids that the model was made to start with; `regenerated` is None until it has written.
    """

    label: str
    edit: TraceEdit
    forced: tuple[int, ...]
    original: float | None
    after: float | None
    regenerated: Regenerated | None = None

    @property
    def delta(self) -> float | None:
        """Change of the original answer's log probability, nats."""
        return None if self.after is None or self.original is None else self.after - self.original


def forced_start(case: AnsweredCase, edit: TraceEdit) -> tuple[int, ...]:
    """The answer ids that an edit makes the model start with; raises UserFacing for an impossible edit."""
    ids, steps = case.answer.ids, case.trace.steps
    step = _step(case, edit)
    start, end = _tokens(step) if step else (_tokens(steps[0])[0],) * 2
    if edit.kind == "truncate":
        kept, later = ids[:end], ids[_tokens(steps[-1])[1] :]
    elif edit.kind == "delete":
        kept, later = ids[:start], ids[end:]
    else:
        kept, later = ids[:start] + new_ids(case, step, edit.text), ids[end:]
    if edit.then == "continue":
        return kept
    span = answer_span(case.trace, case.answer)
    if span is None:
        raise UserFacing("The model gave no final answer to go to.", "Let it reason on instead.")
    return kept + later[: max(0, len(later) - (len(ids) - span.tokens[0]))]


def new_ids(case: AnsweredCase, step: Step, text: str) -> tuple[int, ...]:
    """Ids of the text that replaces a step, with the white space that stood around it.

    Raises UserFacing for empty, overlong or tag-bearing text: tags would move the borders of the reasoning.
    """
    text = " ".join(text.split())
    if not text:
        raise UserFacing("The new step has no text.", "Write a sentence, or delete the step.")
    if len(text) > LONGEST_STEP:
        raise UserFacing(f"The new step has {len(text)} characters.", f"Use at most {LONGEST_STEP}.")
    if TAG.search(text):
        raise UserFacing("The new step holds a tag such as </think>.", "Write plain words.")
    offsets, raw = case.answer.offsets, case.answer.text
    start, end = _tokens(step)
    before = raw[offsets[start][0] : step.char_start]
    after = raw[step.char_end : offsets[end - 1][1]]
    whole = before + neutral(text, case.model.tokenizer) + (after if after.isspace() else "")
    return tuple(case.model.tokenizer(whole, add_special_tokens=False)["input_ids"])


def probe_trace(
    case: AnsweredCase, edit: TraceEdit, stop: threading.Event | None = None
) -> Iterator[TraceOutcome]:
    """Yield twice: first the probability of the original answer, then also what the model writes.

    Raises UserFacing for an edit that the trace doesn't allow, WeightsElsewhere for a served model.
    """
    if gone := weights_elsewhere(case.model):
        raise gone
    forced = forced_start(case, edit)
    original, after = answer_logprobs(case, edit)
    outcome = TraceOutcome(edit_label(edit), edit, forced, original, after)
    yield outcome
    room = max(LEAST_ROOM, case.answer.decoding.max_new_tokens - len(forced))
    written = regenerate_from(case, case.prompt, forced, outcome.label, stop, room)
    yield replace(outcome, regenerated=written)


def answer_logprobs(case: AnsweredCase, edit: TraceEdit) -> tuple[float | None, float | None]:
    """log p of the original final answer after the original and after the edited reasoning, nats."""
    span = answer_span(case.trace, case.answer)
    if span is None:
        return None, None
    ids, model = case.answer.ids, case.model
    head = forced_start(case, replace(edit, then="answer"))
    wanted = ids[span.tokens[0] : span.tokens[-1] + 1]
    before = model.teacher_force(case.prompt, ids).logprobs[list(span.tokens)].sum()
    after = model.teacher_force(case.prompt, (*head, *wanted)).logprobs[len(head) :].sum()
    return float(before), float(after)


def edit_label(edit: TraceEdit) -> str:
    """The edit in words."""
    if edit.kind == "truncate":
        return f"Reasoning stopped after step {edit.step}" if edit.step else "No reasoning at all"
    return f"Step {edit.step} {'deleted' if edit.kind == 'delete' else 'replaced'}"


def _step(case: AnsweredCase, edit: TraceEdit) -> Step | None:
    steps = case.trace.steps
    if not steps:
        raise UserFacing("The answer has no reasoning steps to edit.", "Ask for reasoning in steps.")
    lowest = 0 if edit.kind == "truncate" else 1
    if not lowest <= edit.step <= len(steps):
        raise UserFacing(f"There is no step {edit.step}.", f"Choose {lowest} to {len(steps)}.")
    return steps[edit.step - 1] if edit.step else None


def _tokens(step: Step) -> tuple[int, int]:
    if step.token_start is None or step.token_end is None:
        raise UserFacing(f"Step {step.index + 1} has no words of its own.", "Choose another step.")
    return step.token_start, step.token_end
