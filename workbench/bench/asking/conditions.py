"""Conditions: how an item is put to a model, to see what its answers rest on."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from workbench.bench.questions.items import Item
from workbench.imaging import from_array
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Mode, Prompt, Question
from workbench.models.catalogue import LONGEST_ANSWER
from workbench.models.conversation import Images
from workbench.models.prompts import LETTERS

CONDITIONS = (
    "image", "blank", "shuffled_image", "shuffled_options", "short_prompt", "trace_prompt", "sampled",
    "anchored",
)  # fmt: skip
# The field of `run_file.PROTOCOL` that a condition sets itself, whatever the run's own is.
OVERRIDES: Mapping[str, str] = {"short_prompt": "mode", "trace_prompt": "mode", "sampled": "decoding"}
FORCED_MODES: Mapping[str, Mode] = {"short_prompt": "short", "trace_prompt": "trace"}
BLANK_GREY = 127
_SELECTIVE = (
    "blank",
    "shuffled_image",
    "shuffled_options",
    "anchored",
)  # those that don't apply to every item


class Answerer(Protocol):
    """What the runner needs of a model; `workbench.models.session.LoadedModel` satisfies it.

    One that sets `own_decodings = True` is given a list of decodings, one a prompt, by `generate_batch`.
    """

    @property
    def name(self) -> str: ...

    @property
    def revision(self) -> str: ...

    def prepare(self, question: Question, images: Images) -> Prompt: ...

    def generate_batch(self, prompts: Sequence[Prompt], decoding: Decoding | None = None) -> list[Answer]: ...


@dataclass(frozen=True)
class Task:
    """One item as it is put to one model: the options in the order shown, the pictures that are shown.

    `decoding` carries the seed of this very answer. `anchor` is reasoning that the answer is made to
    begin with. `key` names everything that decides the answer.
    """

    item: Item
    model: Answerer
    condition: str
    options: tuple[str, ...]
    key: str
    mode: Mode
    decoding: Decoding
    pictures: tuple[Path, ...]
    sample: int = 0
    anchor: str = ""

    @property
    def gold_letter(self) -> str | None:
        if self.options == self.item.options:
            return self.item.answer_letter
        return LETTERS[self.options.index(self.item.answer)]


class Donors:
    """Whose picture an item is shown under "shuffled_image": one picture of every image group is kept."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._pools: dict[str | None, dict[str, Path]] = {None: {}}
        for item in items:
            if item.image_path is not None:
                for name in (None, item.modality):
                    self._pools.setdefault(name, {}).setdefault(item.image_group, item.image_path)
        self._lists = {name: list(pool.items()) for name, pool in self._pools.items()}
        self._pools.clear()

    def pictures_for(self, item: Item) -> tuple[Path, ...]:
        """A picture of another image group for each of the item's, always the same for an item of one set.

        Of the same modality where the set has one, else of any; none where every picture is of its group.
        """
        found = [self._donor(item, number) for number in range(len(item.image_paths))]
        return tuple(path for path in found if path is not None)

    def _donor(self, item: Item, number: int) -> Path | None:
        seed = seed_of("shuffled_image", item.item_id, *([number] if number else []))
        for name in (item.modality, None):
            pool = self._lists.get(name, [])
            for step in range(len(pool)):
                group, path = pool[(seed + step) % len(pool)]
                if group != item.image_group and path not in item.image_paths:
                    return path
        return None


def longest_answer(models: Iterable[Answerer], wanted: int | None) -> int:
    """Tokens that each answer of a run may have: what a person wants, else the most that a model's card asks
    for, so that every model is asked with the same decoding."""
    cards = [getattr(model, "card", None) for model in models]
    return wanted or max((card.max_new_tokens for card in cards if card is not None), default=LONGEST_ANSWER)


def seed_of(*parts: object) -> int:
    """A seed below 2³¹ from any parts, the same on every machine."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 2**31


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


def selective(conditions: Iterable[str]) -> bool:
    """Whether any of the conditions leaves items out, so that they must be looked at to be counted."""
    return any(condition in _SELECTIVE for condition in conditions)


def applies(item: Item, condition: str, donors: Donors) -> bool:
    """Whether a condition makes sense for an item: no image can't be blanked, one option not shuffled."""
    if condition == "blank":
        return item.image_path is not None
    if condition == "shuffled_image":
        return bool(donors.pictures_for(item))
    if condition == "anchored":
        return bool(item.anchors)
    return condition != "shuffled_options" or len(item.options) > 1
