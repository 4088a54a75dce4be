"""RISE: masks, the estimate and its standard error by hand, the stop, and the planted patch."""

import numpy as np
import pytest

from tests.explain.cases import painted
from tests.explain.methods.conftest import PLACES, assert_lights_up
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain.methods.rise import box_means, estimate, random_mask, settled


def test_masks_are_smooth_and_show_half_of_the_picture_everywhere():
    random = np.random.default_rng(0)
    masks = np.stack([random_mask(random, 5, 30, 52) for _ in range(600)])
    assert masks.shape == (600, 30, 52)
    assert masks.min() >= 0 and masks.max() <= 1
    assert np.abs(masks.mean(0) - 0.5).max() < 0.08
    assert np.abs(np.diff(masks, axis=2)).max() < 0.25


def test_means_over_boxes_by_hand():
    mask = np.arange(12, dtype=np.float32).reshape(3, 4)
    boxes = np.array([[0, 0, 2, 1], [2, 1, 4, 3], [0, 0, 0, 3], [1.2, 0, 1.4, 1]], np.float32)
    assert box_means(mask, boxes).tolist() == [0.5, 8.5, 0.0, 1.0]


def test_the_estimate_is_the_slope_and_its_standard_error():
    masks = np.array([[0.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.0, 0.0, 0.5], [1.0, 0.0, 0.5]])
    scores = 3 * masks[:, :1] + 10
    values, error = estimate(masks, scores)
    assert values.tolist() == [[3.0, 0.0, 0.0]]
    # Terms of patch 0 are all 3; of patch 1 they are −3, 3, 3, −3 with variance 36/3, over √4.
    assert error[0] == pytest.approx([0.0, np.sqrt(12) / 2, 0.0])
    assert settled(values, error, 0.2).tolist() == [True]
    assert settled(values, error, 0.19).tolist() == [False]


@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_painted_patch_lights_up_where_it_was_painted(planted, ask, width, height, box):
    params = {"masks": 512, "grid": 6, "tolerance": 12}
    found = ask(planted, painted(width, height, box), (PLANTED_TOKEN,), [(0,)], "rise", **params)[0]
    assert_lights_up(found, box, factor=1.2)
    assert found.meta["standard_error"] > 0


def test_it_stops_when_the_error_is_small_and_says_so_when_it_is_not(planted, ask):
    image = painted(48, 48, (16, 32, 24, 40))
    loose = ask(planted, image, (PLANTED_TOKEN,), [(0,)], "rise", masks=640, tolerance=30, grid=6)[0]
    assert 66 <= loose.meta["forwards"] < 642
    assert loose.meta["warnings"] == []
    largest = loose.values.max()
    assert loose.meta["standard_error"] <= 0.3 * largest
    short = ask(planted, image, (PLANTED_TOKEN,), [(0,)], "rise", masks=16, tolerance=1, grid=6)[0]
    assert short.meta["forwards"] == 18
    assert "After 16 masks" in short.meta["warnings"][0]


def test_the_same_seed_gives_the_same_map(tiny, ask):
    maps = [ask(tiny, picture(60, 40), (7,), [(0,)], "rise", masks=16, seed=s)[0].values for s in (3, 3, 4)]
    assert np.array_equal(maps[0], maps[1])
    assert not np.allclose(maps[0], maps[2])
