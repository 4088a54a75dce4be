"""What a figure about a map declares of itself, what it is computed from, and what it is.

Adding a metric: one file with a `Metric` in it, and its name in `metrics/registry.py` (or, from a package of
your own, an entry point of the group `workbench.metrics`). The command line, Methods and `bench grounding`
read the registry.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.metrics.scoring import SharedScore, span_scorer
from workbench.imaging.medical_image import MedicalImage

Direction = Literal["higher", "lower"]
Category = Literal["faithfulness", "localisation", "robustness", "sanity"]
MetricNeed = Literal["region", "other picture"]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Score:
    """A figure of one map.

    `value` (None where a control left nothing to compare) was measured on `n` of what the metric names;
    `controls` are the same figure of what knows nothing (a random order, the centre prior …), by name;
    `curve` is what the figure was read from, where there is one.
    """

    value: float | None
    n: int
    controls: Mapping[str, float] = field(default_factory=dict)
    curve: Any = None


@dataclass(frozen=True)
class MapUnderTest:
    """A heat map of a case, with what measuring it may need.

    `region` bool `[H, W]` is where the evidence is known to be, in the picture with the number
    `region_picture`, `other` another picture. `shared` is a score
    of the same span's words that other maps use as well: their controls are the same pictures. What several
    metrics need is made once, by `once`. `stop` ends what makes the map again, with a Refusal.
    """

    case: AnsweredCase
    heat: HeatMap
    region: np.ndarray | None = None
    other: MedicalImage | None = None
    shared: SharedScore | None = None
    seed: int = 0
    stop: threading.Event | None = None
    region_picture: int = 0
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def span(self) -> Span:
        """What the map explains. Raises ValueError for a map that no answer stands behind."""
        if self.heat.span is None:
            raise ValueError("this map explains no part of an answer")
        return self.heat.span

    @property
    def method(self) -> str:
        """The name of the method that made the map."""
        return str(self.heat.meta["method"])

    @property
    def params(self) -> Mapping[str, int]:
        """The settings that the map was made with."""
        return dict(self.heat.meta.get("params", {}))

    @property
    def boxes(self) -> np.ndarray:
        """The map's boxes on the sheet of all pictures, `[P, 4]`."""
        return self.case.sheet.boxes(self.heat.boxes, self.heat.picture_of)

    @cached_property
    def score(self) -> SharedScore:
        """Pictures to summed log probabilities of the span's words, nats."""
        return self.shared or SharedScore(span_scorer(self.case, self.span))

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` gives, made for the first metric that asks and kept for the others."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


@dataclass(frozen=True)
class Metric:
    """A figure's name, meaning, better `direction`, and range from `low` to `high` in `unit`.

    `category` is the question it answers: do the words depend on what the map marks (faithfulness), does it
    mark the right place (localisation), does it stay when nothing changes (robustness), does it change when
    everything does (sanity). `n` names what the figure was measured on, so that its number is not mistaken;
    `controls` what stands beside it; `cost` what it takes, in words, and `remakes_maps` whether the map's
    own method has to run again for it. `needs` is what a caller has to give.
    """

    name: str
    label: str
    meaning: str
    direction: Direction
    low: float
    high: float
    unit: str
    compute: Callable[[MapUnderTest], Score | Refusal]
    category: Category = "faithfulness"
    n: str = "pictures scored"
    controls: tuple[str, ...] = ()
    cost: str = "nothing beyond the map"
    needs: tuple[MetricNeed, ...] = ()
    remakes_maps: bool = False
