"""Does what a map points at matter? Patches are removed in the order of the map and the words re-scored.

Deletion and insertion (Petsiuk et al., RISE, 2018). All figures are log probabilities of the original words,
in nats, and are not scaled by the picture's whole effect: that scaling flips their sign whenever the picture
speaks against the words. Every figure stands beside random orders; random insertion alone can look excellent,
so the headline is the gap.

An order walked backwards needs no picture of its own: what it has removed after k steps is what the order
itself has kept. So every random order counts in both directions, which takes the luck of few orders out of
their mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.explain.metrics.fills import Fill, fill_picture, removable, without
from workbench.explain.metrics.geometry import centre_prior, check_map
from workbench.explain.metrics.ranking import map_order, removed_sets
from workbench.explain.metrics.scoring import PictureScore
from workbench.explain.metrics.small_fractions import (
    RANKED_ORDERS,
    SmallFractions,
    small_fractions,
)
from workbench.explain.sheet import Place

STEPS = 8
RANDOM_ORDERS = 5
CHUNK = 16  # pictures held in memory at a time


@dataclass(frozen=True)
class Curves:
    """Deletion and insertion along one order: `fractions`, `deletion`, `insertion` float64 `[n + 1]`.

    `deletion[k]` is the score with the first `fractions[k]` of the order removed, `insertion[k]` with only
    that part kept.
    """

    fractions: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def deletion_auc(self) -> float:
        """Trapezoid over the fraction, in nats."""
        return float(np.trapezoid(self.deletion, self.fractions))

    @property
    def insertion_auc(self) -> float:
        """Trapezoid over the fraction, in nats."""
        return float(np.trapezoid(self.insertion, self.fractions))

    @property
    def advantage(self) -> float:
        """(insertion − deletion) / 2, nats: the gap to random of this order.

        Its exact negative for the reversed order, so 0 on average over random orders and their reversals.
        """
        return (self.insertion_auc - self.deletion_auc) / 2


@dataclass(frozen=True)
class Perturbation:
    """Curves of a map and of its three controls, and the test at `small` fractions that the verdict rests on.

    `full` and `blank` are the scores of the whole picture and of the picture with every patch removed;
    `pictures` counts the pictures that were scored.
    """

    of_map: Curves
    inverse: Curves
    centre: Curves
    random: tuple[Curves, ...]
    small: SmallFractions
    full: float
    blank: float
    fill: Fill
    pictures: int

    @property
    def comprehensiveness(self) -> float:
        """See `SmallFractions`, nats."""
        return self.small.comprehensiveness

    @property
    def sufficiency(self) -> float:
        """See `SmallFractions`, nats."""
        return self.small.sufficiency

    @property
    def chance(self) -> float:
        """See `SmallFractions`: how often a random order would do as well."""
        return self.small.chance

    @property
    def drop(self) -> float:
        """What the whole picture adds to the words' log probability, nats; may be negative."""
        return self.full - self.blank

    @property
    def random_auc(self) -> float:
        """See `mean_random_auc`, nats."""
        return mean_random_auc(self.random)

    @property
    def deletion_gap(self) -> float:
        """Mean random deletion AUC − the map's, nats."""
        return self.random_auc - self.of_map.deletion_auc

    @property
    def insertion_gap(self) -> float:
        """The map's insertion AUC − the mean random one, nats."""
        return self.of_map.insertion_auc - self.random_auc

    @property
    def gap(self) -> float:
        """The headline: mean of the deletion gap and the insertion gap, nats. That is `advantage`."""
        return self.of_map.advantage

    @property
    def random_sd(self) -> float:
        """Standard deviation of the same figure over random orders about its exact mean of 0, nats."""
        return float(np.sqrt(np.mean([curve.advantage**2 for curve in self.random])))


