"""The sign-flip test of paired differences, by image: exact for few images, drawn for many.

Were neither side better, each image's difference could as well have the other sign; questions on one image
turn together. Nothing else is assumed, and few images are never made out to be many: n images that all differ
one way give p = 2 / 2^n.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from workbench.bench.scores.statistics import SEED, cluster_sums

EXACT_IMAGES = 16  # up to so many images with a difference every way of signs is counted, 65,536 of them
DRAWS = 9_999  # of signs, for more images than that
FEWEST_IMAGES = 6  # 5 images can reach p = 2 / 2⁵ = 0.06 at best, so fewer than 6 never show a difference
_FEW_DRAWS = 999
_CELLS = 20_000_000  # signs drawn in one test; more images get fewer draws, `_FEW_DRAWS` at least
_BLOCK_CELLS = 2_000_000
_ROUNDING = 1e-9  # sums of the same differences in another order are equal


@dataclass(frozen=True)
class SignFlips:
    """Two-sided p of a sign-flip test, and in words how it was found."""

    p: float
    test: str


def sign_flips(differences: Sequence[float], images: Sequence[str]) -> SignFlips | None:
    """Test that the mean of paired differences is zero; `images` names the picture of each.

    The signs of whole images are turned, and p is the share of ways in which the mean is at least as far from
    zero as it was found. Up to 16 images with a difference all 2^n ways are counted; above, 9,999 are drawn
    (fewer above 2,000 images, 999 at least) and p = (1 + as far) / (1 + drawn). None with fewer than two
    images. Raises ValueError where the two are not of one length.

    >>> sign_flips([0.5, 0.25, 1.0], ["a", "b", "c"])
    SignFlips(p=0.25, test='exact sign flips by image')
    """
    if len(set(images)) < 2:
        return None
    sums = np.abs(cluster_sums(differences, images))
    found = abs(math.fsum(differences)) - _ROUNDING * sums.sum()
    sums = np.sort(sums[sums > 0])
    if len(sums) <= EXACT_IMAGES:
        return SignFlips(float((np.abs(_every_way(sums)) >= found).mean()), "exact sign flips by image")
    draws = min(DRAWS, max(_FEW_DRAWS, _CELLS // len(sums)))
    far = _as_far(sums.tobytes(), found, draws)
    return SignFlips((1 + far) / (1 + draws), f"sign flips by image, {draws:,} drawn")


def _every_way(sums: np.ndarray) -> np.ndarray:
    """The total of each of the 2^n ways to sign the sums, `[2^n]`."""
    totals = np.zeros(1)
    for value in sums:
        totals = np.concatenate((totals + value, totals - value))
    return totals


@lru_cache(maxsize=256)  # the same differences are asked for again by other parts of a report
def _as_far(rows: bytes, found: float, draws: int) -> int:
    sums = np.frombuffer(rows, np.float64)
    return sum(int((np.abs(signs @ sums) >= found).sum()) for signs in _signs(len(sums), draws))


def _signs(count: int, draws: int) -> Iterator[np.ndarray]:
    """Random signs, float64 -1 or 1, in blocks `[≤ draws, count]`; the same for the same arguments."""
    rng, size = np.random.default_rng(SEED), max(1, _BLOCK_CELLS // count)
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        yield 2.0 * rng.integers(0, 2, (rows, count), np.int8) - 1.0
