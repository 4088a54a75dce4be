"""Numbers of a report: a mean or a paired difference with its interval, n, clusters, method and protocol."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.bench.scores.sign_flips import sign_flips
from workbench.bench.scores.statistics import (
    Interval,
    PairedCounts,
    bootstrap_interval,
    mcnemar_exact,
    paired_counts,
    proportion_interval,
)
from workbench.bench.store.records import OPTIONAL
from workbench.bench.store.results import Result

KINDS = ("overall", "closed", "open")
Groups = Mapping[tuple[str, str], Mapping[str, Result]]  # (model, condition) -> item id -> line


@dataclass(frozen=True, kw_only=True)
class Number:
    """A fraction (or, of a difference, two subtracted) with its 95 % interval, and where it comes from.

    `value` is None where nothing could be measured, `low` and `high` where no interval can be stated; `n`
    counts answers, `n_clusters` the images that they are on.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_clusters: int
    method: str
    origin: str
    protocol: str

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, kw_only=True)
class Paired(Number):
    """A paired difference with its p value and how it was tested; of accuracy with the counts in `table`."""

    p: float | None
    test: str
    table: PairedCounts | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True)
class ByKind:
    """A number over all questions, the closed ones and the open ones."""

    overall: Number
    closed: Number
    open: Number

    def of(self, kind: str) -> Number:
        """The number of one of KINDS."""
        return getattr(self, kind)

    def items(self) -> Iterator[tuple[str, Number]]:
        """(kind, number) in the order of KINDS."""
        return ((kind, self.of(kind)) for kind in KINDS)


def number(values: Sequence[float | bool], clusters: Sequence[str], protocol: str) -> Number:
    """The number of a mean; bool values are a proportion."""
    binary = all(isinstance(value, bool) for value in values)
    interval = _interval(values, clusters, binary)
    return Number(
        value=math.fsum(values) / len(values) if values else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=len(values),
        n_clusters=len(set(clusters)),
        method=interval.method if interval else "no interval: fewer than two images, or all values equal",
        origin="measured",
        protocol=protocol,
    )


def _interval(values: Sequence[float | bool], clusters: Sequence[str], binary: bool) -> Interval | None:
    if binary:
        return proportion_interval([bool(value) for value in values], clusters)
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


def by_kind(lines: Sequence[Result], say: Callable[[list[Result]], Number]) -> ByKind:
    """What `say` says about all lines, those of closed and those of open questions."""
    return ByKind(*(say([line for line in lines if kind in ("overall", line.answer_type)]) for kind in KINDS))


def paired_scores(
    first: Mapping[str, Result], second: Mapping[str, Result], metric: str
) -> list[tuple[float, float, str]]:
    """(score of first, score of second, image) of every item on which both have that score."""
    return [
        (before, after, first[item].image_group)
        for item in first
        if item in second
        and (before := score_of(first[item], metric)) is not None
        and (after := score_of(second[item], metric)) is not None
    ]


def difference(
    first: Mapping[str, Result], second: Mapping[str, Result], metric: str, protocol: str
) -> Paired:
    """Second − first on the items both have, tested by image as `paired_p`; of accuracy with its counts."""
    pairs = paired_scores(first, second, metric)
    gaps, clusters = [float(after) - float(before) for before, after, _ in pairs], [pair[2] for pair in pairs]
    table = None
    if metric == "accuracy":
        table = paired_counts([bool(pair[0]) for pair in pairs], [bool(pair[1]) for pair in pairs])
    p, test = paired_p(gaps, clusters, "exact McNemar" if metric == "accuracy" else None)
    return Paired(**vars(number(gaps, clusters, protocol)), p=p, test=test, table=table)


def paired_p(
    gaps: Sequence[float], clusters: Sequence[str], of_counts: str | None = None
) -> tuple[float | None, str]:
    """Two-sided p that paired differences have the mean 0, and the name of its test; None without one.

    By sign flips of whole images. `of_counts`: the gaps are wins and losses (1, 0, -1); with one question an
    image that is then their exact binomial test, the same p in closed form, under the name given here.
    """
    if of_counts and 1 < len(set(clusters)) == len(gaps):
        return mcnemar_exact(gaps.count(-1.0), gaps.count(1.0)), of_counts
    found = sign_flips(gaps, clusters) if gaps else None
    return (found.p, found.test) if found else (None, "no test: fewer than two images")


def percent_text(number: Number | None, signed: bool = False, interval: bool = True) -> str:
    """ "62.6 [57.8, 67.2]" of a number, without brackets where there is no interval; "-" for none."""
    if number is None or number.value is None:
        return "-"
    sign = "+" if signed else ""
    value = f"{100 * number.value:{sign}.1f}"
    if not interval or number.low is None or number.high is None:
        return value
    return f"{value} [{100 * number.low:{sign}.1f}, {100 * number.high:{sign}.1f}]"


def p_text(p: float | None, none: str = "") -> str:
    """A p value with three decimals; `none` where there was no test."""
    if p is None:
        return none
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
