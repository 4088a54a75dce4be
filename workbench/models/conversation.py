"""A question with its earlier turns as a chat: which pictures stand in which turn, and in which order."""

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Question

Images = MedicalImage | Sequence[MedicalImage] | None


def as_pictures(images: Images) -> tuple[MedicalImage, ...]:
    """None, one picture or several as a tuple."""
    if images is None:
        return ()
    return (images,) if isinstance(images, MedicalImage) else tuple(images)


def asked_turns(question: Question) -> tuple[tuple[Question, str | None, int | None], ...]:
    """Every turn, oldest first: its question, its answer and the pictures it brought.

    The last one is the question itself, which has no answer yet and brings all pictures that are left.
    """
    earlier = [(Question(t.text, t.options, t.mode), t.answer, t.pictures) for t in question.history]
    return (*earlier, (question, None, None))


def conversation(
    question: Question,
    pictures: Sequence[MedicalImage],
    text_of: Callable[[Question], str],
    plain: Callable[[str], str],
    system: str = "",
) -> list[dict[str, Any]]:
    """The chat of a question as processors take it: in each user turn its pictures, then its text.

    `pictures` are those of all turns, in order. `text_of` makes the text of a user turn, `plain` that of an
    earlier answer; `system` is a turn before all others. Raises ValueError when there are fewer pictures than
    the earlier turns brought.
    """
    if len(pictures) < question.earlier_pictures:
        missing = f"{len(pictures)} pictures for earlier turns that brought {question.earlier_pictures}"
        raise ValueError(missing)
    turns: list[dict[str, Any]] = []
    if system:
        turns.append({"role": "system", "content": [{"type": "text", "text": system}]})
    start = 0
    for asked, answer, count in asked_turns(question):
        end = len(pictures) if count is None else start + count
        shown = [{"type": "image", "image": Image.fromarray(p.pixels)} for p in pictures[start:end]]
        turns.append({"role": "user", "content": [*shown, {"type": "text", "text": text_of(asked)}]})
        if answer is not None:
            turns.append({"role": "assistant", "content": [{"type": "text", "text": plain(answer)}]})
        start = end
    return turns
