"""Phantoms are reproducible and their annotation is true."""

import numpy as np
import pytest

from workbench.phantoms import DRAWERS, draw_phantom

SEEDS = range(12)


@pytest.mark.parametrize("kind", DRAWERS)
def test_the_same_seed_draws_the_same_picture(kind):
    first, again, other = (draw_phantom(seed, kind, 96) for seed in (3, 3, 4))
    assert np.array_equal(first.pixels, again.pixels)
    assert first.facts == again.facts
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("kind", DRAWERS)
def test_masks_lie_inside_and_are_not_empty(kind):
    for seed in SEEDS:
        phantom = draw_phantom(seed, kind, 128)
        assert phantom.pixels.shape == (128, 128, 3)
        for region in (*phantom.lesions, *phantom.anatomy):
            assert region.mask.shape == (128, 128)
            assert region.mask.any()


@pytest.mark.parametrize("kind", ["chest", "brain", "fundus", "skin"])
def test_side_words_agree_with_the_mask(kind):
    checked = 0
    for seed in range(40):
        phantom = draw_phantom(seed, kind, 128)
        side = phantom.facts.get("side")
        if side in ("left", "right"):
            x = np.nonzero(phantom.lesions[0].mask)[1].mean()
            assert (x < 64) == (side == "left"), (seed, phantom.finding)
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("kind", ["chest", "brain", "fundus"])
def test_zone_words_agree_with_the_mask(kind):
    order = {"upper": 0, "front": 0, "middle": 1, "lower": 2, "back": 2}
    rows: dict[int, list[float]] = {}
    for seed in range(60):
        phantom = draw_phantom(seed, kind, 128)
        if phantom.facts.get("side") in ("left", "right"):
            y = np.nonzero(phantom.lesions[0].mask)[0].mean()
            rows.setdefault(order[str(phantom.facts["zone"])], []).append(y)
    means = [np.mean(rows[zone]) for zone in sorted(rows)]
    assert means == sorted(means)
    assert max(rows[0]) < min(rows[2])


def test_counts_are_the_number_of_drawn_cells():
    for seed in range(30):
        phantom = draw_phantom(seed, "smear", 160)
        assert phantom.facts["count"] == len(phantom.lesions) == int(phantom.finding)


def test_a_lesion_changes_the_picture_where_its_mask_is():
    with_it = draw_phantom(8, "chest", 160, finding="nodule")
    mask = with_it.lesions[0].mask
    grey = with_it.pixels[:, :, 0].astype(float)
    ring = np.roll(mask, 14, axis=1) & ~mask & with_it.anatomy[0].mask | np.roll(mask, -14, axis=1) & ~mask
    assert grey[mask].mean() > grey[ring].mean() + 15
