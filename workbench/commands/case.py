"""One question on one image, answered: what `ask` and `explain` share.

The rooms it needs are imported inside the functions, so that refusals are instant.
"""

import argparse
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import UserFacing
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.cases.column import CaseColumn
    from workbench.imaging.medical_image import MedicalImage
    from workbench.models.loading import LoadedModel


@dataclass(frozen=True)
class AnsweredCase:
    """The model, the image as it read it, and the finished column."""

    model: "LoadedModel"
    image: "MedicalImage"
    column: "CaseColumn"


def answered_case(args: argparse.Namespace, settings: Settings) -> AnsweredCase:
    """Read the image, load the model, answer the question. Raises UserFacing; cheap checks come first."""
    question_text = settings.checked_question(args.question)
    options = settings.checked_options(args.option)
    from workbench.imaging import load_image

    image = load_image(args.image, window=args.window, invert=args.invert)
    settings.require_allowed(args.model)
    from workbench.cases.column import run_case
    from workbench.models.answer import Decoding, Question
    from workbench.models.loading import load_model

    model = load_model(args.model, settings=settings)
    question = Question(question_text, options, args.mode)
    stop = threading.Event()
    decoding = Decoding(settings.max_new_tokens)
    try:
        last = deque(run_case(model, image, question, decoding, stop), maxlen=1)
    finally:
        stop.set()
    if not last or last[0].status != "done":
        message = last[0].message if last else ""
        hint = "Try again, or run `python -m workbench doctor`."
        raise UserFacing(message or "The model gave no answer.", hint)
    return AnsweredCase(model, image, last[0])


def notes_of(case: AnsweredCase) -> tuple[str, ...]:
    """What the reader must know of the image, the model and how the answer ended, a sentence each."""
    notes = (*case.image.notes, case.model.note, case.column.message)
    return tuple(f"Note: {note}" for note in notes if note)


def final_answer(column: "CaseColumn") -> str | None:
    """The final answer as text, None when the parser found none."""
    trace = column.trace
    return trace.answer_text if trace.answer_text is not None else trace.answer_raw
