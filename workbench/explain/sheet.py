"""All pictures of a case on one sheet, below each other, so that what works by patch works on any number.

A method or metric that changes pixels changes those of the sheet, at the sheet's boxes, and hands the sheet
to a scorer, which cuts it into the pictures again. One picture is its own sheet.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.imaging.medical_image import MedicalImage

Place = tuple[int, int, int, int]
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sheet:
    """`pixels` uint8 `[H, W, 3]`; `places` x0, y0, x1, y1 of each picture on it; black beside narrow ones."""

    pixels: np.ndarray
    places: tuple[Place, ...]

    @classmethod
    def of(cls, images: Sequence[MedicalImage]) -> "Sheet":
        """The sheet of one picture or more. Raises ValueError for none."""
        if not images:
            raise ValueError("there is no picture to change")
        if len(images) == 1:
            return cls(images[0].pixels, ((0, 0, images[0].width, images[0].height),))
        tops = np.cumsum([0, *(image.height for image in images)])
        places = tuple(
            (0, int(top), image.width, int(top) + image.height)
            for image, top in zip(images, tops[:-1], strict=True)
        )
        pixels = np.zeros((int(tops[-1]), max(image.width for image in images), 3), np.uint8)
        for image, (x0, y0, x1, y1) in zip(images, places, strict=True):
            pixels[y0:y1, x0:x1] = image.pixels
        return cls(pixels, places)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def boxes(self, boxes: np.ndarray, picture_of: np.ndarray) -> np.ndarray:
        """Boxes `[P, 4]` in pixels of their own pictures → on the sheet; empty ones stay where they are."""
        if len(self.places) == 1:
            return boxes
        corner = np.array([place[:2] * 2 for place in self.places], np.float32)
        shown = (boxes[:, 2:] > boxes[:, :2]).all(1, keepdims=True)
        return np.where(shown, boxes + corner[picture_of], boxes).astype(np.float32)

    def split(self, pixels: np.ndarray) -> list[np.ndarray]:
        """The pictures on `pixels` uint8 `[H, W, 3]`, which has the sheet's size."""
        if len(self.places) == 1:
            return [pixels]
        return [np.ascontiguousarray(pixels[y0:y1, x0:x1]) for x0, y0, x1, y1 in self.places]

    def images(self, pixels: np.ndarray) -> list[MedicalImage]:
        """The pictures on changed `pixels`, as plain arrays that know nothing of their origin."""
        return [MedicalImage(part, "", "array") for part in self.split(pixels)]

    @property
    def image(self) -> MedicalImage:
        """The sheet as one picture."""
        return MedicalImage(self.pixels, hashlib.sha256(self.pixels.tobytes()).hexdigest(), "array")

    def each(self, change: Change, pixels: np.ndarray | None = None) -> np.ndarray:
        """The sheet (or other `pixels` of its size) with `change` made to each picture on its own."""
        source = self.pixels if pixels is None else pixels
        return change_each(source, self.places, change)


def change_each(pixels: np.ndarray, places: Sequence[Place] | None, change: Change) -> np.ndarray:
    """`change` made to each place of `pixels` `[H, W, ...]` on its own; without places, to all of it."""
    if places is None or len(places) == 1:
        return change(pixels)
    out = pixels.copy()
    for x0, y0, x1, y1 in places:
        out[y0:y1, x0:x1] = change(np.ascontiguousarray(pixels[y0:y1, x0:x1]))
    return out
