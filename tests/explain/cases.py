"""Cases by hand on tiny models: a picture with one painted patch, and an answer of given ids."""

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain import Span
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Question
from workbench.models.session import LoadedModel

Box = tuple[int, int, int, int]
ASK = Question("left")
WORD = Span("token", "x", (0,))


def painted(width: int, height: int, box: Box) -> MedicalImage:
    """Black picture with one white box."""
    pixels = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = box
    pixels[y0:y1, x0:x1] = 255
    return MedicalImage(pixels, "test", "array")


def answer_of(ids: tuple[int, ...]) -> Answer:
    """An answer of given ids, one letter each."""
    return Answer(ids, "x" * len(ids), tuple((i, i + 1) for i in range(len(ids))), (0.0,) * len(ids), "stop")


def case_of(
    model: LoadedModel,
    image: MedicalImage | None,
    answer: Answer | tuple[int, ...],
    question: Question = ASK,
) -> AnsweredCase:
    """What `model` wrote about the image: an answer, or one of given ids, one letter each."""
    given = answer if isinstance(answer, Answer) else answer_of(answer)
    return AnsweredCase.of(model, model.prepare(question, image), image, given)


def token_spans(*groups: tuple[int, ...]) -> list[Span]:
    return [Span("token", str(group), group) for group in groups]
