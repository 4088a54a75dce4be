"""Token Activation Map written as plainly as the paper (arXiv 2506.23270): a word, and a window, at a time.

The yardstick for the vectorised one of the workbench: same maps, no vectors but over the patches of one map.
"""

import math

import numpy as np

from workbench.explain.evidence import Likeness
from workbench.explain.patch_grid import patch_grids


def sequential_tam(likeness: Likeness, boxes: np.ndarray, count: int) -> np.ndarray:
    """TAM of the last `count` text tokens, float64 `[count, P]`."""
    words = range(len(likeness.ids) - count, len(likeness.ids))
    kept = [_without_interference(likeness, word) for word in words]
    for values in kept:
        for grid in patch_grids(boxes):
            values[grid] = _rank_gaussian(values[grid])
    return np.stack(kept)


def _without_interference(likeness: Likeness, word: int) -> np.ndarray:
    """Equations 3 to 6: the word's activation less what the earlier other words explain, `[P]`."""
    own = np.maximum(likeness.image[word].astype(np.float64), 0)
    total, mixed = 0.0, np.zeros_like(own)
    for earlier in range(word):
        if likeness.ids[earlier] == likeness.ids[word]:
            continue
        weight = max(float(likeness.text[word, earlier]), 0.0)
        total += weight
        mixed += weight * np.maximum(likeness.image[earlier].astype(np.float64), 0)
    if total == 0 or not mixed.any():
        return own
    mixed /= total
    return np.maximum(own - (own @ mixed) / (mixed @ mixed) * mixed, 0)


def _rank_gaussian(values: np.ndarray) -> np.ndarray:
    """Equation 7 for one map `[rows, columns]`: each 3 × 3 window sorted and averaged around its median."""
    padded, out = np.pad(values, 1, mode="edge"), np.empty_like(values)
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            ordered = sorted(padded[row : row + 3, column : column + 3].flat)
            mean = sum(ordered) / 9
            spread = math.sqrt(sum((value - mean) ** 2 for value in ordered) / 9) / mean if mean > 0 else 0.0
            if spread <= 1e-6:
                out[row, column] = ordered[4]
                continue
            weights = [math.exp(-((rank - 4) ** 2) / (2 * spread**2)) for rank in range(9)]
            out[row, column] = sum(w * v for w, v in zip(weights, ordered, strict=True)) / sum(weights)
    return out
