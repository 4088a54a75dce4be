"""How far the map on the screen can be believed, measured on the visitor's own answer.

Importing this module loads no model code; measuring does.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.cases.column import CaseColumn, MapSet
    from workbench.explain.heatmap import Span
    from workbench.imaging.medical_image import MedicalImage

CAUSAL_METHOD = "occlusion"
LONGEST_SECONDS = 60.0  # a big model without a graphics card would hold the others up for minutes
KINDS = ("step", "answer", "all")
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


def row_of(column: "CaseColumn", rows: "Sequence[Span]", kind: str, index: int) -> int | None:
    """The row of a map set that holds a span as the page names it; None when there is no such row.

    `index` counts the steps of the trace; a step of special tokens alone has no row.
    """
    places = [place for place, span in enumerate(rows) if span.kind == kind]
    if kind != "step":
        return places[0] if places else None
    if not 0 <= index < len(column.trace.steps):
        return None
    step = column.trace.steps[index]
    tokens = range(step.token_start or 0, step.token_end or 0)
    return next((place for place in places if rows[place].tokens[0] in tokens), None)


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
    model: Any,
    column: "CaseColumn",
    maps: "MapSet",
    row: int,
    image: "MedicalImage",
    causal: "MapSet | None",
    moved_on: threading.Event,
) -> TrustLine:
    """Deletion and insertion of one row of a map set against random orders, and agreement with occlusion.

    `causal` is the occlusion map set of the same column, None when it could not be made. Raises MovedOn as
    soon as `moved_on` is set.
    """
    from workbench.explain.heatmap import HeatMap
    from workbench.explain.metrics import SharedScore, span_scorer, trust

    prompt, span = column.prompt, maps.rows[row]
    if prompt is None:
        return TrustLine("not computable", "There is no answer to measure.")
    heat = HeatMap(maps.values[row], maps.boxes, maps.signed, maps.unit, float(maps.image_share[row]))
    score = span_scorer(model, prompt.question, image, column.answer, span)
    began = time.monotonic()
    try:
        found = trust(
            model, prompt, image, prompt.question, column.answer, span, heat,
            shared=SharedScore(watched(score, moved_on)),
        )  # fmt: skip
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
    return with_agreement(line, maps, row, causal)


def with_agreement(line: TrustLine, maps: "MapSet", row: int, causal: "MapSet | None") -> TrustLine:
    """Add how far the map ranks the patches as occlusion does, or why that can't be said."""
    from workbench.explain.metrics import rank_correlation

    if maps.method == CAUSAL_METHOD:
        return replace(line, agreement_note="this is the causal map itself")
    if causal is None or causal.refused is not None or not len(causal.values):
        return replace(line, agreement_note="there is no causal map of this answer")
    agreement = rank_correlation(maps.values[row], causal.values[row])
    if agreement is None:
        return replace(line, agreement_note="one of the two maps is the same everywhere")
    return replace(line, agreement=agreement)
