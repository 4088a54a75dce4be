"""LLaVA-NeXT: base tile, tiles, unpadding and newline tokens."""

import numpy as np
import pytest

from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.models.families.every_family import make_tiles
from tests.models.families.tile_checks import changed_by, without_mixing
from tests.tiny import picture
from workbench.models.families.llava_next import fitted, unpadded, with_newlines


@pytest.fixture(scope="module")
def model():
    return make_tiles("llava_next")


@pytest.fixture(scope="module")
def local():
    return without_mixing(make_tiles("llava_next", tiles.NEAREST))


def test_boxes_by_hand_without_padding(model):
    boxes = model.prepare(tiny.ASK, picture(96, 48)).boxes
    base, grid = boxes[:36], boxes[36:].reshape(6, 13, 4)
    assert base[0].tolist() == [0, 0, 16, 8]
    assert base[1].tolist() == [16, 0, 32, 8]
    assert base[35].tolist() == [80, 40, 96, 48]
    assert grid[0, 0].tolist() == [0, 0, 8, 8]
    assert grid[2, 7].tolist() == [56, 16, 64, 24]
    assert not grid[:, 12].any()


def test_boxes_by_hand_with_padding(model):
    """90 × 50 on 48 × 48: scaled to 48 × 27, ten pixels above; the model keeps token rows 3 to 8 of 12."""
    boxes = model.prepare(tiny.ASK, picture(90, 50)).boxes
    grid = boxes[36:].reshape(6, 13, 4)
    assert np.allclose(grid[0, 0], [0, 2 / 0.54, 7.5, 6 / 0.54], atol=1e-4)
    assert np.allclose(grid[5, 11], [82.5, 22 / 0.54, 90, 26 / 0.54], atol=1e-4)
    assert np.allclose([boxes[:36, :2].min(), boxes[:36, 2].max(), boxes[:36, 3].max()], [0, 90, 50])


def test_fit_and_unpadding_by_hand():
    place = fitted((40, 100), (24, 72))
    assert place.scale == (24 / 40, 60 / 100)
    assert place.shift == (0, 6)
    grid = np.arange(72).reshape(12, 6)
    assert unpadded(grid, (20, 100)).shape == (12, 2)  # int(20 · 12 / 100) = 2 of 6 columns
    assert unpadded(grid, (100, 20)).tolist() == [[*range(30, 36)], [*range(36, 42)]]
    assert with_newlines(np.ones((2, 1, 4))).tolist() == [[1] * 4, [0] * 4] * 2


def test_newlines_never_change(local):
    size = (90, 50)
    boxes = local.prepare(tiny.ASK, picture(*size)).boxes
    changed = changed_by(local, size, (0, 0, *size))
    empty = np.flatnonzero(~boxes.any(1)).tolist()
    assert empty == [36 + 13 * row + 12 for row in range(6)]
    assert changed.isdisjoint(empty)


def test_another_picture_and_resized_tiles_are_refused(model, monkeypatch):
    prompt, config = model.prepare(tiny.ASK, picture(90, 50)), model.model.config
    with pytest.raises(ValueError, match="one picture of"):
        model.family.patch_boxes((50, 90), prompt.inputs, model.processor, config)
    monkeypatch.setattr(model.processor.image_processor, "size", {"shortest_edge": 30})
    with pytest.raises(ValueError, match="tiles of 24 pixels"):
        model.family.patch_boxes((90, 50), prompt.inputs, model.processor, config)
