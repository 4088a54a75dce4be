"""Gemma 3 (MedGemma) on tiny random models: one squashed picture, or crops of it too."""

import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families.tiny_configs import load_gemma3
from tests.tiny import picture
from workbench.models.families.gemma3 import crop_rectangles

SIZES = [(90, 50), (45, 160), (64, 64)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.save_gemma3(tmp_path_factory.mktemp("gemma3") / "model")


@pytest.fixture(scope="module", params=["whole", "pan-and-scan"])
def model(request, folder):
    return load_gemma3(folder, request.param == "pan-and-scan")


@pytest.fixture(scope="module", params=["whole", "pan-and-scan"])
def local(request, folder):
    """The same model with its vision attention silenced, so that each patch keeps to itself."""
    made = load_gemma3(folder, request.param == "pan-and-scan")
    with torch.no_grad():
        for layer in made.model.model.vision_tower.encoder.layers:
            layer.self_attn.out_proj.weight.zero_()
            layer.self_attn.out_proj.bias.zero_()
    return made


def test_sixteen_tokens_for_the_picture_and_for_every_crop(folder):
    counts = {size: [] for size in SIZES}
    for crops in (False, True):
        model = load_gemma3(folder, crops)
        for size in SIZES:
            prompt = model.prepare(tiny.ASK, picture(*size))
            kinds = prompt.inputs["token_type_ids"][0]
            assert torch.nonzero(kinds).flatten().tolist() == prompt.image_positions.tolist()
            assert len(prompt.boxes) == len(prompt.image_positions)
            counts[size].append(len(prompt.boxes) // 16)
    assert counts == {(90, 50): [1, 3], (45, 160): [1, 5], (64, 64): [1, 1]}


def test_boxes_by_hand(folder):
    # 91 x 50: the whole in 4 x 4 cells, then crops of 46 and of 45 columns.
    boxes = load_gemma3(folder, True).prepare(tiny.ASK, picture(91, 50)).boxes.reshape(3, 16, 4)
    assert boxes[0, 5].tolist() == [22.75, 12.5, 45.5, 25]
    assert boxes[1, 5].tolist() == [11.5, 12.5, 23, 25]
    assert boxes[2, 0].tolist() == [46, 0, 57.25, 12.5]
    assert boxes[2, 15].tolist() == [79.75, 37.5, 91, 50]


def test_strips_along_the_longer_side():
    assert crop_rectangles((90, 50), 0) == []
    assert crop_rectangles((10, 4), 3) == [(0, 0, 4, 4), (4, 0, 8, 4), (8, 0, 10, 4)]
    assert crop_rectangles((4, 10), 2) == [(0, 0, 4, 5), (0, 5, 4, 10)]


@pytest.mark.parametrize("corner", range(4))
@pytest.mark.parametrize("size", SIZES)
def test_a_painted_region_changes_exactly_the_tokens_over_it(local, size, corner):
    boxes = local.prepare(tiny.ASK, picture(*size)).boxes

    def features(inputs):
        return local.model.model.get_image_features(inputs["pixel_values"]).pooler_output.flatten(0, 1)

    for start in range(0, len(boxes), 16):  # the whole, then each crop, with a region that fits its own cells
        own = boxes[start : start + 16]
        region = tiny.quadrant(own, corner)
        seen = tiny.changed(local, tiny.painted(size, region), features)
        expected = tiny.touched(own, region)
        assert 0 < len(expected) < 16
        assert {token - start for token in seen if start <= token < start + 16} == expected


def test_a_window_hides_the_picture_from_the_answer(model):
    """The tiny window is shorter than the way from the answer to the picture: exactly zero there."""
    assert model.model.config.text_config.layer_types[0] == "sliding_attention"
    prompt = model.prepare(tiny.ASK, picture(90, 50))
    layers = model.teacher_force(prompt, (20, 21), collect=True).collector.layers
    assert [bool(layers[i].image_share.max() > 0) for i in range(3)] == [False, True, False]


def test_tokens_of_a_picture_see_later_ones(model):
    """The first image token's state changes with the last one's pixels: the block isn't causal."""
    prompt = model.prepare(tiny.ASK, picture(64, 64))
    first, last = prompt.image_positions[0], prompt.image_positions[15]
    embeddings = model.model.get_input_embeddings()(prompt.inputs["input_ids"])
    rest = {key: prompt.inputs[key] for key in ("attention_mask", "token_type_ids")}
    states = []
    for shift in (0.0, 1.0):
        moved = embeddings.clone()
        moved[0, last] += shift
        with torch.inference_mode():
            out = model.model(inputs_embeds=moved, **rest, output_hidden_states=True)
        states.append(out.hidden_states[1][0, [first - 1, first]])
    change = (states[0] - states[1]).abs().amax(-1)
    assert change[0] == 0
    assert change[1] > 1e-6
