"""Scores of a heat map by name: what the command line, Methods and the library ask for."""

import threading
from collections.abc import Mapping, Sequence

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import HeatMap, Refusal
from workbench.explain.metrics.faithfulness import CAUSAL_METHOD
from workbench.explain.metrics.metric import MapUnderTest, Score
from workbench.explain.metrics.registry import METRICS
from workbench.explain.metrics.scoring import SharedScore
from workbench.imaging.medical_image import MedicalImage


def measure(
    case: AnsweredCase,
    heat: HeatMap,
    metrics: Sequence[str] = (),
    *,
    region: np.ndarray | None = None,
    other: MedicalImage | None = None,
    shared: SharedScore | None = None,
    causal: HeatMap | Refusal | None = None,
    seed: int = 0,
    stop: threading.Event | None = None,
    region_picture: int = 0,
) -> Mapping[str, Score | Refusal]:
    """Scores of a map of this case by metrics of METRICS; by default all for which its method need not
    run again (agreement makes one map by occlusion).

    `region` bool `[H, W]` where the evidence is known to be, in the picture numbered `region_picture`;
    `other` another picture; `shared` a score of the same span that its other maps use too; `causal` its
    occlusion map where that is at hand; `stop` ends what makes the map again, with a Refusal. Raises
    UserFacing for an unknown metric, ValueError for a map that explains no part of an answer.
    """
    test = MapUnderTest(case, heat, region, other, shared, seed, stop, region_picture)
    given = available(region=region is not None, other=other is not None)
    if causal is not None:
        test.once(CAUSAL_METHOD, lambda: causal)
    return {name: METRICS.get_or_raise(name).compute(test) for name in metrics or given}


def available(*, region: bool = False, other: bool = False) -> tuple[str, ...]:
    """Names of the metrics that need no further map and for which what a caller has to give is there: what
    `measure` computes by default, and `--metrics all` with nothing given."""
    have = {"region": region, "other picture": other}
    return tuple(
        name
        for name, metric in METRICS.items()
        if all(have[need] for need in metric.needs) and not metric.remakes_maps
    )
