"""Rare phantoms: reproducible, exact masks, and unlike anything the ordinary drawers make."""

import numpy as np
import pytest

from workbench.phantoms import DRAWERS
from workbench.phantoms.rare import RARE, draw_rare


def rare(seed: int, name: str, size: int = 128):
    return draw_rare(np.random.default_rng(seed), size, name)


@pytest.mark.parametrize("name", RARE)
def test_the_same_seed_draws_the_same_picture(name):
    assert np.array_equal(rare(3, name).pixels, rare(3, name).pixels)
    assert not np.array_equal(rare(3, name).pixels, rare(4, name).pixels)


@pytest.mark.parametrize("name", RARE)
def test_the_lesion_is_named_lies_inside_and_has_a_kind(name):
    for seed in range(8):
        phantom = rare(seed, name, 96)
        assert (phantom.kind, phantom.finding) == (RARE[name], name)
        assert phantom.pixels.shape == (96, 96, 3)
        assert phantom.pixels.dtype == np.uint8
        assert phantom.lesions[0].name == name
        for region in (*phantom.lesions, *phantom.anatomy):
            assert region.mask.shape == (96, 96)
            assert region.mask.any()


def test_no_ordinary_drawer_draws_a_rare_finding():
    for name, kind in RARE.items():
        drawn = {DRAWERS[kind](np.random.default_rng(seed), 64).finding for seed in range(40)}
        assert name not in drawn


def test_the_heart_of_dextrocardia_lies_left_and_that_of_a_healthy_film_right():
    for seed in range(8):
        healthy = DRAWERS["chest"](np.random.default_rng(seed), 128, "none")
        usual = next(region.mask for region in healthy.anatomy if region.name == "heart")
        assert np.nonzero(usual)[1].mean() > 64
        x0, _, x1, _ = rare(seed, "dextrocardia").lesions[0].box
        assert 64 - x0 > 1.5 * (x1 - 64)


def test_outside_of_the_drawn_out_apex_dextrocardia_is_the_mirrored_film():
    healthy = DRAWERS["chest"](np.random.default_rng(5), 128, "none")
    phantom = rare(5, "dextrocardia")
    outside = ~phantom.lesions[0].mask
    assert np.array_equal(phantom.pixels[outside], healthy.pixels[:, ::-1][outside])


def test_a_butterfly_mass_has_two_wings_taller_than_its_bridge_and_is_bright():
    for seed in range(8):
        phantom = rare(seed, "butterfly mass")
        mask = phantom.lesions[0].mask
        heights = mask.sum(0)
        bridge, left, right = heights[64], heights[:64].max(), heights[65:].max()
        assert 0 < bridge < 0.75 * min(left, right)
        brain = next(region.mask for region in phantom.anatomy if region.name == "brain")
        assert not (mask & ~brain).any()
        assert phantom.pixels[mask].mean() > phantom.pixels[brain & ~mask].mean() + 50


def test_a_cherry_red_spot_is_red_in_a_pale_ring_away_from_the_disc():
    for seed in range(8):
        phantom = rare(seed, "cherry red spot")
        spot, pale = (region.mask for region in phantom.lesions)
        assert not (spot & pale).any()
        red, green, _ = phantom.pixels[spot].mean(0)
        assert red > 2 * green
        assert phantom.pixels[pale][:, 1].mean() > phantom.pixels[spot][:, 1].mean() + 60
        disc = next(region.mask for region in phantom.anatomy if region.name == "optic disc")
        assert (np.nonzero(spot)[1].mean() < 64) == (np.nonzero(disc)[1].mean() > 64)
