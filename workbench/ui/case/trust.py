"""How far the map on the screen can be believed, measured on the visitor's own answer.

Importing this module loads no model code; measuring does.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench import explain
from workbench.explain import metrics

if TYPE_CHECKING:
    from workbench.cases.answered import AnsweredCase
    from workbench.cases.maps import MapSet

CAUSAL_METHOD = "occlusion"
LONGEST_SECONDS = 60.0  # a big model without a graphics card would hold the others up for minutes
TOO_LONG = (
    f"Measuring this map took longer than {LONGEST_SECONDS:.0f} seconds. "
    "The command `python -m workbench explain --trust` has no such limit."
)


class MovedOn(Exception):
    """The visitor looks at something else by now; nobody waits for this figure."""


class TooLong(Exception):
    """Measuring was given up after LONGEST_SECONDS."""


@dataclass(frozen=True)
class TrustLine:
    """What was measured about one map; `reason` says why nothing could be, else it is empty.

    `gap` and `loss` (comprehensiveness) in nats, `chance` how often a random order loses as much as the map;
    `share` of the evidence that came from the image; `agreement` is Spearman's correlation with the occlusion
    map, and `agreement_note` says why there is none; `pictures` is how many altered pictures went through the
    model.
    """

    verdict: str
    reason: str = ""
    share: float | None = None
    gap: float | None = None
    loss: float | None = None
    chance: float | None = None
    agreement: float | None = None
    agreement_note: str = ""
    pictures: int = 0
    orders: int = 0
    seconds: float = 0.0


def watched(
    score: Callable[[Sequence[np.ndarray]], np.ndarray],
    moved_on: threading.Event,
    longest: float = LONGEST_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """The same score, which raises MovedOn (or gives up after `longest` seconds) between two batches."""
    began = clock()

    def scored(pictures: Sequence[np.ndarray]) -> np.ndarray:
        if moved_on.is_set():
            raise MovedOn
        if clock() - began > longest:
            raise TooLong
        return score(pictures)

    return scored


def measure_trust(
    case: "AnsweredCase", maps: "MapSet", key: str, causal: "MapSet | None", moved_on: threading.Event
) -> TrustLine:
    """Deletion and insertion of the span `key`'s map against random orders, and agreement with occlusion.

    `causal` is the occlusion map set of the same case, None when it could not be made. Raises MovedOn as soon
    as `moved_on` is set.
    """
    heat = maps.map(key)
    if heat is None or heat.span is None or case.image is None:
        return TrustLine("not computable", "This part of the answer has no map.")
    score = watched(metrics.span_scorer(case, heat.span), moved_on)
    began = time.monotonic()
    try:
        found = explain.trust(case, heat, shared=metrics.SharedScore(score))
    except TooLong:
        return TrustLine("not computable", TOO_LONG, seconds=time.monotonic() - began)
    if found.perturbation is None:
        return TrustLine(found.verdict, found.reason, share=heat.image_share, seconds=found.seconds)
    line = TrustLine(
        found.verdict, "", heat.image_share, float(found.perturbation.gap),
        float(found.perturbation.comprehensiveness), float(found.perturbation.chance),
        pictures=found.forwards,
        orders=len(found.perturbation.random), seconds=found.seconds,
    )  # fmt: skip
    return with_agreement(line, maps, key, causal)


def with_agreement(line: TrustLine, maps: "MapSet", key: str, causal: "MapSet | None") -> TrustLine:
    """Add how far the map ranks the patches as occlusion does, or why that can't be said."""
    if maps.method == CAUSAL_METHOD:
        return replace(line, agreement_note="this is the causal map itself")
    other = None if causal is None or causal.refused is not None else causal.rows.get(key)
    if causal is None or other is None:
        return replace(line, agreement_note="there is no causal map of this answer")
    agreement = metrics.rank_correlation(maps.values[maps.rows[key]], causal.values[other])
    if agreement is None:
        return replace(line, agreement_note="one of the two maps is the same everywhere")
    return replace(line, agreement=agreement)
