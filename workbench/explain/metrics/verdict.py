"""A map's verdict in words, from its figures. Pure."""

import math
from typing import Literal

import numpy as np

Verdict = Literal["localised and causal", "looked but not causal", "no localised evidence", "not computable"]

TOP_SHARE = 0.2  # the strongest fifth of the patches ...
CONCENTRATED = 2.0  # ... holds at least this many times what it would hold in an even map
SPREADS = 2.0  # the gap exceeds this many standard deviations of the random orders ...
LEAST_GAP = 0.01  # ... and this many nats: below it the words' probability moves by less than 1 %


def concentration(values: np.ndarray) -> float | None:
    """How many times its even share the strongest fifth of the patches holds; 1 for a constant map.

    `values` `[P]` of the patches that lie in the picture; only evidence for the words (above 0) counts. The
    fifth is rounded to whole patches, at least one, and compared with that number of patches. None when the
    map holds no evidence or no patch.
    """
    evidence = np.maximum(values, 0).astype(np.float64)
    if evidence.size == 0 or evidence.sum() <= 0:
        return None
    count = max(1, round(TOP_SHARE * evidence.size))
    return float(np.sort(evidence)[-count:].sum() / evidence.sum() * evidence.size / count)


def judge(focus: float | None, gap: float | None, random_sd: float | None) -> Verdict:
    """The verdict from `concentration`, the gap to random and the spread of the random orders (both nats).

    1. Not computable: a figure is missing or not finite (no picture, an empty map, a refused map).
    2. No localised evidence: the map is about even; its strongest fifth holds less than CONCENTRATED times
       its even share. An even map points nowhere, whatever the curves say.
    3. Localised and causal: the map is concentrated and its gap exceeds both SPREADS standard deviations of
       the random orders and LEAST_GAP.
    4. Looked but not causal: it is concentrated, but its gap is not shown to be more than chance.

    Known limit: random orders vary most when few patches matter. If one patch alone decides, they spread
    evenly over ± half the picture's effect, so that even the perfect order reaches only √3 spreads and ends
    at 4. The rule is strict there, and says less than the gap and the comprehensiveness do.
    """
    if focus is None or gap is None or random_sd is None:
        return "not computable"
    if not all(math.isfinite(figure) for figure in (focus, gap, random_sd)):
        return "not computable"
    if focus < CONCENTRATED:
        return "no localised evidence"
    if gap > max(SPREADS * random_sd, LEAST_GAP):
        return "localised and causal"
    return "looked but not causal"
