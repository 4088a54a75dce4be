"""Intervals and tests for paired, image-clustered benchmark results.

Wilson, McNemar and Holm are statsmodels'; importing it takes a second or two, so it is done when it is used:
the page opens with stored numbers. The bootstrap is our own, because scipy's does not resample clusters.

Wilson is for a proportion, a bootstrap clustered by image for every other interval, exact McNemar for paired
right and wrong with one question an image (`sign_flips` has the test for all else), Holm over several axes.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

RESAMPLES = 10_000
SEED = 20261121
_BLOCK_CELLS = 2_000_000  # resamples are drawn in blocks of at most so many counts
_KEPT_CELLS = 20_000_000  # draws of at most so many counts are kept for the next call (2 bytes each)
_FEW_RESAMPLES = 1_000  # not fewer than so many, however many clusters there are
_CLUSTERS_A_KIND = 50  # from so many equal clusters on it is faster to draw how many of a kind there are


@dataclass(frozen=True)
class Interval:
    """A 95 % interval and how it was made."""

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class PairedCounts:
    """The 2 × 2 counts of two models' right and wrong on the same items."""

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int


def wilson(successes: int, n: int) -> Interval | None:
    """95 % Wilson score interval of a proportion; None for n = 0. Raises ValueError for impossible counts."""
    from statsmodels.stats.proportion import proportion_confint

    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    if n == 0:
        return None
    low, high = proportion_confint(successes, n, alpha=0.05, method="wilson")
    return Interval(float(low), float(high), "Wilson")


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar p of the discordant counts; 1 when there are none. Raises ValueError."""
    from statsmodels.stats.contingency_tables import mcnemar

    if min(only_first, only_second) < 0:
        raise ValueError("counts can't be negative")
    return float(mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def paired_counts(first: Sequence[bool], second: Sequence[bool]) -> PairedCounts:
    """The counts of two models' right/wrong on the same items, in the same order. Raises ValueError."""
    if len(first) != len(second):
        raise ValueError("paired results must be of the same length")
    pairs = list(zip(first, second, strict=True))
    return PairedCounts(*(sum(pair == wanted for pair in pairs) for wanted in _CELLS))


_CELLS = ((True, True), (True, False), (False, True), (False, False))


def bootstrap_means(
    values: Sequence[float], clusters: Sequence[str], resamples: int = RESAMPLES, seed: int = SEED
) -> np.ndarray:
    """Means of `resamples` bootstrap samples of whole clusters, float64 `[resamples]`, not to be written to.

    Clusters are drawn with replacement, as many as there are; a sample's mean is over its values, so larger
    clusters weigh more. The order of the values and the names of the clusters play no part. Where more than
    20 million draws would be needed and few clusters are equal, there are fewer resamples, 1,000 at least.
    Raises ValueError for no values.
    """
    table = _clustered(values, clusters)
    return _means(table.tobytes(), resamples, seed)


@lru_cache(maxsize=256)  # slices often hold the same items
def _means(rows: bytes, resamples: int, seed: int) -> np.ndarray:
    table = np.frombuffer(rows, np.float64).reshape(-1, 2)
    kinds, counts = np.unique(table, axis=0, return_counts=True)
    draws: Iterable[np.ndarray]
    # Equal clusters may be drawn together: the same distribution from other random numbers.
    if len(table) * resamples > _KEPT_CELLS and len(kinds) * _CLUSTERS_A_KIND < len(table):
        table, draws = kinds, _drawn_kinds(counts, resamples, seed)
    else:
        most = max(min(resamples, _FEW_RESAMPLES), _KEPT_CELLS // len(table))
        draws = _draws(len(table), min(resamples, most), seed)
    means = []
    for drawn in draws:
        sums, sizes = (drawn.astype(np.float64) @ table).T
        means.append(sums / sizes)
    found = np.concatenate(means)
    found.flags.writeable = False
    return found


def _drawn_kinds(counts: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often a cluster of each kind is drawn in each resample, in blocks `[≤ resamples, kinds]`."""
    rng, size = np.random.default_rng(seed), max(1, _BLOCK_CELLS // len(counts))
    total = int(counts.sum())
    for start in range(0, resamples, size):
        yield rng.multinomial(total, counts / total, min(size, resamples - start))


def _draws(count: int, resamples: int, seed: int) -> Iterable[np.ndarray]:
    """How often each of `count` clusters is drawn in each resample, in blocks `[≤ resamples, count]`."""
    if count * resamples <= _KEPT_CELLS:
        return _kept_draws(count, resamples, seed)
    return _blocks(count, resamples, seed)


@lru_cache(maxsize=4)  # one report asks for the same draws many times; drawing is most of the work
def _kept_draws(count: int, resamples: int, seed: int) -> tuple[np.ndarray, ...]:
    return tuple(block.astype(np.uint16) for block in _blocks(count, resamples, seed))


def _blocks(count: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    rng, size = np.random.default_rng(seed), max(1, _BLOCK_CELLS // count)
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        chosen = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(chosen.ravel(), minlength=rows * count).reshape(rows, count)


def _clustered(values: Sequence[float], clusters: Sequence[str]) -> np.ndarray:
    """Sum and size of each cluster, float64 `[clusters, 2]`, in an order that depends on nothing else."""
    rows = sorted((math.fsum(found), len(found)) for found in _members(values, clusters).values())
    return np.array(rows, np.float64)


def cluster_sums(values: Sequence[float], clusters: Sequence[str]) -> np.ndarray:
    """The sum of each cluster's values, float64 `[clusters]`. Raises ValueError for no values."""
    return np.array([math.fsum(found) for found in _members(values, clusters).values()], np.float64)


def _members(values: Sequence[float], clusters: Sequence[str]) -> dict[str, list[float]]:
    if len(values) != len(clusters) or not values:
        raise ValueError("give at least one value and one cluster for each")
    members: dict[str, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(float(value))
    return members


def bootstrap_interval(
    values: Sequence[float], clusters: Sequence[str], resamples: int = RESAMPLES, seed: int = SEED
) -> Interval | None:
    """Percentile 95 % interval of the mean, resampling whole clusters; None with fewer than two clusters.

    For a paired difference give the differences, one an item.
    """
    if len(set(clusters)) < 2:
        return None
    means = bootstrap_means(values, clusters, resamples, seed)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(low), float(high), f"bootstrap by image, {len(means):,} resamples, percentile")


def proportion_interval(hits: Sequence[bool], clusters: Sequence[str]) -> Interval | None:
    """95 % interval of a share of hits; None for no hits at all to count.

    One question an image: Wilson. Several: bootstrap by image. All hits or no hits, or one image: a bootstrap
    would have no width, so Wilson with the number of images as n, which is the careful choice.
    """
    if not hits:
        return None
    images = len(set(clusters))
    if images == len(hits):
        return wilson(sum(hits), len(hits))
    if images == 1 or all(hits) or not any(hits):
        found = wilson(round(images * sum(hits) / len(hits)), images)
        return None if found is None else Interval(found.low, found.high, "Wilson on the images")
    return bootstrap_interval([float(hit) for hit in hits], clusters)


def holm(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Holm-adjusted p values by name; missing ones stay missing and are not counted."""
    from statsmodels.stats.multitest import multipletests

    known = {name: p for name, p in p_values.items() if p is not None}
    adjusted: dict[str, float | None] = dict.fromkeys(p_values)
    if known:
        found = multipletests(list(known.values()), method="holm")[1]
        adjusted |= dict(zip(known, map(float, found), strict=True))
    return adjusted
