"""Training and test pictures: groups stay together, classes keep their share, a seed gives one split."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

TEST_SHARE = 0.3


def side_to_test(
    labels: Sequence[str], groups: Sequence[str], share: float = TEST_SHARE, seed: int = 0
) -> np.ndarray:
    """Which pictures to test on, bool `[n]`: of each class about `share` of its groups, none of them cut.

    A group belongs to its most frequent class. A class of two or more groups has at least one on each side,
    one of a single group is only learnt from. Raises ValueError for a share outside 0..1.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of test pictures is {share}; want a number between 0 and 1")
    rng = np.random.default_rng(seed)
    tested: set[str] = set()
    for members in _by_class(labels, groups).values():
        mixed = [members[at] for at in rng.permutation(len(members))]
        wanted = min(max(round(share * len(mixed)), 1), len(mixed) - 1)
        tested.update(mixed[:wanted])
    return np.array([group in tested for group in groups], bool)


def folds(labels: Sequence[str], groups: Sequence[str], count: int, seed: int = 0) -> np.ndarray:
    """The fold of every picture, int64 `[n]`, 0 to `count` - 1: groups stay together, classes are spread."""
    rng = np.random.default_rng(seed)
    fold: dict[str, int] = {}
    start = 0
    for members in _by_class(labels, groups).values():
        for position, at in enumerate(rng.permutation(len(members))):
            fold[members[at]] = (start + position) % count
        start += len(members)  # small classes must not all begin in the same fold
    return np.array([fold[group] for group in groups], np.int64)


def _by_class(labels: Sequence[str], groups: Sequence[str]) -> dict[str, list[str]]:
    """The groups of every class, both in order of name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        counts[group][label] += 1
    found: dict[str, list[str]] = defaultdict(list)
    for group in sorted(counts):
        found[min(counts[group], key=lambda label: (-counts[group][label], label))].append(group)
    return {label: found[label] for label in sorted(found)}
