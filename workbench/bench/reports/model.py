"""A benchmark report as a record. Its JSON, which is what is stored and printed, has the same names.

Schema 2 added letters, regrouped_items, shuffled_image_effect, image_sensitivity, prompt_effect,
self_consistency, text_scores, composite, warnings, and the slices body_part, answer_type and rare; of a
stored report of schema 1 they are empty. Schema 3 tests every paired difference by image (sign flips) and
keeps no p of the 2 × 2 counts; a report of schema 2 says with each p that it came from a bootstrap.
Schema 4 added modality_tags, contradictions, by_task and judged, which are None in an earlier report.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.bench.judging.judged import Judged
from workbench.bench.scores.anchoring import Anchoring
from workbench.bench.scores.baselines import Letters
from workbench.bench.scores.calibration import Calibration
from workbench.bench.scores.consistency import SelfConsistency
from workbench.bench.scores.effects import PromptEffect
from workbench.bench.scores.measure import (
    AxisNumbers,
    ByModel,
    Difference,
    PooledScores,
    TraceNumbers,
)
from workbench.bench.scores.numbers import ByKind, Number, Paired
from workbench.bench.scores.slices import Slice
from workbench.bench.scores.tasks import TaskNumbers
from workbench.bench.store import records
from workbench.bench.store.records import OPTIONAL

REPORT_SCHEMA = 4  # raise it with every change to what a report holds: stored ones are then made anew
Level = Literal["warning", "caution", "note"]


@dataclass(frozen=True)
class ItemsFacts:
    """Which questions were asked, as `run.json` states it; `source` is left out of a report that ships."""

    name: str | None = field(default=None, metadata=OPTIONAL)
    source: str | None = field(default=None, metadata=OPTIONAL)
    n: int | None = field(default=None, metadata=OPTIONAL)
    n_images: int | None = field(default=None, metadata=OPTIONAL)
    dropped: dict[str, int] | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True)
class ModelFacts:
    """One model: how it is called, and how it was asked, in words and as `run.json` states it."""

    name: str
    label: str
    protocol: str
    revision: str | None = None
    device: str | None = None
    dtype: str | None = None
    mode: str | None = None
    decoding: dict[str, Any] | None = None
    judge: str | None = None


@dataclass(frozen=True)
class Counts:
    """Answers of one model under one condition; `invalid` are those that name no option or nothing.

    `recovered` were only got by asking again for a letter, `accuracy_without_recovered` counts them as wrong;
    None where nobody was asked again.
    """

    n: int
    failed: int
    invalid: int
    parse_status: dict[str, int]
    seconds_per_answer: float | None
    recovered: int | None = field(default=None, metadata=OPTIONAL)
    accuracy_without_recovered: float | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True)
class CompositeNumbers:
    """The composite reward and its components as numbers, with the weights of the sum.

    A part that was not computed on a line counts in none of its numbers, so their n may differ.
    """

    total: Number
    components: dict[str, Number]
    weights: dict[str, float]


@dataclass(frozen=True)
class TagNumbers:
    """Modality tags of one model under one condition: how many are in which state (`traces.ModalityCheck`).

    `right` is the share of the right ones among the tags of pictures whose kind is known.
    """

    right: Number
    states: dict[str, int]


@dataclass(frozen=True)
class Warned:
    """Something that speaks against believing a report, in a sentence with its numbers."""

    level: Level
    text: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a benchmark run measured. ByModel is model → condition → what was measured.

    Scores are fractions. Lines of an earlier revision or protocol of a model are left out and counted in
    `stale_lines`; those of condition "sampled" count in `self_consistency` only, of "anchored" in
    `anchoring`. `contradictions` are shares of the answers with reasoning whose words disagree with the
    answer. `sources` says of which files a stored report was made: name → size in bytes and digest.
    """

    schema: int = 1
    origin: str
    date: str | None = None
    python: str | None = None
    packages: dict[str, str | None] = field(default_factory=dict)
    items: ItemsFacts = field(default_factory=ItemsFacts)
    n_items: int
    n_images: int
    dropped: dict[str, int] = field(default_factory=dict)
    stale_lines: int = 0
    regrouped_items: int = 0
    judges: dict[str, str] = field(default_factory=dict)
    models: tuple[ModelFacts, ...]
    conditions: tuple[str, ...]
    counts: ByModel[Counts]
    accuracy: ByModel[ByKind]
    baselines: dict[str, ByKind]
    letters: Letters | None = None
    calibration: ByModel[dict[str, Calibration]] = field(default_factory=dict)
    axes: ByModel[TraceNumbers | None]
    axes_pooled: ByModel[PooledScores] = field(default_factory=dict)
    text_scores: ByModel[dict[str, Number]] = field(default_factory=dict)
    open_scores: ByModel[dict[str, Number]] | None = field(default=None, metadata=OPTIONAL)
    composite: ByModel[CompositeNumbers | None] = field(default_factory=dict)
    modality_tags: ByModel[TagNumbers | None] | None = field(default=None, metadata=OPTIONAL)
    contradictions: ByModel[Number] | None = field(default=None, metadata=OPTIONAL)
    by_task: ByModel[TaskNumbers] | None = field(default=None, metadata=OPTIONAL)
    judged: dict[str, ByModel[Judged]] | None = field(default=None, metadata=OPTIONAL)
    slices: dict[str, tuple[Slice, ...]] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    image_effect: dict[str, Paired] = field(default_factory=dict)
    shuffled_image_effect: dict[str, Paired] = field(default_factory=dict)
    image_sensitivity: dict[str, Number] = field(default_factory=dict)
    shuffle_consistency: dict[str, Number] = field(default_factory=dict)
    prompt_effect: dict[str, PromptEffect] = field(default_factory=dict)
    self_consistency: dict[str, SelfConsistency] = field(default_factory=dict)
    anchoring: dict[str, Anchoring] | None = field(default=None, metadata=OPTIONAL)
    warnings: tuple[Warned, ...] | None = field(default=None, metadata=OPTIONAL)
    sources: dict[str, tuple[int, str]] | None = field(default=None, metadata=OPTIONAL)

    @property
    def title(self) -> str:
        """What the questions are called."""
        return "items" if self.items.name is None else str(self.items.name)

    @property
    def labels(self) -> dict[str, str]:
        """Name of a model → how it is called for people."""
        return {model.name: model.label or model.name for model in self.models}

    @property
    def size(self) -> str:
        """How many questions on how many images, in words."""
        if self.n_images == 0:
            return f"{self.n_items:,} questions without pictures"
        return f"{self.n_items:,} questions on {self.n_images:,} images"

    @property
    def anchor_flips(self) -> dict[str, Number]:
        """Model → share of right answers that turn wrong after given reasoning."""
        found = self.anchoring or {}
        return {model: about.flipped for model, about in found.items() if about.flipped is not None}

    def label(self, model: str) -> str:
        """How a model is called for people."""
        return self.labels.get(model, model)

    def models_under(self, condition: str) -> list[str]:
        """Names of the models asked under a condition, in the order of the run."""
        return [model for model, conditions in self.accuracy.items() if condition in conditions]

    def overall(self, model: str, condition: str) -> Number | None:
        """A model's accuracy on all questions; None where it was not asked."""
        found = self.accuracy.get(model, {}).get(condition)
        return found.overall if found else None

    def number(self, model: str, metric: str, condition: str) -> Number | None:
        """A model's number for one of METRICS; None where nothing was measured."""
        found: Number | AxisNumbers | None
        if metric == "accuracy":
            found = self.overall(model, condition)
        else:
            traces = self.axes.get(model, {}).get(condition)
            found = getattr(traces, metric, None)
        if isinstance(found, AxisNumbers):
            found = found.score
        return found if found is not None and found.value is not None else None

    def to_json(self) -> dict[str, Any]:
        """The JSON object of the report."""
        return records.to_json(self)

    @classmethod
    def from_json(cls, value: Any) -> "Report":
        """The report that a JSON object of any schema holds. Raises TypeError for anything else."""
        return records.from_json(cls, value)
