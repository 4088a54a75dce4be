"""Conditions: how an item is put to a model, to see what its answers rest on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from workbench.bench.items import Item
from workbench.imaging import from_array
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.prompts import LETTERS

CONDITIONS = ("image", "blank", "shuffled_options")
BLANK_GREY = 127


class Answerer(Protocol):
    """What the runner needs of a model; `workbench.models.session.LoadedModel` satisfies it."""

    @property
    def name(self) -> str: ...

    @property
    def revision(self) -> str: ...

    def prepare(self, question: Question, image: MedicalImage | None) -> Prompt: ...

    def generate_batch(self, prompts: Sequence[Prompt], decoding: Decoding | None = None) -> list[Answer]: ...


@dataclass(frozen=True)
class Task:
    """One item as it is put to one model, with the options in the order shown."""

    item: Item
    model: Answerer
    condition: str
    options: tuple[str, ...]
    key: str

    @property
    def gold_letter(self) -> str | None:
        if self.options == self.item.options:
            return self.item.answer_letter
        return LETTERS[self.options.index(self.item.answer)]


def shuffled(item: Item) -> tuple[str, ...]:
    """The options in another order, always the same one for an item; never the original order."""
    seed = int.from_bytes(hashlib.sha256(item.item_id.encode()).digest()[:8], "big")
    rng = np.random.default_rng(seed)
    while (order := tuple(rng.permutation(len(item.options)))) == tuple(range(len(item.options))):
        pass
    return tuple(item.options[i] for i in order)


def blank_picture(image: MedicalImage) -> MedicalImage:
    """A mid-grey picture of the same size: nothing of the original is left, its brightness included."""
    return from_array(np.full((image.height, image.width, 3), BLANK_GREY, np.uint8))


def applies(item: Item, condition: str) -> bool:
    """Whether a condition makes sense for an item: no image can't be blanked, one option not shuffled."""
    if condition == "blank":
        return item.image_path is not None
    return condition != "shuffled_options" or len(item.options) > 1
