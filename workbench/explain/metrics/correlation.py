"""How far two maps put the patches in the same order."""

import numpy as np


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's correlation of two finite maps `[P]`, −1 to 1; None when one of them is constant.

    Ties share their mean rank. Raises ValueError for maps of different lengths.
    """
    if first.shape != second.shape:
        raise ValueError(f"maps of {first.shape} and {second.shape} patches can't be compared")
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    from scipy.stats import spearmanr  # takes seconds to import, and most maps are never compared

    return float(spearmanr(first, second).statistic)
