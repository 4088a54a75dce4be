"""Macro-F1 of a classification with its interval, and the paired difference of two. Pure, over arrays.

`gold` and `given` are class indices, int64 `[n]`; `groups` names what is resampled together (a patient, a
picture). Classes are those with a gold picture: one that is only ever given costs precision elsewhere and
makes no class of its own (`bench.scores.class_scores` counts so too; scikit-learn's default does not).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.bench.scores.statistics import RESAMPLES, SEED, Interval

PERMUTATIONS = 10_000
_EXACT_GROUPS = 12  # up to 2¹² swaps all are counted, beyond as many as PERMUTATIONS are drawn


@dataclass(frozen=True)
class ClassFigures:
    """One class: precision, recall and F1 in 0..1, and its number of gold pictures."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def confusion(gold: np.ndarray, given: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int64 `[classes, classes]`: rows are the gold classes, columns the given ones."""
    return np.bincount(gold * classes + given, minlength=classes**2).reshape(classes, classes)


def class_figures(table: np.ndarray, names: Sequence[str]) -> tuple[ClassFigures, ...]:
    """Figures of every class from a confusion table; a class that is never given has precision 0."""
    hits, gold, given = np.diagonal(table), table.sum(1), table.sum(0)
    return tuple(
        ClassFigures(
            name,
            float(hit / made) if made else 0.0,
            float(hit / had) if had else 0.0,
            float(2 * hit / (made + had)) if made + had else 0.0,
            int(had),
        )
        for name, hit, had, made in zip(names, hits, gold, given, strict=True)
    )


def macro_f1(tables: np.ndarray) -> np.ndarray:
    """Mean F1 of the classes with a gold picture, `[...]` from confusion tables `[..., K, K]`."""
    hits = np.diagonal(tables, axis1=-2, axis2=-1)
    gold, given = tables.sum(-1), tables.sum(-2)
    f1 = 2 * hits / np.maximum(gold + given, 1)
    return np.where(gold > 0, f1, 0).sum(-1) / np.maximum((gold > 0).sum(-1), 1)


def group_tables(gold: np.ndarray, given: np.ndarray, groups: Sequence[str], classes: int) -> np.ndarray:
    """One confusion table a group, int64 `[groups, K, K]`, in order of the groups' names."""
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    tables = np.zeros((place.max() + 1, classes, classes), np.int64)
    np.add.at(tables, (place, gold, given), 1)
    return tables


def interval(tables: np.ndarray, resamples: int = RESAMPLES, seed: int = SEED) -> Interval | None:
    """Percentile 95 % interval of macro-F1 from `group_tables`, resampling groups.

    None with fewer than two groups, and where all resamples are equal: no width would look like certainty.
    """
    return _percentiles(_resampled(tables, macro_f1, resamples, seed), len(tables), resamples)


def difference_interval(
    first: np.ndarray, second: np.ndarray, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval | None:
    """As `interval`, of macro-F1 of the second minus the first, both on the same drawn groups."""
    both = np.stack([first, second], 1)
    gaps = _resampled(both, lambda tables: np.diff(macro_f1(tables), axis=-1)[..., 0], resamples, seed)
    return _percentiles(gaps, len(both), resamples)


def _resampled(tables: np.ndarray, figure, resamples: int, seed: int) -> np.ndarray:
    """`figure` of the summed tables of each resample, `[resamples]`, in blocks that fit into memory."""
    rng, count = np.random.default_rng(seed), len(tables)
    flat = tables.reshape(count, -1).astype(np.float64)
    size = max(1, 4_000_000 // max(count, flat.shape[1]))
    found = []
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        found.append(figure((times @ flat).reshape(rows, *tables.shape[1:])))
    return np.concatenate(found)


def _percentiles(values: np.ndarray, groups: int, resamples: int) -> Interval | None:
    if groups < 2 or np.ptp(values) < 1e-12:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(float(low), float(high), f"bootstrap by group, {resamples:,} resamples, percentile")


def swap_p(first: np.ndarray, second: np.ndarray, seed: int = SEED) -> tuple[float, str] | None:
    """Two-sided p that two models' macro-F1 is the same, and the test's name; from their `group_tables`.

    Under that hypothesis the two models' answers on a group may be swapped. Groups on which both answer
    alike change nothing; of up to 12 others every swap is counted, else 10,000 are drawn and the observed
    one is added. None without groups.
    """
    if not len(first):
        return None
    differ = np.flatnonzero((first != second).any((1, 2)))
    fixed = np.stack([first.sum(0), second.sum(0)])
    step = (second - first)[differ].reshape(len(differ), first[0].size)
    exact = len(differ) <= _EXACT_GROUPS
    if exact:
        swaps = np.array(list(itertools.product((0, 1), repeat=len(differ))), np.int64)
    else:
        swaps = np.random.default_rng(seed).integers(0, 2, (PERMUTATIONS, len(differ)))
    moved = (swaps @ step).reshape(len(swaps), *first.shape[1:])
    gaps = np.abs(macro_f1(fixed[1] - moved) - macro_f1(fixed[0] + moved))
    observed = abs(macro_f1(fixed[1]) - macro_f1(fixed[0]))
    as_far = int((gaps >= observed - 1e-12).sum())
    if exact:
        return as_far / len(swaps), "exact permutation by group"
    return (as_far + 1) / (len(swaps) + 1), f"permutation by group, {PERMUTATIONS:,} swaps"


def majority_guess(train: np.ndarray, tested: int) -> np.ndarray:
    """Always the class with the most training pictures (the first of equals), `[tested]`."""
    return np.full(tested, np.bincount(train).argmax(), np.int64)


def random_f1(
    train: np.ndarray, gold: np.ndarray, classes: int, draws: int = 1_000, seed: int = SEED
) -> float:
    """Mean macro-F1 over `draws` sets of guesses, drawn with the training shares of the classes."""
    shares = np.bincount(train, minlength=classes) / len(train)
    guesses = np.random.default_rng(seed).choice(classes, (draws, len(gold)), p=shares)
    tables = np.stack([confusion(gold, guess, classes) for guess in guesses])
    return float(macro_f1(tables).mean())
