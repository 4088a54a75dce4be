"""Ways of taking patches away: where each peaks on a planted patch, and what each says that it does."""

import numpy as np
import pytest
import torch

from tests.explain.cases import painted
from tests.explain.methods.conftest import PLACES, assert_lights_up, attribution_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain.methods.attribution import guarded
from workbench.explain.methods.decoder_pass import capture
from workbench.explain.methods.pictures import without_boxes
from workbench.explain.methods.tiers import FEATURES, TIERS, hidden_scorer, tier_note, tier_share

IDS = (7, 11, 13)


@pytest.mark.parametrize("tier", range(len(TIERS)))
@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_painted_patch_lights_up_in_every_tier(seeing, ask, width, height, box, tier):
    params = {"window": 1, "stride": 1, "tier": tier}
    found = ask(seeing(tier), painted(width, height, box), (PLANTED_TOKEN,), [(0,)], "occlusion", **params)[0]
    assert_lights_up(found, box)
    assert found.image_share > 0.5
    assert tier_note(tier, 0) in found.meta["note"]


def test_hidden_features_are_their_mean(tiny):
    image = picture(48, 48)
    context = attribution_of(tiny, image, IDS, (0,))
    hidden = np.zeros(36, bool)
    hidden[[3, 20]] = True
    with guarded(tiny), torch.no_grad():
        found = hidden_scorer(context, FEATURES, 0).score([hidden])
        passed = capture(context)
        changed = passed.image.clone()
        changed[0, [3, 20]] = passed.image[0].mean(0)
        expected = passed.logprobs(passed.with_image(changed))
    assert torch.allclose(found, expected, atol=1e-6)


def test_notes_and_share_meanings_tell_the_tiers_apart():
    assert len({tier_note(tier, 0) for tier in range(len(TIERS))}) == len(TIERS)
    assert len({tier_share(tier) for tier in range(len(TIERS))}) == len(TIERS)
    assert "mean colour" in tier_note(0, 1) and "stays" in tier_note(2, 0)


def test_neighbouring_boxes_that_cut_a_pixel_replace_it_whole():
    """Fault 13 of `test_peer_bugs.py` (rows for columns): the picture isn't square."""
    pixels, other = np.full((3, 5, 3), 100, np.uint8), np.zeros((3, 5, 3), np.uint8)
    boxes = np.array([[0, 0, 2.5, 1], [2.5, 0, 5, 1], [4, 1, 5, 3], [4, 1, 5, 3]])
    out = without_boxes(pixels, other, boxes)[:, :, 0]
    assert out.tolist() == [[0] * 5, [100] * 4 + [0], [100] * 4 + [0]]
    assert without_boxes(pixels, other, np.zeros((1, 4))).min() == 100
