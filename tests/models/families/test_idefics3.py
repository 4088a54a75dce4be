"""Idefics3 and SmolVLM: tiles named by row and column, the whole picture last, merged patches."""

import re

import numpy as np
import pytest

from tests.models.families import tile_checks as checks
from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.tiny import picture
from workbench.models.families.idefics3 import Idefics3, resized, tile_counts

SIZES = [(90, 50), (40, 100), (200, 190)]
MAKERS = {"idefics3": tiles.idefics3, "smolvlm": tiles.smolvlm}


@pytest.fixture(scope="module", params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture(scope="module")
def model(make):
    return make(Idefics3())


@pytest.fixture(scope="module")
def local(make):
    return checks.without_mixing(make(Idefics3(), tiles.NEAREST))


def test_only_its_own_configs_match(model):
    assert Idefics3().matches(model.model.config)
    assert not Idefics3().matches(type("Other", (), {"model_type": "idefics2"})())


@pytest.mark.parametrize("size", SIZES)
def test_tokens_and_positions(model, size):
    checks.check_markers(model, picture(*size))


def test_tile_counts_by_hand():
    assert resized((90, 50), 96) == (96, 54)  # int(96 / 1.8) = 53, made even
    assert tile_counts((90, 50), 96, 24) == (4, 3)  # 54 pixels high: three tiles
    assert tile_counts((50, 90), 96, 24) == (3, 4)
    assert tile_counts((90, 50), 96, 26) == (4, 3)  # 104 wide, so 58 high: three tiles of 26
    assert tile_counts((300, 2), 96, 24) == (4, 1)
    assert tile_counts((70, 70), 24, 24) == (1, 1)


def test_boxes_by_hand_where_patches_leave_out_the_end_of_each_tile():
    """104 × 78 pixels in 4 × 3 tiles of 26; a token sees 8 × 8 of them and the last two are not seen."""
    model = tiles.idefics3(Idefics3())
    boxes = model.prepare(tiny.ASK, picture(208, 117)).boxes
    assert boxes.shape == (13 * 9, 4)
    assert np.allclose(boxes[0], [0, 0, 16, 12])
    assert np.allclose(boxes[2], [32, 0, 48, 12])
    assert np.allclose(boxes[9], [52, 0, 68, 12])  # the second tile begins at pixel 26 of 104
    assert np.allclose(boxes[4 * 9 + 3], [0, 39 + 12, 16, 39 + 24])  # second row of tiles, second of tokens
    assert np.allclose(boxes[12 * 9], [0, 0, 208 * 8 / 26, 117 * 8 / 26])
    assert np.allclose(boxes[-1], [208 * 16 / 26, 117 * 16 / 26, 208 * 24 / 26, 117 * 24 / 26])


def test_boxes_by_hand_where_patches_fill_the_tile():
    """96 × 72 pixels in 4 × 3 tiles of 24, each 2 × 2 tokens: an 8 × 6 grid, but listed tile by tile."""
    boxes = tiles.smolvlm(Idefics3()).prepare(tiny.ASK, picture(192, 108)).boxes
    assert boxes.shape == (13 * 4, 4)
    assert boxes[1].tolist() == [24, 0, 48, 18]
    assert boxes[2].tolist() == [0, 18, 24, 36]
    assert boxes[4].tolist() == [48, 0, 72, 18]
    assert boxes[-1].tolist() == [96, 54, 192, 108]


def test_the_markers_in_the_prompt_name_the_same_rows_and_columns(model):
    """Any size: the processor's own <row_r_col_c> tokens say how it cut the picture."""
    random = np.random.default_rng(0)
    side = model.model.config.vision_config.image_size
    for width, height in [(95, 96), (96, 95), *random.integers(20, 220, (30, 2))]:
        prompt = model.prepare(tiny.ASK, picture(width, height))
        text = model.tokenizer.decode(prompt.inputs["input_ids"][0])
        named = re.findall(r"<row_(\d+)_col_(\d+)>", text)
        rows, columns = (int(number) for number in named[-1])
        assert tile_counts((width, height), 96, side) == (columns, rows)
        assert len(named) == rows * columns


@pytest.mark.parametrize("size", SIZES)
def test_a_painted_region_changes_exactly_the_tokens_over_it(local, size):
    # The picture is resized twice and the tiles' picture once more: what is read may shift by pixels.
    checks.check_every_box(local, size, slack=1.0)


def test_a_picture_that_is_not_split_has_the_whole_alone(model, monkeypatch):
    monkeypatch.setattr(model.processor.image_processor, "do_image_splitting", False)
    boxes = model.prepare(tiny.ASK, picture(60, 30)).boxes
    side = round(len(boxes) ** 0.5)
    assert side in (2, 3)
    assert boxes[0, :2].tolist() == [0, 0]
    assert np.allclose(boxes[-1, 2:], np.array([60, 30]) * (24 / model.model.config.vision_config.image_size))


def test_forcing_equals_generation(model):
    tiny.check_forcing(model, [picture(90, 50), picture(40, 100), None])


def test_extension(model):
    tiny.check_extension(model, picture(90, 50))


def test_probe(make, model):
    plain, eager = (make(Idefics3(), attention=kernel) for kernel in ("sdpa", "eager"))
    checks.check_probe(model, plain, eager, picture(90, 50))


def test_batches(model):
    tiny.check_batch(model, [picture(90, 50), picture(40, 100, seed=1), None])
    tiny.check_batch(model, [None, None])


def test_decoder_parts(model):
    tiny.check_parts(model, picture(90, 50))


def test_refusals(model):
    checks.check_refusals(model, picture(90, 50))
