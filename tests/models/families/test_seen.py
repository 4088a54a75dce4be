"""What the model was shown: the whole picture, in every family."""

import numpy as np
import pytest

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import EVERY, make
from tests.tiny import load_tiny, picture
from workbench.imaging.medical_image import MedicalImage
from workbench.models.families.base import single_picture

SHAPES = {
    "llava": (48, 48),
    "llava_next": (24, 24),
    "llava_onevision": (26, 26),
    "internvl": (24, 24),
    "idefics3": (26, 26),
    "smolvlm": (24, 24),
    "gemma3": (32, 32),
} | dict.fromkeys(tiny.QWEN, (40, 72))  # at most 64 · 48 pixels, in blocks of 8


@pytest.fixture(scope="module", params=EVERY)
def named(request, tmp_path_factory):
    return request.param, make(request.param, tmp_path_factory.mktemp(request.param) / "model")


def quarters(width: int, height: int) -> MedicalImage:
    """Red, green, blue and white quarters."""
    pixels = np.zeros((height, width, 3), np.uint8)
    half = (height // 2, width // 2)
    pixels[: half[0], : half[1]], pixels[: half[0], half[1] :] = (250, 0, 0), (0, 250, 0)
    pixels[half[0] :, : half[1]], pixels[half[0] :, half[1] :] = (0, 0, 250), (250, 250, 250)
    return MedicalImage(pixels, "test", "array")


def corners(seen: np.ndarray) -> list[list[int]]:
    rows, columns = (seen.shape[0] // 4, -seen.shape[0] // 4), (seen.shape[1] // 4, -seen.shape[1] // 4)
    return [seen[row, column].tolist() for row in rows for column in columns]


@pytest.mark.parametrize("size", [(90, 50), (40, 100), (24, 24)])
def test_it_shows_all_four_quarters_in_their_colours(named, size):
    kind, model = named
    seen = model.seen(model.prepare(tiny.ASK, quarters(*size)))
    assert seen.dtype == np.uint8
    if size == (90, 50):
        assert seen.shape == (*SHAPES[kind], 3)
    if kind == "llava":  # padded to a square: the quarters meet in the middle, the corners are grey
        middle = np.array(seen.shape[:2]) // 2
        seen = seen[middle[0] - 4 : middle[0] + 4, middle[1] - 4 : middle[1] + 4]
    expected = [[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 250]]
    assert np.abs(np.array(corners(seen)) - expected).max() <= 12


def test_without_a_picture_nothing_was_shown(named):
    _, model = named
    assert model.seen(model.prepare(tiny.ASK, None)) is None


def test_patches_are_put_back_to_the_pixel(tmp_path):
    """A picture of whole blocks isn't resized, so every pixel comes back."""
    model = load_tiny(tiny.save_qwen(tmp_path / "model", "qwen2_5_vl"))
    image = picture(64, 40)
    assert np.array_equal(model.seen(model.prepare(tiny.ASK, image)), image.pixels)


def test_two_pictures_are_not_shown_as_one(tmp_path):
    model = load_tiny(tiny.save_qwen(tmp_path / "model", "qwen2_vl"))
    inputs = model.prepare(tiny.ASK, picture(64, 40)).inputs
    twice = inputs | {"image_grid_thw": inputs["image_grid_thw"].repeat(2, 1)}
    assert model.family.seen(twice, model.processor, model.model.config) is None
    assert single_picture(inputs, model.processor) is None
