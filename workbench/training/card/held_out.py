"""Held-out questions that are made when they are needed: photographs, and rare findings.

Their pictures are written beside the results: photographs belong to other packages and are not shipped.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.bench.questions.items import Item, ItemSet
from workbench.models.prompts import LETTERS
from workbench.phantoms.photographs import crop_photograph, package_photographs
from workbench.phantoms.questions.unknown import ANSWER, QUESTIONS
from workbench.phantoms.seeds import HELD_OUT_SEED
from workbench.training.rare.synthesis import synthesise

SIZE = 224


def _item(name: str, path: Path, question: str, answer: str, options: tuple[str, ...], task: str) -> Item:
    letter = LETTERS[options.index(answer)] if options else None
    return Item(
        item_id=name,
        image_path=path,
        question=question,
        options=options,
        answer=answer,
        answer_letter=letter,
        answer_type="closed" if len(options) == 2 else "open",
        question_type=task,
        task=task,
        modality="",
        body_part="",
        dataset=task,
        image_group=path.name,
    )


def _save(pixels: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def photograph_items(folder: Path, crops: int = 8, questions: int = 2) -> ItemSet:
    """Medical questions on crops of photographs never trained on; right is to say that they are not known."""

    def made() -> Iterator[Item]:
        for number, source in enumerate(package_photographs("test")):
            for crop in range(crops):
                rng = np.random.default_rng([HELD_OUT_SEED, number, crop])
                picture = crop_photograph(rng, source, SIZE)
                path = _save(picture, folder / "images" / f"{source.stem}-{crop}.png")
                for part, index in enumerate(rng.permutation(len(QUESTIONS))[:questions]):
                    name = f"{source.stem}-{crop}-{part}"
                    yield _item(name, path, QUESTIONS[int(index)], ANSWER, (), "photograph")

    return ItemSet("photographs", tuple(made()), {}, folder)


def rare_items(folder: Path, count: int = 72) -> ItemSet:
    """Questions on drawn rare findings, from a series that the stage `rare` never draws."""

    def made() -> Iterator[Item]:
        for number, one in enumerate(synthesise(count, 1.0, seed=HELD_OUT_SEED, images=True, size=SIZE)):
            path = folder / "images" / f"rare-{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.record.image)
            yield _item(
                f"rare-{number:03d}", path, one.record.question, one.record.answer, one.record.options, "rare"
            )

    return ItemSet("rare", tuple(made()), {}, folder)
