"""What a removed patch is replaced by, and pictures with patches removed. Pure: uint8 RGB in and out."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from workbench.explain.metrics.geometry import pixel_slices
from workbench.explain.sheet import Place, change_each

Fill = Literal["blur", "mean"]
BLUR_SPREAD = 0.1  # standard deviation of the blur, as a fraction of the longest side
BLUR_SIDE = 128  # a blur this wide holds no detail that a smaller copy would lose


def fill_picture(picture: np.ndarray, fill: Fill, places: Sequence[Place] | None = None) -> np.ndarray:
    """The stand-in for removed patches, same shape as `picture` uint8 `[H, W, 3]`.

    With the `places` of several pictures on a sheet each is filled from its own colours.
    "blur" keeps the large light and dark areas of the picture, so that a removed patch does not look like a
    new object; "mean" is the picture's mean colour everywhere. Raises ValueError for another fill.
    """
    if places is not None and len(places) > 1:
        return change_each(picture, places, lambda part: fill_picture(part, fill))
    height, width = picture.shape[:2]
    if fill == "mean":
        colour = picture.reshape(-1, 3).mean(0).round().astype(np.uint8)
        return np.broadcast_to(colour, picture.shape).copy()
    if fill != "blur":
        raise ValueError(f"there is no fill {fill!r}; use blur or mean")
    scale = min(1.0, BLUR_SIDE / max(width, height))
    small_size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, small_size, interpolation=cv2.INTER_AREA)
    spread = BLUR_SPREAD * max(small_size)
    soft = cv2.GaussianBlur(small, (0, 0), spread, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)


def removable(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Indices of the patches that own a pixel of the (width, height) picture; padding owns none."""
    width, height = size
    owns = [
        len(range(*rows.indices(height))) > 0 and len(range(*columns.indices(width))) > 0
        for rows, columns in pixel_slices(boxes)
    ]
    return np.flatnonzero(owns)


def without(picture: np.ndarray, fill: np.ndarray, boxes: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """A copy of `picture` in which every patch marked in `removed` (bool `[P]`) shows `fill`.

    Where boxes overlap, a pixel shows the fill as soon as one of its patches is removed.
    """
    changed = picture.copy()
    for rows, columns in pixel_slices(boxes[removed]):
        changed[rows, columns] = fill[rows, columns]
    return changed
