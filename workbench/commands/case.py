"""One question on one image, answered: what `ask` and `explain` share."""

import argparse
import threading
from collections import deque

from workbench import cases, imaging, models
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.models.answer import Decoding, Question
from workbench.settings import Settings


def answered_case(args: argparse.Namespace, settings: Settings) -> tuple[AnsweredCase, tuple[str, ...]]:
    """Read the image, load the model, answer the question; the case, and what the reader must know of it.

    Raises UserFacing; cheap checks come first.
    """
    question_text = settings.checked_question(args.question)
    options = settings.checked_options(args.option)
    image = imaging.load_image(args.image, window=args.window, invert=args.invert)
    settings.require_allowed(args.model)
    model = models.load_model(args.model, settings=settings)
    question = Question(question_text, options, args.mode)
    stop = threading.Event()
    decoding = Decoding(settings.max_new_tokens or 0)
    try:
        last = deque(cases.run_case(model, image, question, decoding, stop), maxlen=1)
    finally:
        stop.set()
    if not last or last[0].status != "done" or last[0].case is None:
        message = last[0].message if last else ""
        hint = "Try again, or run `python -m workbench doctor`."
        raise UserFacing(message or "The model gave no answer.", hint)
    notes = (*image.notes, model.note, last[0].message)
    return last[0].case, tuple(f"Note: {note}" for note in notes if note)
