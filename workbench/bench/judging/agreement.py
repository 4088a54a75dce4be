"""How far judges agree on the same things: simple agreement, Cohen's kappa, Krippendorff's alpha; with n."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """`observed` share of equal verdicts over `n` pairs; `expected` by chance from both judges' own shares.

    `kappa` = (observed − expected) / (1 − expected) (Cohen 1960); None where both judges always say the same
    single thing, which says nothing. `left_out` pairs lacked a verdict.
    """

    n: int
    observed: float
    expected: float
    kappa: float | None
    left_out: int = 0


def agreement(pairs: Sequence[tuple[Hashable | None, Hashable | None]]) -> Agreement | None:
    """Agreement of two judges' verdicts on the same things; None where no pair has both verdicts."""
    both = [(first, second) for first, second in pairs if first is not None and second is not None]
    if not both:
        return None
    n = len(both)
    observed = sum(first == second for first, second in both) / n
    ours, theirs = (Counter(side) for side in zip(*both, strict=True))
    chance = sum(ours[verdict] * theirs[verdict] for verdict in ours)
    kappa = (observed - chance / n**2) / (1 - chance / n**2) if chance != n**2 else None
    return Agreement(n, observed, chance / n**2, kappa, len(pairs) - n)


def krippendorff_alpha(things: Sequence[Sequence[Hashable | None]]) -> float | None:
    """Krippendorff's alpha for named verdicts of any number of judges; None entries are missing verdicts.

    1 − observed / expected disagreement over the pairs of verdicts on one thing (Krippendorff 2011, computing
    alpha-reliability, C). Things with fewer than two verdicts play no part. None without such pairs, and
    where every verdict is the same single thing, which says nothing.
    """
    known = [[verdict for verdict in thing if verdict is not None] for thing in things]
    known = [thing for thing in known if len(thing) > 1]
    totals = Counter(verdict for thing in known for verdict in thing)
    n = totals.total()
    expected = n**2 - sum(count**2 for count in totals.values())
    if not expected:
        return None
    observed = sum(
        (len(thing) ** 2 - sum(count**2 for count in Counter(thing).values())) / (len(thing) - 1)
        for thing in known
    )
    return 1 - (n - 1) * observed / expected
