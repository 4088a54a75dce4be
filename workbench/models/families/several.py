"""The geometry of a prompt: boxes of all its pictures, and which picture each image token belongs to."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import UserFacing
from workbench.models.families.base import Family, Inputs

Size = tuple[int, int]


def picture_parts(
    family: Family, sizes: Sequence[Size], inputs: Inputs, processor: Any, config: Any
) -> list[Inputs]:
    """The inputs of each picture alone; one picture's are the prompt's own.

    Raises UserFacing for several pictures of a family that takes one at a time.
    """
    if len(sizes) == 1:
        return [inputs]
    split = getattr(family, "pictures", None)
    if split is None:
        raise UserFacing(
            f"Models of the family {family.name} are shown one picture at a time here, not {len(sizes)}.",
            "Ask about one picture, or use another model.",
        )
    return split(sizes, inputs, processor, config)


def picture_boxes(
    family: Family, sizes: Sequence[Size], inputs: Inputs, processor: Any, config: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes float32 `[P, 4]`, each in pixels of its own picture, and the picture of each, int64 `[P]`.

    Raises UserFacing for pictures that the family can't be shown, ValueError when the boxes and the image
    tokens aren't as many.
    """
    parts = picture_parts(family, sizes, inputs, processor, config)
    boxes = [
        family.patch_boxes(size, part, processor, config) for size, part in zip(sizes, parts, strict=True)
    ]
    of = np.repeat(np.arange(len(boxes)), [len(found) for found in boxes])
    tokens = len(family.image_positions(inputs, config))
    if len(of) != tokens and len(sizes) > 1:
        raise ValueError(f"{len(of)} boxes of {len(sizes)} pictures for {tokens} image tokens")
    return np.concatenate(boxes), of
