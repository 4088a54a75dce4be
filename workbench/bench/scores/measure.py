"""Scores and paired differences over the lines of a report, each with its interval."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from workbench.bench.questions.units import UnitScore
from workbench.bench.scores.numbers import ByKind, Groups, Number, Paired, by_kind, difference, mean_score
from workbench.bench.scores.scoring import AxisScore, aggregate, aggregate_trace_score
from workbench.bench.scores.statistics import holm
from workbench.bench.store.records import OPTIONAL
from workbench.bench.store.results import Result
from workbench.traces import AXES

PARTS = ("presence", "correctness", "score")
METRICS = (*AXES, "trace_score", "accuracy")
T = TypeVar("T")
ByModel = dict[str, dict[str, T]]  # model -> condition -> what was measured


@dataclass(frozen=True)
class AxisNumbers:
    """The three numbers of one axis, each a mean over items; score is the mean of presence × correctness."""

    presence: Number
    correctness: Number
    score: Number

    def of(self, part: str) -> Number:
        """The number of one of PARTS."""
        return getattr(self, part)


@dataclass(frozen=True)
class TraceNumbers:
    """What a judge made of the reasoning: the three axes and the trace score."""

    perception: AxisNumbers
    knowledge: AxisNumbers
    rationale: AxisNumbers
    trace_score: Number

    def of(self, axis: str) -> AxisNumbers:
        """The numbers of one of AXES."""
        return getattr(self, axis)


@dataclass(frozen=True, kw_only=True)
class PooledScores:
    """The axes with all units in one pool, without intervals; an axis without units is None."""

    perception: AxisScore | None = field(default=None, metadata=OPTIONAL)
    knowledge: AxisScore | None = field(default=None, metadata=OPTIONAL)
    rationale: AxisScore | None = field(default=None, metadata=OPTIONAL)
    trace_score: float | None = None


@dataclass(frozen=True, kw_only=True)
class _OfMetric:
    metric: str
    p_holm: float | None  # over the three axes; None for other metrics


@dataclass(frozen=True, kw_only=True)
class _OfModels:
    first: str
    second: str
    condition: str


@dataclass(frozen=True, kw_only=True)
class MetricGap(Paired, _OfMetric):
    """Second − first in one metric: an axis, "trace_score" or "accuracy"."""


@dataclass(frozen=True, kw_only=True)
class Difference(MetricGap, _OfModels):
    """A later model − the first one in one metric under one condition."""


@dataclass(frozen=True)
class Measure:
    """Numbers over the lines of one report; `protocols` says per model and condition how it was asked."""

    groups: Groups
    protocols: Mapping[tuple[str, str], str]

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(model for model, _ in self.groups))

    @property
    def conditions(self) -> list[str]:
        return list(dict.fromkeys(condition for _, condition in self.groups))

    def each(self, say: Callable[[str, list[Result]], T]) -> ByModel[T]:
        """model -> condition -> what `say(protocol, lines)` returns."""
        found: ByModel[T] = {model: {} for model in self.models}
        for names, lines in self.groups.items():
            found[names[0]][names[1]] = say(self.protocols[names], list(lines.values()))
        return found

    def accuracy(self) -> ByModel[ByKind]:
        """model -> condition -> accuracy by kind; failed items are left out, invalid ones are wrong."""
        return self.each(
            lambda protocol, lines: by_kind(lines, lambda part: mean_score(part, "accuracy", "", protocol))
        )

    def axes(self) -> ByModel[TraceNumbers | None]:
        """model -> condition -> numbers of the reasoning; None without units."""

        def say(protocol: str, lines: list[Result]) -> TraceNumbers | None:
            if not any(line.axes for line in lines):
                return None
            protocol = f"{protocol}, mean over items"
            axes = {
                axis: AxisNumbers(*(mean_score(lines, axis, part, protocol) for part in PARTS))
                for axis in AXES
            }
            return TraceNumbers(**axes, trace_score=mean_score(lines, "trace_score", "", protocol))

        return self.each(say)

    def axes_pooled(self) -> ByModel[PooledScores]:
        """model -> condition -> scores over all units in one pool."""

        def say(_: str, lines: list[Result]) -> PooledScores:
            traces = [[UnitScore(**unit) for unit in line.units] for line in lines]
            total = aggregate_trace_score(traces, "pooled")
            return PooledScores(**aggregate(traces, "pooled"), trace_score=total)

        return self.each(say)

    def trace_scores(self) -> ByModel[Number]:
        """model -> condition -> trace score."""
        return self.each(lambda protocol, lines: mean_score(lines, "trace_score", "", protocol))

    def differences(self) -> list[Difference]:
        """Each later model − the first, per condition and metric; Holm over the three axes."""
        if not self.models:
            return []
        first, *others = self.models
        return [
            row
            for second in others
            for condition in self.conditions
            if (first, condition) in self.groups and (second, condition) in self.groups
            for row in self._paired(first, second, condition)
        ]

    def _paired(self, first: str, second: str, condition: str) -> list[Difference]:
        names = {"first": first, "second": second, "condition": condition}
        left, right = (first, condition), (second, condition)
        protocol = joint_protocol(self.protocols[left], self.protocols[right])
        rows = paired_rows(self.groups[left], self.groups[right], protocol)
        return [Difference(**names, **vars(row)) for row in rows if row.n]


def paired_rows(first: Mapping[str, Result], second: Mapping[str, Result], protocol: str) -> list[MetricGap]:
    """Second − first on every axis, the trace score and accuracy."""
    rows = [
        MetricGap(metric=metric, p_holm=None, **vars(difference(first, second, metric, protocol)))
        for metric in METRICS
    ]
    adjusted = holm({row.metric: row.p for row in rows if row.metric in AXES})
    return [replace(row, p_holm=adjusted.get(row.metric)) for row in rows]


def joint_protocol(first: str, second: str) -> str:
    """One protocol where both are the same, else both."""
    return first if first == second else f"first: {first}; second: {second}"
