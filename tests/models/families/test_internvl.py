"""InternVL: tiles of a canvas that follows the picture's shape, a thumbnail last, merged patches."""

import numpy as np
import pytest

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import make_tiles
from tests.tiny import picture


@pytest.fixture(scope="module")
def model():
    return make_tiles("internvl")


def test_boxes_by_hand(model):
    """144 × 96: three columns and two rows of tiles, each 3 × 3 tokens, then the thumbnail."""
    boxes = model.prepare(tiny.ASK, picture(144, 96)).boxes
    assert boxes.shape == (7 * 9, 4)
    assert boxes[0].tolist() == [0, 0, 16, 16]
    assert boxes[5].tolist() == [32, 16, 48, 32]
    assert boxes[9].tolist() == [48, 0, 64, 16]
    assert boxes[27].tolist() == [0, 48, 16, 64]
    assert boxes[54].tolist() == [0, 0, 48, 32]
    assert boxes[62].tolist() == [96, 64, 144, 96]


def test_a_small_square_is_one_tile_without_thumbnail(model):
    prompt = model.prepare(tiny.ASK, picture(20, 20))
    assert prompt.inputs["pixel_values"].shape[0] == 1
    assert np.allclose(prompt.boxes[4], [20 / 3, 20 / 3, 40 / 3, 40 / 3])
