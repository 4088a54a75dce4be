"""One model's column of a page: the case that grows while the model writes, and how far it is."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.cases.recovery import is_wanted, recovered_answer
from workbench.cases.words import Word
from workbench.errors import UserFacing
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.traces import parse_trace, resolve_option, token_span
from workbench.traces.trace import Trace

if TYPE_CHECKING:
    from workbench.models.conversation import Images
    from workbench.models.session import LoadedModel

RECOVERED = "No option could be read, so the model was asked again for one letter."
HELD = "No option could be read; the server can't be held to letters, so it was not asked again."
ColumnStatus = Literal["waiting", "streaming", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class Column:
    """Everything one model's column shows; a new one for every token that arrives.

    `case` holds what was written so far; None before the first token and after a fault, which `message`
    tells and `fault` holds.
    """

    model_name: str
    label: str
    status: ColumnStatus = "waiting"
    message: str = ""
    case: AnsweredCase | None = None
    fault: UserFacing | None = None

    @property
    def answer(self) -> Answer:
        return self.case.answer if self.case else Answer()

    @property
    def trace(self) -> Trace:
        return self.case.trace if self.case else parse_trace("")

    @property
    def words(self) -> tuple[Word, ...]:
        return self.case.words if self.case else ()

    @property
    def prompt(self) -> Prompt | None:
        return self.case.prompt if self.case else None

    @property
    def option_probabilities(self) -> tuple[float, ...] | None:
        return self.case.option_probabilities if self.case else None

    @property
    def boxes(self) -> np.ndarray:
        """Patch boxes `[P, 4]` of the prompt's image; `[0, 4]` before there is one."""
        return self.case.prompt.boxes if self.case else np.zeros((0, 4), np.float32)


def run_case(
    model: "LoadedModel",
    images: "Images",
    question: Question,
    decoding: Decoding | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Column]:
    """Stream one model's column; the last one is done, cancelled or, with a UserFacing fault, failed.

    `images` is None, one picture, or all pictures of the conversation, as in `LoadedModel.prepare`.
    """
    blank = Column(model.name, model.label)
    yield blank
    try:
        decoding = decoding or Decoding(0)
        asked = replace(decoding, max_new_tokens=model.card.longest_answer(decoding.max_new_tokens))
        prompt = model.prepare(question, images)
        case = AnsweredCase.of(model, prompt, images, Answer())
        for written in model.stream(prompt, asked, stop):
            if not written.text and written.note:  # a server lets us wait for its first word
                yield replace(blank, message=written.note)
                continue
            case = AnsweredCase.of(model, prompt, images, written)
            yield replace(blank, status="streaming", message=written.note, case=case)
        again = (
            recovered_answer(model, prompt, case.answer, question.options)
            if is_wanted(model, asked)
            else None
        )
        if again is not None:
            case = AnsweredCase.of(model, prompt, images, again)
        answer = case.answer
        status: ColumnStatus = "cancelled" if answer.finish == "cancelled" else "done"
        message = "Stopped before the end; what was written so far is kept." if status == "cancelled" else ""
        if answer.finish == "length":
            message = f"The answer reached the limit of {asked.max_new_tokens} tokens and may be cut off."
        if answer.finish == "cut":
            message = answer.note
        if answer.recovered:
            message = f"{message} {RECOVERED}".strip()
        elif asked.recover and lacks_letter(case) and weights_elsewhere(model) is not None:
            message = f"{message} {HELD}".strip()
        message = f"{message} {model.shown_note(prompt)}".strip()
        case = replace(case, option_probabilities=measured_options(case))
        yield replace(blank, status=status, message=message, case=case)
    except UserFacing as fault:
        yield replace(blank, status="failed", message=str(fault), fault=fault)


def lacks_letter(case: AnsweredCase) -> bool:
    """Whether there are options, and none of them can be read in the answer."""
    return len(case.question.options) > 1 and case.trace.answer_letter is None


def measured_options(case: AnsweredCase) -> tuple[float, ...] | None:
    """Option probabilities in place of the final answer; None without options or without an answer."""
    trace, answer, options = case.trace, case.answer, case.question.options
    if len(options) < 2 or trace.answer_start is None or answer.finish in ("cancelled", "cut"):
        return None
    where = token_span(answer.offsets, trace.answer_start, trace.answer_end)
    if where is None:
        return None
    raw = (trace.answer_raw or "").strip()
    letters = len(raw.strip("().")) == 1 and resolve_option(raw, options) is not None
    as_letter = letters and raw not in options
    found = case.model.option_probabilities(case.prompt, answer, where[0], options, letters=as_letter)
    return None if found is None else tuple(found)
