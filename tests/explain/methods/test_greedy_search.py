"""Lazy greedy against the exact greedy on a submodular game, the minimal set by hand, the planted patch."""

import threading

import numpy as np
import pytest
import torch

from tests.explain.cases import painted
from tests.explain.methods.conftest import PLACES
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain import Span
from workbench.explain.methods.attribution import Attribution
from workbench.explain.methods.greedy_search import GreedyPath, RegionScores, lazy_greedy, worth
from workbench.explain.methods.passes import PassCounter
from workbench.explain.methods.tiers import HiddenScorer

SPAN = Span("token", "x", (0,))
COUNT = 12


def _game(worth_of, sets: list[np.ndarray] | None = None) -> RegionScores:
    """Regions of one patch each; log p of a set of shown patches is `worth_of(shown)`."""

    def score(masks: list[np.ndarray]) -> torch.Tensor:
        if sets is not None:
            sets.extend(masks)
        return torch.tensor([[worth_of(~hidden)] for hidden in masks], dtype=torch.float64)

    context = Attribution(None, (), None, threading.Event())
    regions = [np.array([i]) for i in range(COUNT)]
    return RegionScores(HiddenScorer(score, 8, 0), regions, COUNT, PassCounter(context, 999))


def _covering(shown: np.ndarray) -> float:
    """log of 0.01 + the part of 20 points that the shown regions cover: a submodular p."""
    random = np.random.default_rng(4)
    covers = random.random((COUNT, 20)) < 0.15
    weights = random.random(20)
    return float(np.log(0.01 + 0.98 * weights[covers[shown].any(0)].sum() / weights.sum()))


def _exact(worth_of) -> list[int]:
    chosen: list[int] = []
    shown = np.zeros(COUNT, bool)

    def value(one: np.ndarray) -> float:
        only, without = (np.array([worth_of(part)]) for part in (one, ~one))
        return worth(only, without, [0])

    while len(chosen) < COUNT:
        left = [i for i in range(COUNT) if not shown[i]]
        best = max(left, key=lambda i: (round(value(shown | (np.arange(COUNT) == i)), 12), -i))
        chosen.append(best)
        shown[best] = True
    return chosen


def test_worth_is_insight_and_necessity():
    assert worth(np.log([0.5, 0.5]), np.log([0.1, 0.4]), [0, 1]) == pytest.approx(0.5 + 1 - 0.2)


def test_an_additive_game_is_ordered_by_weight_with_few_looks():
    weights = np.array([3, 1, 9, 2, 8, 4, 7, 5, 6, 10, 12, 11]) / 100
    sets: list[np.ndarray] = []
    path = lazy_greedy(_game(lambda shown: float(np.log(0.1 + weights[shown].sum())), sets), SPAN)
    assert path.order == np.argsort(-weights).tolist()
    assert path.gains == pytest.approx((2 * np.sort(weights)[::-1]).tolist())
    assert len(sets) < 0.7 * COUNT * (COUNT + 1)
    assert path.shown_logprob[0] == pytest.approx(np.log(0.1)) and len(path.shown_logprob) == COUNT + 1


def test_lazy_looks_find_the_exact_greedy_front():
    path = lazy_greedy(_game(_covering), SPAN)
    assert path.order[:4] == _exact(_covering)[:4]
    assert sorted(path.order) == list(range(COUNT))


def test_the_minimal_set_keeps_ninety_per_cent_of_the_probability():
    path = GreedyPath([2, 0, 1], [0.0] * 3, np.log([0.1, 0.5, 0.73, 0.8]).tolist())
    assert path.minimal() == 2  # 0.73 of 0.8 is 91 %; 0.5 is 63 %
    rising = GreedyPath([0], [0.0], np.log([0.9, 0.5]).tolist())
    assert rising.minimal() == 0


@pytest.mark.parametrize("tier", [0, 1, 2, 3])
@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_painted_patch_is_found_first_and_its_region_suffices(seeing, ask, width, height, box, tier):
    params = {"cells": 3, "tier": tier}
    found = ask(
        seeing(tier), painted(width, height, box), (PLANTED_TOKEN,), [(0,)], "greedy_search", **params
    )[0]
    middle = (np.array(box[:2]) + np.array(box[2:])) / 2
    home = int(np.argmin(np.abs((found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - middle).sum(1)))
    assert found.values[home] == found.values.max() > 0
    assert home in found.meta["minimal_patches"]
    assert len(found.meta["minimal_regions"]) == 1


def test_a_map_adds_up_to_the_probability_that_the_picture_brings(tiny, ask):
    found = ask(tiny, picture(48, 48), (7, 11), [(0,), (1,)], "greedy_search", cells=2, tier=1)
    for heat in found:
        shown = np.exp(heat.meta["shown_logprob"])
        assert heat.values.sum() == pytest.approx(shown[-1] - shown[0], abs=1e-6)
        assert sorted(heat.meta["order"]) == [0, 1, 2, 3]
    assert found[0].meta["forwards"] <= 16
