"""From a map to an order of patches, and how many of them a fraction is."""

from collections.abc import Sequence

import numpy as np


def map_order(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Patch indices from the largest value to the smallest, int `[P]`; ties in random order.

    Without that, patches of equal value would fall from top to bottom, which is an order with a meaning.
    """
    shuffled = generator.permutation(len(values))
    return shuffled[np.argsort(-values[shuffled], kind="stable")]


def removed_sets(order: np.ndarray, counts: np.ndarray, patches: int) -> np.ndarray:
    """Which of all patches are removed when the first `counts[k]` of `order` are, bool `[K, P]`."""
    sets = np.zeros((len(counts), patches), bool)
    for row, count in zip(sets, counts, strict=True):
        row[order[:count]] = True
    return sets


def fraction_counts(patches: int, fractions: Sequence[float]) -> np.ndarray:
    """Patches that each fraction stands for, at least one, each count once, int `[F']` ascending.

    Raises ValueError for a fraction that isn't above 0 and at most 1.
    """
    if not fractions or min(fractions) <= 0 or max(fractions) > 1:
        raise ValueError(f"fractions {tuple(fractions)} are not all above 0 and at most 1")
    return np.unique([max(1, round(fraction * patches)) for fraction in fractions])
