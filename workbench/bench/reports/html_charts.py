"""Where the marks of the HTML report's two drawings stand: bars with intervals, and differences.

Positions are SVG user units; the template draws and escapes. The drawings follow `charts`, which needs
scripts in the page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.bench.reports.charts import shade, span_of
from workbench.bench.reports.labels import GUESSES, METRIC_NAMES
from workbench.bench.reports.model import Report
from workbench.bench.scores.compare import shown, verdict
from workbench.bench.scores.measure import METRICS, Difference
from workbench.bench.scores.numbers import Number, percent_text

TOP, LEFT, HEIGHT, WIDTH = 24.0, 44.0, 220.0, 720.0
ROW = 34.0
FOREST_LEFT = 240.0


@dataclass(frozen=True)
class Bar:
    """One bar, its whisker (`low`, `high` None without an interval) and its value in per cent."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    low: float | None
    high: float | None
    value: str
    hover: str


@dataclass(frozen=True)
class Group:
    """The bars of one metric; `cross` are accuracies on blank images as (x, y, words)."""

    name: str
    counts: str
    middle: float
    left: float
    right: float
    bars: tuple[Bar, ...]
    crosses: tuple[tuple[float, float, str], ...] = ()
    guess: float | None = None
    guess_hover: str = ""


@dataclass(frozen=True)
class ForestRow:
    """One row of the forest plot; `shown` where a difference is."""

    name: str
    counts: str
    y: float
    x: float
    low: float | None
    high: float | None
    colour: str
    shown: bool
    hover: str


@dataclass(frozen=True)
class Forest:
    """Differences of two models; `ticks` of the axis as (x, label), `zero` is where no difference stands."""

    title: str
    height: float
    zero: float
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[ForestRow, ...]


def bar_groups(report: Report, condition: str) -> list[Group]:
    """A group a metric in the order P, K, R, trace, accuracy; a bar a model asked under `condition`."""
    models = report.models_under(condition)
    metrics = [metric for metric in METRICS if any(report.number(m, metric, condition) for m in models)]
    span = (WIDTH - LEFT) / max(1, len(metrics))
    return [
        _group(report, models, metric, condition=condition, left=LEFT + place * span, span=span)
        for place, metric in enumerate(metrics)
    ]


def _group(
    report: Report, models: Sequence[str], metric: str, *, condition: str, left: float, span: float
) -> Group:
    inner = 0.8 * span
    width = inner / len(models)
    bars, crosses, counts = [], [], []
    for place, model in enumerate(models):
        number = report.number(model, metric, condition)
        x = left + 0.1 * span + place * width
        if number:
            bars.append(_bar(number, model, x=x, width=width, colour=shade(metric, place, len(models))))
            counts.append((number.n, number.n_clusters))
        blank = report.number(model, "accuracy", "blank") if metric == "accuracy" else None
        if blank:
            crosses.append((x + width / 2, _up(blank.value), f"{model}, blank image: {percent_text(blank)}"))
    guess = report.baselines["majority_letter"].overall if metric == "accuracy" else None
    known = guess if guess is not None and guess.value is not None else None
    return Group(
        METRIC_NAMES[metric], _counts(counts), left + span / 2, left + 0.06 * span, left + 0.94 * span,
        tuple(bars), tuple(crosses), _up(known.value) if known else None,
        f"{GUESSES['majority_letter'].name}: {percent_text(known)}, n {known.n}" if known else "",
    )  # fmt: skip


def _bar(number: Number, model: str, *, x: float, width: float, colour: str) -> Bar:
    interval = number.low is not None
    top = _up(number.value)
    return Bar(
        x + 1, top, width - 2, TOP + HEIGHT - top, colour,
        _up(number.low) if interval else None, _up(number.high) if interval else None,
        f"{100 * number.value:.0f}" if width >= 22 else "",
        f"{model}: {percent_text(number)} ({number.method}), n {number.n}",
    )  # fmt: skip


def _up(fraction: float) -> float:
    return TOP + HEIGHT * (1 - fraction)


def _counts(found: Sequence[tuple[int, int]]) -> str:
    items, images = zip(*found, strict=True)
    return f"n {span_of(items)}, {span_of(images)} images"


def forests(report: Report, condition: str) -> list[Forest]:
    """Later model − first, one drawing a pair of models, on one scale that holds every interval and zero."""
    rows = [row for row in report.differences if row.condition == condition and row.value is not None]
    rows.sort(key=lambda row: METRICS.index(row.metric))
    ends = [end for row in rows for end in (row.low, row.value, row.high) if end is not None]
    low, high = _round_out(min([*ends, 0.0])), _round_out(max([*ends, 0.0]))
    pairs = dict.fromkeys((row.first, row.second) for row in rows)
    return [
        _forest([row for row in rows if (row.first, row.second) == pair], pair, low, high) for pair in pairs
    ]


def _round_out(value: float) -> float:
    """To the next tenth away from zero, as a fraction."""
    tenths = math.ceil(round(abs(value) * 10, 9))
    return tenths / 10 if value > 0 else -tenths / 10


def _forest(rows: Sequence[Difference], pair: tuple[str, str], low: float, high: float) -> Forest:
    scale = (WIDTH - FOREST_LEFT - 60) / max(high - low, 0.1)

    def across(value: float) -> float:
        return FOREST_LEFT + 20 + (value - low) * scale

    marks = []
    for place, row in enumerate(rows):
        interval = row.low is not None
        marks.append(
            ForestRow(
                METRIC_NAMES[row.metric], _counts([(row.n, row.n_clusters)]), TOP + ROW * (place + 0.5),
                across(row.value),
                across(row.low) if interval else None, across(row.high) if interval else None,
                shade(row.metric, 1, 3), shown(row),
                f"{percent_text(row, signed=True)} points, {row.method}; {row.test}: {verdict(row)}",
            )
        )  # fmt: skip
    step = 1 if high - low <= 1 else 2
    tenths = range(round(low * 10), round(high * 10) + 1, step)
    ticks = tuple((across(tenth / 10), f"{10 * tenth:+d}" if tenth else "0") for tenth in tenths)
    return Forest(f"{pair[1]} − {pair[0]}", TOP + ROW * len(rows) + 30, across(0.0), ticks, tuple(marks))
