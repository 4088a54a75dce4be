"""Numbers over result lines: accuracy, axis scores, baselines, paired differences, each with its interval."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from workbench.bench.results import Result
from workbench.bench.scoring import (
    aggregate,
    aggregate_trace_score,
    majority_answer,
    majority_letter,
    question_majority,
)
from workbench.bench.statistics import (
    Interval,
    bootstrap_interval,
    bootstrap_p,
    holm,
    paired_test,
    proportion_interval,
)
from workbench.bench.units import UnitScore
from workbench.traces import AXES, normalise_answer

PARTS = ("presence", "correctness", "score")
KINDS = ("overall", "closed", "open")
BASELINE_PROTOCOLS = {
    "majority_letter": "always the most frequent gold letter of these questions; those with options only",
    "majority_answer": "always the most frequent gold answer of these questions",
    "question_majority": (
        "the most frequent gold answer to the same question on the other images; without one, "
        "their most frequent answer to a question of the same type"
    ),
    "question_majority_generous": (
        "the most frequent gold answer to the same question, this image included: "
        "a question asked once is always right"
    ),
}
Groups = Mapping[tuple[str, str], Mapping[str, Result]]  # (model, condition) -> item id -> line
Number = dict[str, Any]
Keep = Callable[[Result], bool]


def number(values: Sequence[float | bool], clusters: Sequence[str], protocol: str) -> Number:
    """`{value, low, high, n, n_clusters, method, origin, protocol}` of a mean; bool values are a proportion.

    `value` is None without values; `low` and `high` are None where no interval can be stated.
    """
    binary = all(isinstance(value, bool) for value in values)
    interval = _interval(tuple(map(float, values)), tuple(clusters), binary)
    return {
        "value": math.fsum(values) / len(values) if values else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "n": len(values),
        "n_clusters": len(set(clusters)),
        "method": interval.method if interval else "no interval: fewer than two images, or all values equal",
        "origin": "measured",
        "protocol": protocol,
    }


@lru_cache(maxsize=4096)  # slices of one report often hold the same items, and a bootstrap is slow
def _interval(values: tuple[float, ...], clusters: tuple[str, ...], binary: bool) -> Interval | None:
    if binary:
        return proportion_interval([value == 1 for value in values], clusters)
    # Resampling equal values gives an interval without width, which would look like certainty.
    return bootstrap_interval(values, clusters) if len(set(values)) > 1 else None


def score_of(line: Result, axis: str, part: str = "score") -> float | None:
    """A score of one line; `axis` may also be "trace_score" and "accuracy". None where it is undefined."""
    if axis == "accuracy":
        return line.correct
    found = (line.axes or {}).get(axis)
    return found.get(part) if isinstance(found, dict) else found


def mean_score(lines: Iterable[Result], axis: str, part: str, protocol: str) -> Number:
    """Mean of a score over the lines where it is defined (macro over items), as `number`."""
    found = [(score, line.image_group) for line in lines if (score := score_of(line, axis, part)) is not None]
    return number([score for score, _ in found], [group for _, group in found], protocol)


@dataclass(frozen=True)
class Measure:
    """Numbers over the lines of one report; `protocols` says per model how the answers were made."""

    groups: Groups
    protocols: Mapping[str, str]

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(model for model, _ in self.groups))

    @property
    def conditions(self) -> list[str]:
        return list(dict.fromkeys(condition for _, condition in self.groups))

    def each(self, say: Callable[[str, list[Result]], Any], keep: Keep | None = None) -> dict[str, Any]:
        """model -> condition -> what `say(model, lines kept)` returns."""
        found: dict[str, Any] = {model: {} for model in self.models}
        for (model, condition), lines in self.groups.items():
            found[model][condition] = say(model, [line for line in lines.values() if not keep or keep(line)])
        return found

    def accuracy(self, keep: Keep | None = None) -> dict[str, Any]:
        """model -> condition -> overall, closed, open; failed items are left out, invalid ones are wrong."""
        return self.each(
            lambda model, lines: by_kind(
                lines, lambda part: mean_score(part, "accuracy", "", self.protocols[model])
            ),
            keep,
        )

    def axes(self) -> dict[str, Any]:
        """model -> condition -> axis -> its three parts; and trace_score. Empty without units."""

        def say(model: str, lines: list[Result]) -> dict[str, Any]:
            if not any(line.axes for line in lines):
                return {}
            protocol = f"{self.protocols[model]}, mean over items"
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

    def trace_scores(self, keep: Keep) -> dict[str, Any]:
        """model -> condition -> trace score of the lines kept."""
        return self.each(
            lambda model, lines: mean_score(lines, "trace_score", "", self.protocols[model]), keep
        )

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
        left, right = self.groups[first, condition], self.groups[second, condition]
        names = {"first": first, "second": second, "condition": condition}
        protocol = self._shared_protocol(first, second)
        rows = [
            names | {"metric": metric, "p_holm": None} | difference(left, right, metric, protocol)
            for metric in (*AXES, "trace_score", "accuracy")
        ]
        adjusted = holm({row["metric"]: row["p"] for row in rows if row["metric"] in AXES})
        for row in rows:
            row["p_holm"] = adjusted.get(row["metric"])
        return [row for row in rows if row["n"]]

    def _shared_protocol(self, first: str, second: str) -> str:
        left, right = self.protocols[first], self.protocols[second]
        return left if left == right else f"first: {left}; second: {right}"

    def image_effect(self) -> dict[str, Any]:
        """model -> accuracy with the image − accuracy with a blank one, on the same items."""
        return {
            model: difference(
                self.groups[model, "blank"], self.groups[model, "image"], "accuracy", self.protocols[model]
            )
            for model in self.models
            if (model, "image") in self.groups and (model, "blank") in self.groups
        }

    def shuffle_consistency(self) -> dict[str, Any]:
        """model -> share of items with the same option text chosen after shuffling; none chosen is not."""
        found = {}
        for model in self.models:
            plain, mixed = (
                self.groups.get((model, condition), {}) for condition in ("image", "shuffled_options")
            )
            shared = [
                item for item in mixed if item in plain and not mixed[item].error and not plain[item].error
            ]
            if shared:
                hits = [chosen(plain[item]) == chosen(mixed[item]) is not None for item in shared]
                clusters = [plain[item].image_group for item in shared]
                found[model] = number(hits, clusters, self.protocols[model])
        return found


def chosen(line: Result) -> str | None:
    """Text of the option that was chosen."""
    letters = [chr(ord("A") + i) for i in range(len(line.options))]
    return line.options[letters.index(line.answer_letter)] if line.answer_letter in letters else None


def by_kind(lines: Sequence[Result], say: Callable[[list[Result]], Number]) -> dict[str, Number]:
    """What `say` says about all lines, those of closed and those of open questions."""
    return {kind: say([line for line in lines if kind in ("overall", line.answer_type)]) for kind in KINDS}


def difference(
    first: Mapping[str, Result], second: Mapping[str, Result], metric: str, protocol: str
) -> dict[str, Any]:
    """Second − first on the items both have: a `number` with p; accuracy by exact McNemar, with its table."""
    pairs = [
        (before, after, first[item].image_group)
        for item in first
        if item in second
        and (before := score_of(first[item], metric)) is not None
        and (after := score_of(second[item], metric)) is not None
    ]
    gaps, clusters = [float(after) - float(before) for before, after, _ in pairs], [pair[2] for pair in pairs]
    found = number(gaps, clusters, protocol)
    if metric == "accuracy":
        test = paired_test([bool(pair[0]) for pair in pairs], [bool(pair[1]) for pair in pairs])
        return found | {"p": test.p if pairs else None, "test": "exact McNemar", "table": asdict(test)}
    return found | {"p": bootstrap_p(gaps, clusters) if pairs else None, "test": "bootstrap by image"}


def baselines(items: Sequence[Result], among: Sequence[Result]) -> dict[str, dict[str, Number]]:
    """Four guesses without an image on `items`; `among` is the set that the question guess learns from."""

    def say(name: str) -> Callable[[list[Result]], Number]:
        return lambda part: number(*_hits(name, part, among), BASELINE_PROTOCOLS[name])

    return {name: by_kind(items, say(name)) for name in BASELINE_PROTOCOLS}


def _hits(name: str, items: list[Result], among: Sequence[Result]) -> tuple[list[bool], list[str]]:
    if name == "majority_letter":
        items = [line for line in items if line.options]
        hits = majority_letter([line.gold_letter or "" for line in items]).hits
    elif name == "majority_answer":
        hits = majority_answer([line.gold for line in items]).hits
    elif name == "question_majority":
        hits = _other_images(items, among)
    else:
        hits = question_majority([(line.question, line.gold) for line in items]).hits
    return [bool(hit) for hit in hits], [line.image_group for line in items]


def _other_images(items: Sequence[Result], among: Sequence[Result]) -> list[bool]:
    """Hits of the guess from other images. Counting all and taking the image's own off keeps it linear."""
    by_question: dict[str, Counter[str]] = {}
    by_type: dict[str, Counter[str]] = {}
    own, own_type = {}, {}  # by image and question, by image and answer type
    for line in among:
        question, gold = _plain(line.question), _plain(line.gold)
        by_question.setdefault(question, Counter())[gold] += 1
        by_type.setdefault(line.answer_type, Counter())[gold] += 1
        own.setdefault((line.image_group, question), Counter())[gold] += 1
        own_type.setdefault((line.image_group, line.answer_type), Counter())[gold] += 1
    hits = []
    for line in items:
        question = _plain(line.question)
        others = by_question[question] - own[line.image_group, question]
        if not others:
            others = by_type[line.answer_type] - own_type[line.image_group, line.answer_type]
        guess = min(others, key=lambda gold: (-others[gold], gold)) if others else None
        hits.append(guess == _plain(line.gold))
    return hits


@lru_cache(maxsize=65536)
def _plain(text: str) -> str:
    return normalise_answer(text)
