"""What a notebook calls: ask a model about an image, and compare base and tuned on the same words."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from workbench import cases, explain, imaging
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Decoding, Mode, Question
from workbench.models.session import LoadedModel
from workbench.places import ASSETS

Picture = str | PathLike[str] | bytes | np.ndarray | MedicalImage | None
Pictures = Picture | Sequence[Picture]


@dataclass(frozen=True)
class ComparedAnswers:
    """What base and tuned answered to one question on one image."""

    base: AnsweredCase
    tuned: AnsweredCase

    def explain(
        self, method: str = "attention_mean", span: str = "answer", *, of: str = "tuned", **params: int | str
    ) -> "explain.Comparison | explain.Refusal":
        """Tuned − base on the very same words: those of one side's answer, forced on both models.

        `of` is "tuned" or "base", the side whose words they are. Raises UserFacing for an unknown method,
        span or side.
        """
        if of not in ("base", "tuned"):
            raise UserFacing(f"There is no side called {of!r}.", "Use base or tuned.")
        case = self.tuned if of == "tuned" else self.base
        return explain.compare(case, self.base.model, self.tuned.model, [case.span(span)], method, params)

    def __str__(self) -> str:
        return f"{self.base}\n\n{self.tuned}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return cases.cases_html({"base": self.base, "tuned": self.tuned})


def ask(
    model: LoadedModel,
    image: Pictures,
    question: str,
    *,
    options: Sequence[str] = (),
    mode: Mode = "trace",
    max_new_tokens: int | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    recover: bool | None = None,
    stop: threading.Event | None = None,
) -> AnsweredCase:
    """The model's answer to a question about an image, as a case that can be explained, probed and measured.

    `image` is a file, its bytes, an RGB array uint8 `[H, W, 3]`, a `MedicalImage`, a list of these for
    several pictures in one question, or None for a model that reads text. `mode` "trace" asks for reasoning,
    "short" for the answer alone, "bare" sends the question as it stands. `max_new_tokens` None is what the
    model's card says. `recover` asks again for a letter where no option can be read (None: text-only models
    do). Raises UserFacing when the image can't be read or the model gives no answer.

    >>> import workbench as wb
    >>> model = wb.load_model("tuned")
    >>> case = wb.ask(model, wb.example("chest-effusion"), "What abnormality is shown?")
    >>> print(case.final_answer)
    pleural effusion
    """
    asked = Question(question, tuple(options), mode)
    decoding = Decoding(max_new_tokens or 0, temperature, seed=seed, recover=recover)
    return _answered(model, as_pictures(image), asked, decoding, stop)


def follow_up(
    case: AnsweredCase,
    question: str,
    images: Pictures = None,
    *,
    options: Sequence[str] = (),
    mode: Mode | None = None,
    max_new_tokens: int | None = None,
    stop: threading.Event | None = None,
) -> AnsweredCase:
    """The same model's answer to a question that follows on a case, whose pictures and turns are kept.

    `images` are further pictures of this turn. `mode` and decoding are those of the case unless given.
    Raises UserFacing as `ask`.
    """
    asked = case.next_question(question, options, mode)
    decoding = case.answer.decoding
    if max_new_tokens is not None:
        decoding = replace(decoding, max_new_tokens=max_new_tokens)
    return _answered(case.model, (*case.images, *as_pictures(images)), asked, decoding, stop)


def _answered(
    model: LoadedModel,
    pictures: tuple[MedicalImage, ...],
    asked: Question,
    decoding: Decoding,
    stop: threading.Event | None,
) -> AnsweredCase:
    run = cases.run_case(model, pictures, asked, decoding, stop)
    (column,) = deque(run, maxlen=1)
    if column.case is None or column.status == "failed":
        raise UserFacing(column.message or "The model gave no answer.", "Ask again, in other words.")
    return column.case


def compare(
    base: LoadedModel, tuned: LoadedModel, image: Pictures, question: str, **how: object
) -> ComparedAnswers:
    """Both models' answers to the same question; `how` as in `ask`.

    >>> import workbench as wb
    >>> base, tuned = wb.load_model("base"), wb.load_model("tuned")
    >>> both = wb.compare(base, tuned, wb.example("chest-effusion"), "What abnormality is shown?")
    >>> both.explain("attention_mean", span="answer").maps[0].signed
    True
    """
    pictures = as_pictures(image)
    return ComparedAnswers(ask(base, pictures, question, **how), ask(tuned, pictures, question, **how))


def as_pictures(images: Pictures) -> tuple[MedicalImage, ...]:
    """One picture, several or none, each decoded; None among several is left out. Raises UserFacing."""
    several = images if isinstance(images, list | tuple) else (images,)
    return tuple(found for one in several if (found := as_picture(one)) is not None)


def as_picture(image: Picture) -> MedicalImage | None:
    """Whatever a caller has for an image, decoded by `imaging`. Raises UserFacing for what can't be read."""
    if image is None or isinstance(image, MedicalImage):
        return image
    return imaging.from_array(image) if isinstance(image, np.ndarray) else imaging.load_image(image)


def example(name: str) -> MedicalImage:
    """An image of the shipped gallery by name; raises UserFacing that lists the names."""
    files = {path.stem: path for path in sorted((ASSETS / "examples").glob("*.png"))}
    if name not in files:
        raise UserFacing(f"There is no example called {name!r}.", f"Known: {', '.join(files)}.")
    return imaging.load_image(files[name])
