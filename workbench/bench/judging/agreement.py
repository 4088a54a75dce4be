"""How far two judges agree on the same things: simple agreement and Cohen's kappa, always with n."""

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
