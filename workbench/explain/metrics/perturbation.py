"""Does what a map points at matter? Patches are removed in the order of the map and the words re-scored.

Deletion and insertion (Petsiuk et al., RISE, 2018), comprehensiveness and sufficiency (DeYoung et al.,
ERASER, 2020). All figures are log probabilities of the original words, in nats, and are not scaled by the
picture's whole effect: that scaling flips their sign whenever the picture speaks against the words. Every
figure stands beside random orders; random insertion alone can look excellent, so the headline is the gap.

An order walked backwards needs no picture of its own: what it has removed after k steps is what the order
itself has kept. So every random order counts in both directions, which takes the luck of few orders out of
their mean.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.explain.metrics.fills import Fill, fill_picture, removable, without
from workbench.explain.metrics.geometry import centre_prior, check_map
from workbench.explain.metrics.metric import Metric

Score = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Pictures, each uint8 RGB [H, W, 3] of one size, to log probabilities float [K] of the same words."""

STEPS = 8
RANDOM_ORDERS = 5
TOP_SHARE = 0.2
CHUNK = 16  # pictures held in memory at a time

PERTURBATION: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("gap", "Gap to random", "How much more the words depend on patches that the map ranks high "
               "than on patches in random order; mean of the two gaps.", "higher", -np.inf, np.inf, "nats"),
        Metric("deletion_gap", "Deletion gap", "How much lower the words' score lies, while patches are "
               "removed, than with random removal.", "higher", -np.inf, np.inf, "nats"),
        Metric("insertion_gap", "Insertion gap", "How much higher the words' score lies, while patches are "
               "put back, than with random order.", "higher", -np.inf, np.inf, "nats"),
        Metric("deletion_auc", "Deletion", "Mean score while the strongest patches are removed first.",
               "lower", -np.inf, 0.0, "nats"),
        Metric("insertion_auc", "Insertion", "Mean score while the strongest patches are put back first.",
               "higher", -np.inf, 0.0, "nats"),
        Metric("comprehensiveness", "Comprehensiveness", "Loss when the strongest fifth is removed.",
               "higher", -np.inf, np.inf, "nats"),
        Metric("sufficiency", "Sufficiency", "Loss when only the strongest fifth is kept.",
               "lower", -np.inf, np.inf, "nats"),
    )
}  # fmt: skip


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
    """Curves of a map and of its three controls. `full` and `blank` are the scores of the whole picture and
    of the picture with every patch removed; `pictures` counts the different pictures that were scored."""

    of_map: Curves
    inverse: Curves
    centre: Curves
    random: tuple[Curves, ...]
    comprehensiveness: float
    sufficiency: float
    full: float
    blank: float
    fill: Fill
    pictures: int

    @property
    def drop(self) -> float:
        """What the whole picture adds to the words' log probability, nats; may be negative."""
        return self.full - self.blank

    @property
    def random_auc(self) -> float:
        """Mean AUC of the random orders, walked forwards and backwards; the same for both curves, nats."""
        return float(np.mean([(curve.deletion_auc + curve.insertion_auc) / 2 for curve in self.random]))

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


def map_order(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Patch indices from the largest value to the smallest, int `[P]`; ties in random order.

    Without that, patches of equal value would fall from top to bottom, which is an order with a meaning.
    """
    shuffled = generator.permutation(len(values))
    return shuffled[np.argsort(-values[shuffled], kind="stable")]


def step_counts(patches: int, steps: int) -> np.ndarray:
    """How many patches are gone at each step, int `[n + 1]` from 0 to all, in steps as equal as can be.

    The same read from either end, which an odd number of patches in an even number of steps pays for with
    one step more.
    """
    steps = min(steps, patches)
    lower = np.minimum(np.floor(np.arange(steps // 2 + 1) * patches / steps + 0.5), patches // 2).astype(int)
    return np.unique(np.concatenate([lower, patches - lower]))


def removed_sets(order: np.ndarray, counts: np.ndarray, patches: int) -> np.ndarray:
    """Which of all patches are removed when the first `counts[k]` of `order` are, bool `[K, P]`."""
    sets = np.zeros((len(counts), patches), bool)
    for row, count in zip(sets, counts, strict=True):
        row[order[:count]] = True
    return sets


def perturb(
    score: Score,
    picture: np.ndarray,
    values: np.ndarray,
    boxes: np.ndarray,
    *,
    steps: int = STEPS,
    random_orders: int = RANDOM_ORDERS,
    fill: Fill = "blur",
    seed: int = 0,
) -> Perturbation:
    """Curves, controls, comprehensiveness and sufficiency of a map on `picture` uint8 `[H, W, 3]`.

    `values` `[P]`, `boxes` `[P, 4]` in pixels of that picture. Padding is never removed. Pictures that two
    curves share are scored once. Raises ValueError for fewer than two patches in the picture, fewer than
    two random orders or no step.
    """
    check_map(values, boxes)
    size = (picture.shape[1], picture.shape[0])
    there, prior = removable(boxes, size), centre_prior(boxes, size)
    if len(there) < 2 or random_orders < 2 or steps < 1:
        raise ValueError("want at least two patches in the picture, two random orders and one step")
    generator = np.random.default_rng(seed)
    by_map = there[map_order(values[there], generator)]
    orders = [by_map, by_map[::-1], there[map_order(prior[there], generator)]]
    orders += [generator.permutation(there) for _ in range(random_orders)]
    counts = step_counts(len(there), steps)
    top = np.array([max(1, round(TOP_SHARE * len(there)))])
    sets = [removed_sets(order, counts, len(values)) for order in orders]
    all_removed = np.isin(np.arange(len(values)), there)
    top_set = removed_sets(by_map, top, len(values))
    wanted = np.concatenate([*sets, *(all_removed & ~one for one in sets), top_set, all_removed & ~top_set])
    scores, pictures = _score_sets(score, picture, fill_picture(picture, fill), boxes, wanted)
    rows = scores[:-2].reshape(2, len(orders), len(counts))
    curves = [Curves(counts / len(there), rows[0, i], rows[1, i]) for i in range(len(orders))]
    full, blank = float(rows[0, 0, 0]), float(rows[0, 0, -1])
    return Perturbation(
        curves[0], curves[1], curves[2], tuple(curves[3:]),
        full - float(scores[-2]), full - float(scores[-1]), full, blank, fill, pictures,
    )  # fmt: skip


def _score_sets(
    score: Score, picture: np.ndarray, fill: np.ndarray, boxes: np.ndarray, sets: np.ndarray
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
