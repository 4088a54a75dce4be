"""Shapley values by hand, against captum's sampling, and on a planted patch."""

from itertools import permutations, product

import numpy as np
import pytest
import torch

from tests.explain.cases import painted
from tests.explain.methods.conftest import PLACES, attribution_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain.methods.attribution import guarded
from workbench.explain.methods.regions import coarse_regions, hidden_patches, over_patches
from workbench.explain.methods.shapley import (
    antithetic_orders,
    coalitions,
    error_warning,
    shapley_values,
)
from workbench.explain.methods.tiers import FEATURES, hidden_scorer
from workbench.models.families.geometry import Placement, grid_boxes

# A game of three: worth of each set of players. By hand: 0 and 1 only win together, 2 brings one always.
GAME = {(): 0, (0,): 0, (1,): 0, (2,): 1, (0, 1): 6, (0, 2): 1, (1, 2): 1, (0, 1, 2): 7}
BY_HAND = [3.0, 3.0, 1.0]


def play(shown: np.ndarray) -> float:
    return float(GAME[tuple(np.flatnonzero(shown))])


def _scores(orders: np.ndarray, worth=play) -> np.ndarray:
    return np.array([[[worth(shown)] for shown in growing] for growing in coalitions(orders)])


def test_all_orders_give_the_values_worked_out_by_hand():
    orders = np.array(list(permutations(range(3))))
    paired = np.array([order for found in orders[:3] for order in (found, found[::-1])])
    values, _ = shapley_values(paired, _scores(paired))
    assert sorted(map(tuple, paired)) == sorted(map(tuple, orders))
    assert values[0].tolist() == pytest.approx(BY_HAND)


def test_captums_sampling_agrees_with_ours_on_the_game():
    from captum.attr import ShapleyValueSampling

    orders = antithetic_orders(3, 200, 0)
    values, error = shapley_values(orders, _scores(orders))
    torch.manual_seed(0)
    sampled = ShapleyValueSampling(lambda x: torch.tensor([play(row > 0) for row in x.numpy()])).attribute(
        torch.ones(1, 3), n_samples=400
    )
    assert np.allclose(values[0], BY_HAND, atol=4 * error.max() + 1e-9)
    assert np.allclose(values[0], sampled[0], atol=0.5)
    assert values.sum() == pytest.approx(7.0)


def test_pairs_are_reverses_and_cancel_what_depends_on_the_place():
    orders = antithetic_orders(5, 4, 3)
    assert (orders[0::2] == orders[1::2, ::-1]).all()
    assert (np.sort(orders, axis=1) == np.arange(5)).all()
    additive = np.array([2.0, -1.0, 0.5, 0.0, 3.0])
    values, error = shapley_values(orders, _scores(orders, lambda shown: float(additive[shown].sum())))
    assert values[0].tolist() == pytest.approx(additive.tolist()) and error.max() < 1e-12
    single, unknown = shapley_values(orders[:2], _scores(orders[:2], lambda shown: float(shown.sum())))
    assert single[0].tolist() == [1.0] * 5 and np.isinf(unknown).all()


def test_the_error_is_told_when_it_is_large_beside_the_values():
    assert error_warning(np.array([4.0, 1.0]), np.array([1.0, 1.0])) == ""
    assert "more orders" in error_warning(np.array([4.0, 1.0]), np.array([2.0, 1.0]))
    assert "more orders" in error_warning(np.array([4.0, 1.0]), np.array([np.inf, np.inf]))


def test_regions_part_the_visible_patches_by_place():
    boxes = grid_boxes(Placement((1, 1), (0, 0)), 4, 3, 8, 32, 24)
    found = [region.tolist() for region in coarse_regions(boxes, 2)]
    assert found == [[0, 1], [2, 3], [4, 5, 8, 9], [6, 7, 10, 11]]
    twice = np.concatenate([boxes, [[0, 0, 32, 24], [5, 5, 5, 9]]])
    assert sorted(i for region in coarse_regions(twice, 2) for i in region) == list(range(13))
    assert coarse_regions(boxes[:0], 2) == [] == coarse_regions(np.zeros((4, 4)), 2)


def test_region_values_are_shared_out_and_hiding_all_hides_padding_too():
    regions = [np.array([0, 2]), np.array([1])]
    assert over_patches(np.array([[4.0, 3.0]]), regions, 4).tolist() == [[2.0, 3.0, 2.0, 0.0]]
    assert hidden_patches(regions, np.array([True, False]), 4).tolist() == [True, False, True, False]
    assert hidden_patches(regions, np.array([True, True]), 4).all()


@pytest.mark.parametrize("tier", [0, 1, 2, 3])
@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_region_of_the_painted_patch_is_highest(seeing, ask, width, height, box, tier):
    params = {"cells": 3, "pairs": 4, "tier": tier}
    found = ask(seeing(tier), painted(width, height, box), (PLANTED_TOKEN,), [(0,)], "shapley", **params)[0]
    best = found.boxes[int(found.values.argmax())]
    regions = coarse_regions(found.boxes, 3)
    middle = (np.array(box[:2]) + np.array(box[2:])) / 2
    home = next(r for r in regions if any((b[:2] <= middle).all() and (middle <= b[2:]).all()
                                          for b in found.boxes[r]))  # fmt: skip
    assert any((best == found.boxes[i]).all() for i in home)
    assert found.values.max() > 0 and found.image_share > 0.5


def test_a_map_adds_up_and_captum_agrees_on_the_model(tiny, ask):
    from captum.attr import ShapleyValueSampling

    image, ids = picture(48, 48), (7, 11)
    found = ask(tiny, image, ids, [(0, 1)], "shapley", cells=2, pairs=30, tier=FEATURES)[0]
    meta = found.meta
    assert found.values.sum() == pytest.approx(meta["score"] - meta["score_replaced"], abs=1e-5)
    assert meta["efficiency_gap"] < 1e-6 and meta["forwards"] == 16
    context = attribution_of(tiny, image, ids, (0,))
    regions = coarse_regions(context.prompt.boxes, 2)
    with guarded(tiny):
        scorer = hidden_scorer(context, FEATURES, 0)

        sets = list(product([False, True], repeat=len(regions)))
        masks = [hidden_patches(regions, ~np.array(shown), len(context.prompt.boxes)) for shown in sets]
        game = dict(zip(sets, scorer.score(masks).sum(-1), strict=True))
    orders = np.array([order for one in permutations(range(4)) for order in (one, one[::-1])])
    exact, _ = shapley_values(orders, _scores(orders, lambda shown: float(game[tuple(shown)])))
    ours = np.array([found.values[region].sum() for region in regions])
    assert np.allclose(ours, exact[0], atol=5 * meta["standard_error"])
    torch.manual_seed(0)
    sampled = ShapleyValueSampling(
        lambda x: torch.stack([game[tuple((row > 0.5).tolist())] for row in x])
    ).attribute(torch.ones(1, 4), n_samples=800)
    assert np.allclose(sampled[0], exact[0], atol=0.05 * np.abs(exact).max())
