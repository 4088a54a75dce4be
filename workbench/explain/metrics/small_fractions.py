"""Do the few patches that a map ranks highest matter more than as many patches of a random order?

Comprehensiveness and sufficiency (DeYoung et al., ERASER, 2020) as means over small fractions of the patches,
and the rank of the comprehensiveness among random orders. A rank asks nothing of how random orders are
spread: where one patch decides, they spread over the whole effect, and no standard deviation can judge.

Random orders are drawn one at a time until one reaches the map (Besag and Clifford, Sequential Monte Carlo
p-values, 1991), so that a map no better than chance is found out after a few.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.explain.metrics.fills import without
from workbench.explain.metrics.ranking import fraction_counts, removed_sets
from workbench.explain.metrics.scoring import PictureScore

# Not half: a map that marks any one half of the picture beats scattered halves without knowing anything.
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2)  # and one patch, whatever its share
RANKED_ORDERS = 19  # with none of them as good, chance is at most 1 in 20


@dataclass(frozen=True)
class SmallFractions:
    """Scores at `fractions` of the patches: `removed` without the map's strongest, `kept` with only them,
    float64 `[F]`, nats; `full` with all.

    `controls` float64 `[R]` holds the comprehensiveness of the random orders drawn, R ≤ the number allowed:
    the last of fewer is one that reached the map's. `reached` says whether any did.
    """

    fractions: np.ndarray
    removed: np.ndarray
    kept: np.ndarray
    full: float
    controls: np.ndarray

    @property
    def comprehensiveness(self) -> float:
        """Mean loss over the fractions when the strongest patches are removed, nats."""
        return self.full - float(self.removed.mean())

    @property
    def sufficiency(self) -> float:
        """Mean loss over the fractions when only the strongest patches are kept, nats."""
        return self.full - float(self.kept.mean())

    @property
    def reached(self) -> bool:
        """Whether a random order lost as much or more."""
        return bool((self.controls >= self.comprehensiveness).any())

    @property
    def chance(self) -> float:
        """How often a random order would do as well: 1 in the number drawn, or 1 in that number + 1 when
        none did. A p value: for a random map it is at most a with probability at most a, a ≥ 1 / (R + 1)."""
        return 1 / (len(self.controls) + (not self.reached))


def small_fractions(
    score: PictureScore,
    picture: np.ndarray,
    fill: np.ndarray,
    boxes: np.ndarray,
    order: np.ndarray,
    *,
    full: float,
    fractions: Sequence[float] = FRACTIONS,
    orders: int = RANKED_ORDERS,
    seed: int = 0,
) -> SmallFractions:
    """Test an `order` of the patches that can be removed, int `[Q]`, strongest first.

    `picture`, `fill` uint8 `[H, W, 3]`, `boxes` `[P, 4]`, `full` the score of the whole picture. The random
    orders depend on `seed` and on which patches can be removed only, so the maps of one span can share them.
    Raises ValueError for fewer than one random order or a fraction outside 0..1.
    """
    if orders < 1:
        raise ValueError("want at least one random order")
    counts, there = np.union1d(1, fraction_counts(len(order), fractions)), np.sort(order)
    everything = np.isin(np.arange(len(boxes)), there)
    sets = removed_sets(order, counts, len(boxes))
    both = np.concatenate([sets, everything & ~sets])
    scores = np.asarray(score([without(picture, fill, boxes, one) for one in both]), np.float64)
    removed, kept = scores.reshape(2, len(counts))
    generator, controls = np.random.default_rng([seed, 1]), list[float]()
    reach = full - float(removed.mean())
    while len(controls) < orders and (not controls or controls[-1] < reach):
        drawn = removed_sets(generator.permutation(there), counts, len(boxes))
        found = score([without(picture, fill, boxes, one) for one in drawn])
        controls.append(full - float(np.mean(found)))
    return SmallFractions(counts / len(order), removed, kept, full, np.array(controls))
