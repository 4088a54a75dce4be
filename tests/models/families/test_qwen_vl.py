"""Qwen2-VL, Qwen2.5-VL (windows) and Qwen3-VL (DeepStack) on tiny random models."""

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.tiny import load_tiny, picture
from workbench.models.families.base import extend_aligned

SIZES = [(60, 30), (33, 70), (300, 180), (48, 48)]


@pytest.fixture(scope="module", params=tiny.QWEN)
def folder(request, tmp_path_factory):
    return tiny.save_qwen(tmp_path_factory.mktemp(request.param) / "model", request.param)


@pytest.fixture(scope="module")
def model(folder):
    return load_tiny(folder)


@pytest.fixture(scope="module")
def local(folder):
    """The same model with its vision attention silenced, so that each patch keeps to itself."""
    made = load_tiny(folder)
    with torch.no_grad():
        for block in made.model.model.visual.blocks:
            block.attn.proj.weight.zero_()
            block.attn.proj.bias.zero_()
    return made


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_block_of_patches_has_one_token(model, width, height):
    prompt = model.prepare(tiny.ASK, picture(width, height))
    ids = prompt.inputs["input_ids"][0]
    assert (ids[prompt.image_positions] == model.model.config.image_token_id).all()
    assert int((ids == model.model.config.image_token_id).sum()) == len(prompt.boxes)
    assert len(prompt.boxes) == prompt.inputs["pixel_values"].shape[0] // 4
    assert (np.diff(prompt.image_positions) == 1).all()


def test_boxes_by_hand(model):
    # 60 x 30 is stretched to 64 x 32: 8 x 4 tokens of 7.5 x 7.5 original pixels.
    boxes = model.prepare(tiny.ASK, picture(60, 30)).boxes
    assert boxes.shape == (32, 4)
    assert boxes[0].tolist() == [0, 0, 7.5, 7.5]
    assert boxes[9].tolist() == [7.5, 7.5, 15, 15]
    assert boxes[31].tolist() == [52.5, 22.5, 60, 30]


@pytest.mark.parametrize("corner", range(4))
@pytest.mark.parametrize("size", SIZES)
def test_a_painted_region_changes_exactly_the_tokens_over_it(local, size, corner):
    boxes = local.prepare(tiny.ASK, picture(*size)).boxes
    region = tiny.quadrant(boxes, corner)
    images, expected = tiny.painted(size, region), tiny.touched(boxes, region)
    vision = local.model.model

    def features(inputs):
        return vision.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"])

    assert 0 < len(expected) < len(boxes)
    patches = tiny.changed(local, images, lambda i: i["pixel_values"].reshape(len(boxes), -1))
    assert patches == expected
    assert tiny.changed(local, images, lambda i: features(i).pooler_output[0]) == expected
    if local.model.config.model_type == "qwen3_vl":
        for stream in range(2):
            seen = tiny.changed(local, images, lambda i, k=stream: features(i).deepstack_features[k][0])
            assert seen == expected


def test_windows_reorder_blocks_inside_the_tower(tmp_path):
    """Without this the painted test couldn't tell whether the order is restored."""
    made = load_tiny(tiny.save_qwen(tmp_path / "model", "qwen2_5_vl"))
    window = made.model.model.visual.config.window_size // made.model.model.visual.config.patch_size // 2
    assert window == 2
    assert made.prepare(tiny.ASK, picture(60, 30)).inputs["image_grid_thw"].tolist() == [[1, 8, 16]]


def test_forcing_after_a_batch_of_other_shapes(model):
    prompt = model.prepare(tiny.ASK, picture(60, 30))
    answer = model.generate(prompt, tiny.GREEDY)
    others = [model.prepare(tiny.ASK, picture(*size)) for size in SIZES[1:]]
    model.generate_batch(others, tiny.GREEDY)
    assert model.model.model.rope_deltas.shape == (3, 1)
    assert np.abs(model.teacher_force(prompt, answer.ids).logprobs - answer.logprobs).max() < 1e-4


def test_two_pictures_in_one_prompt_are_refused(model):
    inputs = {"image_grid_thw": torch.tensor([[1, 4, 4], [1, 4, 4]])}
    with pytest.raises(ValueError, match="one still picture"):
        model.family.patch_boxes((10, 10), inputs, model.processor, model.model.config)


def test_patches_as_wide_as_the_prompt_is_long_are_not_extended():
    inputs = {"input_ids": torch.zeros(1, 6, dtype=torch.long), "pixel_values": torch.zeros(4, 6)}
    assert extend_aligned(inputs, torch.tensor([1, 2]), {})["pixel_values"].shape == (4, 6)
