"""Answers by hand and pictures with one bright patch, for the metrics on tiny models."""

from collections.abc import Callable

import numpy as np
import pytest

from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer


@pytest.fixture
def answer_of() -> Callable[..., Answer]:
    """An answer with these ids, one letter a token."""

    def make(*ids: int) -> Answer:
        offsets = tuple((i, i + 1) for i in range(len(ids)))
        return Answer(ids, "x" * len(ids), offsets, (0.0,) * len(ids), "stop")

    return make


@pytest.fixture
def bright_patch() -> Callable[..., MedicalImage]:
    """A black picture with one white box x0, y0, x1, y1."""

    def make(width: int, height: int, box: tuple[int, int, int, int]) -> MedicalImage:
        pixels = np.zeros((height, width, 3), np.uint8)
        x0, y0, x1, y1 = box
        pixels[y0:y1, x0:x1] = 255
        return MedicalImage(pixels, "test", "array")

    return make
