"""How far the maps of several methods say the same about one span."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from workbench.explain.heatmap import HeatMap, Refusal
from workbench.explain.metrics.correlation import rank_correlation
from workbench.explain.patch_grid import resampled, same_grid, visible

TOP = 0.1  # part of the patches that counts as the top of a map


@dataclass(frozen=True)
class Agreement:
    """Of two maps over the same `patches` patches; None where a map is flat and has no order.

    `rank` Spearman's correlation, −1 to 1; `overlap` intersection over union of the TOP patches, 0 to 1
    (two random maps: about 0.05); `energy` Σ min(p, q) of the positive parts, each scaled to sum 1, 0 to 1.
    """

    first: str
    second: str
    rank: float | None
    overlap: float | None
    energy: float | None
    patches: int


def agreement(maps: Mapping[str, HeatMap]) -> list[Agreement] | Refusal:
    """Every pair of the named maps, in the order of the names.

    Maps over different patches are read on the coarsest set of them, by area. Padding doesn't count.
    """
    if len(maps) < 2:
        return Refusal("Agreement needs the maps of two methods.", "Choose another method besides.")
    coarsest = min(maps.values(), key=lambda heat: int(visible(heat.boxes).sum()))
    shown = visible(coarsest.boxes)
    boxes, picture_of = coarsest.boxes[shown], coarsest.picture_of[shown]
    if len(boxes) < 3:
        return Refusal("There are too few patches to compare maps on.", "Use a larger picture.")
    read = {name: _on(heat, boxes, picture_of) for name, heat in maps.items()}
    return [_pair(a, b, read[a], read[b]) for a, b in combinations(read, 2)]


def _on(heat: HeatMap, boxes: np.ndarray, picture_of: np.ndarray) -> np.ndarray:
    """The map read on other boxes `[Q, 4]`, picture by picture, float64 `[Q]`."""
    shown = visible(heat.boxes)
    values, own, of = heat.values[shown].astype(np.float64), heat.boxes[shown], heat.picture_of[shown]
    if same_grid(own, boxes) and np.array_equal(of, picture_of):
        return values
    read = np.zeros(len(boxes))
    for number in np.unique(picture_of):
        here, there = of == number, picture_of == number
        read[there] = resampled(values[here], own[here], boxes[there])
    return read


def _pair(first: str, second: str, a: np.ndarray, b: np.ndarray) -> Agreement:
    flat = a.max() == a.min() or b.max() == b.min()
    rank = None if flat else rank_correlation(a, b)
    return Agreement(first, second, rank, None if flat else top_overlap(a, b), energy_overlap(a, b), len(a))


def top_overlap(a: np.ndarray, b: np.ndarray, top: float = TOP) -> float:
    """Intersection over union of the `top` part of the patches (at least one) of two maps `[P]`."""
    count = max(1, round(top * len(a)))
    best = [set(np.argsort(-values, kind="stable")[:count].tolist()) for values in (a, b)]
    return len(best[0] & best[1]) / len(best[0] | best[1])


def energy_overlap(a: np.ndarray, b: np.ndarray) -> float | None:
    """Σ min(p, q) of the positive parts scaled to sum 1; None when a map `[P]` has no positive part."""
    p, q = np.maximum(a, 0), np.maximum(b, 0)
    if p.sum() == 0 or q.sum() == 0:
        return None
    return float(np.minimum(p / p.sum(), q / q.sum()).sum())
