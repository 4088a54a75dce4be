"""The vision tower alone: in every family its patches lie where their boxes say."""

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import EVERY, TILES, make, make_tiles
from tests.models.families.tile_checks import without_mixing
from tests.models.families.tiny_configs_tiles import NEAREST
from tests.tiny import picture
from workbench.bench.transfer.features import pooled, tower_patches
from workbench.errors import UserFacing
from workbench.models.families.towers import TowerPatches, in_blocks
from workbench.models.session import LoadedModel

SIZE, REGION = (90, 50), (52, 6, 84, 30)
GRIDS = {  # patches of 4 pixels of the whole picture (llava: of 8, padded rows left out)
    "llava": 6 * 4,
    "llava_next": 36,
    "llava_onevision": 36,
    "internvl": 36,
    "idefics3": 36,
    "smolvlm": 36,
    "gemma3": 64,
} | dict.fromkeys(tiny.QWEN, 10 * 18)


def unmixed(kind: str, folder) -> LoadedModel:
    """A model whose patches don't see each other in the tower."""
    model = make_tiles(kind, NEAREST) if kind in TILES else make(kind, folder)
    with torch.no_grad():
        for name, parameter in model.model.named_parameters():
            if "visual" in name and ".attn.proj." in name:
                parameter.zero_()
    return without_mixing(model)


@pytest.mark.parametrize("kind", EVERY)
def test_a_painted_region_changes_the_patches_whose_boxes_it_covers(kind, tmp_path):
    model = unmixed(kind, tmp_path / "model")
    one, two = (tower_patches(model, image) for image in tiny.painted(SIZE, REGION))
    assert len(one.boxes) == GRIDS[kind]
    changed = (one.features - two.features).abs().amax(1).numpy() > 1e-6
    x0, y0, x1, y1 = REGION
    boxes = one.boxes
    inside = (boxes[:, 0] >= x0) & (boxes[:, 1] >= y0) & (boxes[:, 2] <= x1) & (boxes[:, 3] <= y1)
    reach = 1.5 * np.median(boxes[:, 2:] - boxes[:, :2], 0)  # resizing carries a change to the neighbours
    near = (
        (boxes[:, 0] < x1 + reach[0]) & (boxes[:, 2] > x0 - reach[0])
        & (boxes[:, 1] < y1 + reach[1]) & (boxes[:, 3] > y0 - reach[1])
    )  # fmt: skip
    assert inside.any() and changed[inside].all()
    assert not changed[~near].any() and not near.all()


@pytest.mark.parametrize("kind", ["llava", "qwen2_5_vl", "gemma3"])
def test_only_the_vision_tower_runs(kind, tmp_path):
    model = make(kind, tmp_path / "model")
    before = pooled(tower_patches(model, picture(*SIZE)))
    with torch.no_grad():
        for parameter in model.model.model.language_model.parameters():
            parameter.fill_(float("nan"))
    assert np.array_equal(pooled(tower_patches(model, picture(*SIZE))), before)


def test_a_text_only_model_has_no_encoder(tmp_path):
    with pytest.raises(UserFacing, match="no part that looks at pictures"):
        tower_patches(make("llama", tmp_path / "model"), picture(20, 20))


def test_blocks_of_patches_follow_each_other():
    """A grid of 2 × 4 in blocks of 2 × 2: the left block's two rows, then the right one's."""
    boxes = np.repeat(np.arange(8)[:, None], 4, 1)
    assert in_blocks(boxes, 2, 4, 2)[:, 0].tolist() == [0, 1, 4, 5, 2, 3, 6, 7]


def test_features_must_fit_their_boxes():
    with pytest.raises(ValueError, match="do not match"):
        TowerPatches(torch.zeros(3, 2), np.zeros((2, 4), np.float32))
