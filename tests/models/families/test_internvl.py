"""InternVL: tiles of a canvas that follows the picture's shape, a thumbnail last, merged patches."""

import numpy as np
import pytest

from tests.models.families import tile_checks as checks
from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.tiny import picture
from workbench.models.families.internvl import InternVL

SIZES = [(90, 50), (40, 100), (131, 77), (20, 22)]


@pytest.fixture(scope="module")
def model():
    return tiles.internvl(InternVL())


@pytest.fixture(scope="module")
def local():
    return checks.without_mixing(tiles.internvl(InternVL(), tiles.NEAREST))


def test_only_its_own_configs_match(model):
    assert InternVL().matches(model.model.config)
    assert not InternVL().matches(type("Other", (), {"model_type": "internvl_chat"})())


@pytest.mark.parametrize("size", SIZES)
def test_tokens_and_positions(model, size):
    checks.check_markers(model, picture(*size))


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


@pytest.mark.parametrize("size", SIZES)
def test_a_painted_region_changes_exactly_the_tokens_over_it(local, size):
    checks.check_every_box(local, size)


def test_any_size_has_as_many_boxes_as_tokens(model):
    random = np.random.default_rng(0)
    for width, height in random.integers(8, 200, (40, 2)):
        prompt = model.prepare(tiny.ASK, picture(width, height))
        assert len(prompt.boxes) == len(prompt.image_positions)
        assert len(prompt.boxes) == 9 * len(prompt.inputs["pixel_values"])


def test_forcing_equals_generation(model):
    tiny.check_forcing(model, [picture(90, 50), picture(40, 100), None])


def test_extension(model):
    tiny.check_extension(model, picture(90, 50))


def test_probe(model):
    plain, eager = (tiles.internvl(InternVL(), attention=kernel) for kernel in ("sdpa", "eager"))
    checks.check_probe(model, plain, eager, picture(90, 50))


def test_batches(model):
    tiny.check_batch(model, [picture(90, 50), picture(40, 100, seed=1), None])
    tiny.check_batch(model, [None, None])


def test_decoder_parts(model):
    tiny.check_parts(model, picture(90, 50))


def test_refusals(model):
    checks.check_refusals(model, picture(90, 50))
