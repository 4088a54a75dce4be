"""Idefics3 and SmolVLM: tiles named by row and column, the whole picture last, merged patches."""

import re

import numpy as np
import pytest

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import make_tiles
from tests.tiny import picture
from workbench.models.families.idefics3 import resized, tile_counts


@pytest.fixture(scope="module", params=["idefics3", "smolvlm"])
def model(request):
    return make_tiles(request.param)


def test_tile_counts_by_hand():
    assert resized((90, 50), 96) == (96, 54)  # int(96 / 1.8) = 53, made even
    assert tile_counts((90, 50), 96, 24) == (4, 3)  # 54 pixels high: three tiles
    assert tile_counts((50, 90), 96, 24) == (3, 4)
    assert tile_counts((90, 50), 96, 26) == (4, 3)  # 104 wide, so 58 high: three tiles of 26
    assert tile_counts((300, 2), 96, 24) == (4, 1)
    assert tile_counts((70, 70), 24, 24) == (1, 1)


def test_boxes_by_hand_where_patches_leave_out_the_end_of_each_tile():
    """104 × 78 pixels in 4 × 3 tiles of 26; a token sees 8 × 8 of them and the last two are not seen."""
    model = make_tiles("idefics3")
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
    boxes = make_tiles("smolvlm").prepare(tiny.ASK, picture(192, 108)).boxes
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


def test_a_picture_that_is_not_split_has_the_whole_alone(model, monkeypatch):
    monkeypatch.setattr(model.processor.image_processor, "do_image_splitting", False)
    boxes = model.prepare(tiny.ASK, picture(60, 30)).boxes
    side = round(len(boxes) ** 0.5)
    assert side in (2, 3)
    assert boxes[0, :2].tolist() == [0, 0]
    assert np.allclose(boxes[-1, 2:], np.array([60, 30]) * (24 / model.model.config.vision_config.image_size))
