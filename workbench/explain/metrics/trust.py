"""How far one heat map can be believed: the answer for one column of the Case screen."""

import time
from dataclasses import dataclass

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import HeatMap, Refusal
from workbench.explain.metrics.fills import Fill, removable
from workbench.explain.metrics.metric import MapUnderTest
from workbench.explain.metrics.perturbation import RANDOM_ORDERS, STEPS, Perturbation, perturb
from workbench.explain.metrics.scoring import BATCH, SharedScore, span_scorer
from workbench.explain.metrics.small_fractions import FRACTIONS, RANKED_ORDERS
from workbench.explain.metrics.verdict import Verdict, concentration, judge


@dataclass(frozen=True)
class Trust:
    """What was measured about a map.

    `verdict` in words; `reason` says why nothing could be measured, else it is empty. `perturbation` holds
    the curves, areas under them, controls and gap (None when nothing could be measured); `focus` is
    `verdict.concentration`. `forwards` counts pictures that went through the whole model, `seconds` is wall
    time.
    """

    verdict: Verdict
    reason: str
    perturbation: Perturbation | None
    focus: float | None
    forwards: int
    seconds: float

    @property
    def gap(self) -> float | None:
        """The headline in nats: positive when the words depend on what the map marks more than on chance."""
        return None if self.perturbation is None else self.perturbation.gap


def trust(
    case: AnsweredCase,
    heat_map: HeatMap | Refusal,
    *,
    steps: int = STEPS,
    random_orders: int = RANDOM_ORDERS,
    ranked_orders: int = RANKED_ORDERS,
    fill: Fill = "blur",
    seed: int = 0,
    batch: int = BATCH,
    shared: SharedScore | None = None,
) -> Trust:
    """Measure the heat map of one span of a case on the pixel tier, teacher-forced on the answer's ids.

    Costs about 2 · `steps` · (`random_orders` + 2) pictures through the whole model for the curves and, for
    the verdict, 5 for every random order that is drawn (`SmallFractions`: up to `ranked_orders`, a few for a
    map no better than chance) and 10 more. Several maps of the same span cost less with one `shared` score
    of that span: their controls are the same pictures. Raises UserFacing for a span outside the answer,
    ValueError for a map that explains no span, or when the prompt is that of another image.
    """
    began = time.monotonic()
    reason = _obstacle(case, heat_map)
    if reason or isinstance(heat_map, Refusal):
        return Trust("not computable", reason, None, None, 0, time.monotonic() - began)
    if case.prompt.image_sizes != tuple((image.width, image.height) for image in case.images):
        raise ValueError("the prompt was made from another image")
    if heat_map.span is None:
        raise ValueError("this map explains no part of an answer")
    sheet = case.sheet
    boxes = sheet.boxes(heat_map.boxes, heat_map.picture_of)
    there = removable(boxes, sheet.size)
    score = shared or SharedScore(span_scorer(case, heat_map.span, batch))
    before = score.forwards
    found = perturb(
        score, sheet.pixels, heat_map.values, boxes,
        steps=steps, random_orders=random_orders, ranked_orders=ranked_orders, fill=fill, seed=seed,
        places=sheet.places,
    )  # fmt: skip
    focus = concentration(heat_map.values[there])
    verdict = judge(focus, found.comprehensiveness, found.chance)
    return Trust(verdict, "", found, focus, score.forwards - before, time.monotonic() - began)


def unmeasurable(test: MapUnderTest) -> Refusal | None:
    """Why nothing can be removed to test the map, if so."""
    reason = _obstacle(test.case, test.heat)
    return Refusal(reason) if reason else None


def _obstacle(case: AnsweredCase, heat_map: HeatMap | Refusal) -> str:
    """Why the map can't be measured, "" when it can."""
    if isinstance(heat_map, Refusal):
        return f"There is no map: {heat_map.reason}"
    if not case.images or case.prompt.image_size is None:
        return "No image was given, so there is nothing to remove."
    boxes = case.sheet.boxes(heat_map.boxes, heat_map.picture_of)
    there = removable(boxes, case.sheet.size)
    if len(there) < 2:
        return "The map has fewer than two patches in the picture, so it has no order to test."
    values = heat_map.values[there]
    if np.all(values == values[0]) or values.max() <= 0:
        return "The map is empty or the same everywhere, so it marks no patch to test."
    return ""


def most_pictures(maps: int) -> int:
    """At most how many pictures go through the model to measure so many maps of one span by `trust`."""
    few = len(FRACTIONS) + 1
    first = 2 * STEPS * (RANDOM_ORDERS + 2) + few * (2 + RANKED_ORDERS)
    further = 2 * STEPS + 2 + 2 * few  # the random orders of a span are shared
    return first + further * (maps - 1)
