"""What every family that cuts pictures into tiles must satisfy, apart from what every family must."""

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.models.families.every_family import TILES, make_tiles
from tests.models.families.tile_checks import check_every_box, image_features, without_mixing
from tests.tiny import picture

SIZES = {
    "llava_next": ((131, 77), (40, 100), (30, 25)),
    "llava_onevision": ((131, 77), (40, 100), (52, 24)),
    "internvl": ((90, 50), (40, 100), (131, 77), (20, 22)),
    "idefics3": ((90, 50), (40, 100), (200, 190)),
    "smolvlm": ((90, 50), (40, 100), (200, 190)),
}
ALIKE = {"llava_next": "llava", "llava_onevision": "llava_next", "internvl": "internvl_chat"}
# Idefics resizes twice and the tiles' picture once more: what is read may shift by pixels.
SLACK = {"idefics3": 1.0, "smolvlm": 1.0}

each_size = pytest.mark.parametrize(
    ("kind", "size"), [(kind, size) for kind, sizes in SIZES.items() for size in sizes], indirect=["kind"]
)


@pytest.fixture(scope="module", params=TILES)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def model(kind):
    return make_tiles(kind)


@pytest.fixture(scope="module")
def local(kind):
    return without_mixing(make_tiles(kind, tiles.NEAREST))


def test_only_its_own_configs_match(kind, model):
    _, family = TILES[kind]
    assert family().matches(model.model.config)
    assert family().matches(type(model.model.config)())
    assert not family().matches(type("Other", (), {"model_type": ALIKE.get(kind, "idefics2")})())


@each_size
def test_one_box_and_one_feature_for_each_image_token_in_the_order_of_the_prompt(model, size):
    image = picture(*size)
    prompt = model.prepare(tiny.ASK, image)
    ids = prompt.inputs["input_ids"][0].tolist()
    wanted = model.model.config.image_token_id
    assert prompt.image_positions.tolist() == [place for place, token in enumerate(ids) if token == wanted]
    assert prompt.image_positions.dtype == np.int64
    assert prompt.boxes.dtype == np.float32
    assert len(prompt.boxes) == len(image_features(model, image)) > 0


@each_size
def test_a_painted_region_changes_exactly_the_tokens_over_it(kind, local, size):
    check_every_box(local, size, SLACK.get(kind, 0.0))


def test_any_size_has_as_many_boxes_as_tokens(kind, model):
    random = np.random.default_rng(0)
    for width, height in random.integers(8, 200, (40, 2)):
        prompt = model.prepare(tiny.ASK, picture(width, height))
        assert len(prompt.boxes) == len(prompt.image_positions)
        if kind == "internvl":
            assert len(prompt.boxes) == 9 * len(prompt.inputs["pixel_values"])


def test_a_forgotten_aligned_input_is_refused(model):
    prompt = model.prepare(tiny.ASK, picture(90, 50))
    forgotten = prompt.inputs | {"position_ids": torch.zeros_like(prompt.inputs["input_ids"])}
    with pytest.raises(KeyError, match="position_ids"):
        model.family.extend(forgotten, torch.tensor([5]))


def test_boxes_for_another_prompt_than_the_one_at_hand_are_refused(model):
    prompt = model.prepare(tiny.ASK, picture(90, 50))
    fewer = prompt.inputs | {"input_ids": prompt.inputs["input_ids"][:, prompt.image_positions[3] :]}
    with pytest.raises(ValueError, match="image tokens"):
        model.family.patch_boxes(prompt.image_size, fewer, model.processor, model.model.config)
