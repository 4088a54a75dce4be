"""One question on images or none, answered, with what follows on it: what `ask` and `explain` share."""

import argparse
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from workbench import cases, imaging, models
from workbench.cases.answered import AnsweredCase
from workbench.cases.column import Column
from workbench.commands.fetching import fetch_lines
from workbench.commands.servers import teller, with_servers
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Decoding, Question
from workbench.models.served.address import EXAMPLE, is_address
from workbench.models.session import LoadedModel
from workbench.settings import Settings


def answered_case(args: argparse.Namespace, settings: Settings) -> tuple[AnsweredCase, tuple[str, ...]]:
    """The case of the last turn, and what the reader must know of it; see `answered_turns`."""
    turns, notes = answered_turns(args, settings)
    return turns[-1], notes


def answered_turns(
    args: argparse.Namespace, settings: Settings
) -> tuple[list[AnsweredCase], tuple[str, ...]]:
    """Read the images, load the model, answer the question and what follows on it; a case each, and notes.

    Raises UserFacing; cheap checks come first.
    """
    question_text = settings.checked_question(args.question)
    later = [settings.checked_question(text) for text in args.follow_up]
    options = settings.checked_options(args.option)
    images = _images(args)
    ref = _model_ref(args)
    settings = with_servers(settings, [ref] if is_address(ref) else [])
    settings.require_allowed(ref)
    told = None if args.json else fetch_lines(ref, sys.stderr.write)
    model = models.load_model(ref, settings=settings, progress=told)
    question = Question(question_text, options, args.mode)
    turns, notes = [], [note for image in images for note in image.notes] + [model.note]
    decoding = Decoding(settings.max_new_tokens or 0, recover=args.recover)
    for following in [*later, None]:
        case, said = _answered(model, images, question, decoding)
        turns.append(case)
        notes.append(said)
        if following is not None:
            question = case.next_question(following)
    return turns, tuple(f"Note: {note}" for note in dict.fromkeys(notes) if note)


def _answered(
    model: LoadedModel, images: tuple[MedicalImage, ...], question: Question, decoding: Decoding
) -> tuple[AnsweredCase, str]:
    """The finished case and what is to be said about it. Raises UserFacing when there is none."""
    stop = threading.Event()
    try:
        last = deque(_told(cases.run_case(model, images, question, decoding, stop)), maxlen=1)
    finally:
        stop.set()
    if not last or last[0].status != "done" or last[0].case is None:
        if last and last[0].fault is not None:
            raise last[0].fault
        message = last[0].message if last else ""
        hint = "Try again, or run `python -m workbench doctor`."
        raise UserFacing(message or "The model gave no answer.", hint)
    return last[0].case, last[0].message


def image_record(case: AnsweredCase) -> dict[str, Any] | None:
    """The size of the (first) picture for a JSON record; None for a question without one."""
    return None if case.image is None else {"width": case.image.width, "height": case.image.height}


def _images(args: argparse.Namespace) -> tuple[MedicalImage, ...]:
    """The pictures of the command line; none with --no-image."""
    if not args.no_image:
        files = (args.image, *args.more_images)
        return tuple(imaging.load_image(file, window=args.window, invert=args.invert) for file in files)
    if args.window or args.invert or args.more_images:
        raise UserFacing(
            "--image, --window and --invert are about a picture.", "Leave them out with --no-image."
        )
    return ()


def _model_ref(args: argparse.Namespace) -> str:
    """The model that was asked for: --endpoint, else --model, else the tuned one."""
    if args.endpoint and args.model:
        raise UserFacing("--model and --endpoint name two models.", "Give one of them.")
    if args.endpoint and not is_address(args.endpoint):
        raise UserFacing(f"{args.endpoint!r} is no address of a server.", f"Give it like {EXAMPLE}.")
    return args.endpoint or args.model or "tuned"


def _told(columns: Iterator[Column]) -> Iterator[Column]:
    """The same columns; what a server keeps us waiting for is told on standard error."""
    tell = teller()
    for column in columns:
        if column.status in ("waiting", "streaming"):
            tell(column.message)
        yield column
