"""Scores and paired differences over the lines of a report, each with its interval."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.bench.questions.units import UnitScore
from workbench.bench.scores.numbers import Groups, by_kind, difference, mean_score
from workbench.bench.scores.scoring import aggregate, aggregate_trace_score
from workbench.bench.scores.statistics import holm
from workbench.bench.store.results import Result
from workbench.traces import AXES

PARTS = ("presence", "correctness", "score")


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

    def each(self, say: Callable[[str, list[Result]], Any]) -> dict[str, Any]:
        """model -> condition -> what `say(protocol, lines)` returns."""
        found: dict[str, Any] = {model: {} for model in self.models}
        for names, lines in self.groups.items():
            found[names[0]][names[1]] = say(self.protocols[names], list(lines.values()))
        return found

    def accuracy(self) -> dict[str, Any]:
        """model -> condition -> overall, closed, open; failed items are left out, invalid ones are wrong."""
        return self.each(
            lambda protocol, lines: by_kind(lines, lambda part: mean_score(part, "accuracy", "", protocol))
        )

    def axes(self) -> dict[str, Any]:
        """model -> condition -> axis -> its three parts; and trace_score. Empty without units."""

        def say(protocol: str, lines: list[Result]) -> dict[str, Any]:
            if not any(line.axes for line in lines):
                return {}
            protocol = f"{protocol}, mean over items"
            found: dict[str, Any] = {
                axis: {part: mean_score(lines, axis, part, protocol) for part in PARTS} for axis in AXES
            }
            return found | {"trace_score": mean_score(lines, "trace_score", "", protocol)}

        return self.each(say)

    def axes_pooled(self) -> dict[str, Any]:
        """model -> condition -> axis -> its three parts, all units in one pool; no interval."""

        def say(_: str, lines: list[Result]) -> dict[str, Any]:
            traces = [[UnitScore(**unit) for unit in line.units] for line in lines]
            found: dict[str, Any] = {
                axis: asdict(score) for axis, score in aggregate(traces, "pooled").items()
            }
            return found | {"trace_score": aggregate_trace_score(traces, "pooled")}

        return self.each(say)

    def trace_scores(self) -> dict[str, Any]:
        """model -> condition -> trace score."""
        return self.each(lambda protocol, lines: mean_score(lines, "trace_score", "", protocol))

    def differences(self) -> list[dict[str, Any]]:
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

    def _paired(self, first: str, second: str, condition: str) -> list[dict[str, Any]]:
        names = {"first": first, "second": second, "condition": condition}
        left, right = (first, condition), (second, condition)
        protocol = joint_protocol(self.protocols[left], self.protocols[right])
        rows = paired_rows(self.groups[left], self.groups[right], protocol)
        return [names | row for row in rows if row["n"]]


def paired_rows(
    first: Mapping[str, Result], second: Mapping[str, Result], protocol: str
) -> list[dict[str, Any]]:
    """Second − first on every axis, the trace score and accuracy; `p_holm` over the axes, None elsewhere."""
    rows = [
        {"metric": metric, "p_holm": None} | difference(first, second, metric, protocol)
        for metric in (*AXES, "trace_score", "accuracy")
    ]
    adjusted = holm({row["metric"]: row["p"] for row in rows if row["metric"] in AXES})
    for row in rows:
        row["p_holm"] = adjusted.get(row["metric"])
    return rows


def joint_protocol(first: str, second: str) -> str:
    """One protocol where both are the same, else both."""
    return first if first == second else f"first: {first}; second: {second}"