def step_counts(patches: int, steps: int) -> np.ndarray:
    """How many patches are gone at each step, int `[n + 1]` from 0 to all, in steps as equal as can be.

    The same read from either end, which an odd number of patches in an even number of steps pays for with
    one step more.
    """
    steps = min(steps, patches)
    lower = np.minimum(np.floor(np.arange(steps // 2 + 1) * patches / steps + 0.5), patches // 2).astype(int)
    return np.unique(np.concatenate([lower, patches - lower]))


def perturb(
    score: PictureScore,
    picture: np.ndarray,
    values: np.ndarray,
    boxes: np.ndarray,
    *,
    steps: int = STEPS,
    random_orders: int = RANDOM_ORDERS,
    ranked_orders: int = RANKED_ORDERS,
    fill: Fill = "blur",
    seed: int = 0,
    places: Sequence[Place] | None = None,
) -> Perturbation:
    """Curves, controls and the test at small fractions of a map on `picture` uint8 `[H, W, 3]`.

    `values` `[P]`, `boxes` `[P, 4]` in pixels of that picture, which may be a sheet with several pictures at
    `places`. Padding is never removed. Pictures that two
    curves share are scored once. Raises ValueError for fewer than two patches in the picture, fewer than
    two random orders or no step.
    """
    check_map(values, boxes)
    size = (picture.shape[1], picture.shape[0])
    there, prior = removable(boxes, size), centre_prior(boxes, size, places)
    if len(there) < 2 or random_orders < 2 or steps < 1:
        raise ValueError("want at least two patches in the picture, two random orders and one step")
    generator, filled = np.random.default_rng(seed), fill_picture(picture, fill, places)
    by_map = there[map_order(values[there], generator)]
    orders = [by_map, by_map[::-1], there[map_order(prior[there], generator)]]
    orders += [generator.permutation(there) for _ in range(random_orders)]
    curves, pictures = order_curves(score, picture, filled, boxes, orders, steps)
    full, blank = float(curves[0].deletion[0]), float(curves[0].deletion[-1])
    small = small_fractions(score, picture, filled, boxes, by_map, full=full, orders=ranked_orders, seed=seed)
    pictures += len(small.fractions) * (2 + len(small.controls))
    return Perturbation(
        curves[0], curves[1], curves[2], tuple(curves[3:]), small, full, blank, fill, pictures
    )


def order_curves(
    score: PictureScore,
    picture: np.ndarray,
    fill: np.ndarray,
    boxes: np.ndarray,
    orders: Sequence[np.ndarray],
    steps: int = STEPS,
) -> tuple[list[Curves], int]:
    """Deletion and insertion along several orders of the same patches, and how many pictures that took.

    `picture`, `fill` uint8 `[H, W, 3]`, `boxes` `[P, 4]`; each order holds the indices of all patches that
    can be removed. Pictures that two curves share are scored once.
    """
    counts = step_counts(len(orders[0]), steps)
    sets = [removed_sets(order, counts, len(boxes)) for order in orders]
    everything = np.isin(np.arange(len(boxes)), orders[0])
    wanted = np.concatenate([*sets, *(everything & ~one for one in sets)])
    scores, pictures = _score_sets(score, picture, fill, boxes, wanted)
    rows = scores.reshape(2, len(orders), len(counts))
    fractions = counts / len(orders[0])
    return [Curves(fractions, rows[0, i], rows[1, i]) for i in range(len(orders))], pictures


def mean_random_auc(curves: Sequence[Curves]) -> float:
    """Mean AUC of random orders, walked forwards and backwards; the same for both curves, nats."""
    return float(np.mean([(curve.deletion_auc + curve.insertion_auc) / 2 for curve in curves]))


def _score_sets(
    score: PictureScore, picture: np.ndarray, fill: np.ndarray, boxes: np.ndarray, sets: np.ndarray
) -> tuple[np.ndarray, int]:
    """Score of every removed set `[K, P]`, float64 `[K]`, and how many different pictures that took."""
    distinct, where = np.unique(sets, axis=0, return_inverse=True)
    found = [
        np.asarray(score([without(picture, fill, boxes, removed) for removed in chunk]), np.float64)
        for chunk in _chunks(distinct)
    ]
    scores = np.concatenate(found)
    if scores.shape != (len(distinct),):
        raise ValueError(f"the score gave {scores.shape} numbers for {len(distinct)} pictures")
    return scores[where.ravel()], len(distinct)


def _chunks(sets: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(sets), CHUNK):
        yield sets[start : start + CHUNK]
