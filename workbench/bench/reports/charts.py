"""Plotly figures of a report: breakdown by axis, differences as a forest plot, published figures apart.

Every text that may come from a model or a file name is escaped, as plotly reads markup in labels.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from workbench.bench.reports.labels import GUESSES, METRIC_NAMES
from workbench.bench.reports.model import Report
from workbench.bench.reports.published import PublishedTable
from workbench.bench.scores.compare import shown, verdict
from workbench.bench.scores.measure import METRICS, Difference
from workbench.bench.scores.numbers import Number
from workbench.palette import LIGHT, NO_GROUND, numbered, shades
from workbench.traces import AXES

# Light, middle and dark of each hue: the first model is light, the last dark.
SHADES = {axis: shades(axis) for axis in AXES} | dict.fromkeys(("trace_score", "accuracy"), shades("total"))
GREY, FAINT, BASELINE = LIGHT["chart-ink"], LIGHT["chart-grid"], LIGHT["chart-control"]
PUBLISHED_SHADES, HATCH = numbered("published"), LIGHT["hatch"]


def axis_figure(report: Report, condition: str = "image") -> go.Figure:
    """Grouped bars in per cent, one group a metric in the order P, K, R, trace, accuracy, one bar a model.

    Error bars are the 95 % intervals; n stands under each group; the line at the accuracy bars is the
    majority-letter guess, the crosses are the accuracy on blank images.
    """
    models = report.models_under(condition)
    metrics = [metric for metric in METRICS if any(report.number(m, metric, condition) for m in models)]
    ticks = {metric: _tick(report, models, metric, condition) for metric in metrics}
    figure = go.Figure()
    for place, model in enumerate(models):
        figure.add_trace(
            _bars(report, model, place=place, count=len(models), ticks=ticks, condition=condition)
        )
    for place, model in enumerate(models):
        _add_blank(figure, report, model, place=place, ticks=ticks)
    _add_majority(figure, report, ticks)
    figure.update_layout(barmode="group", scattermode="group", bargap=0.25)
    figure.update_yaxes(range=[0, 100], title_text="per cent, measured here")
    # Turned labels of three lines would run into the legend on a phone.
    figure.update_xaxes(tickangle=0, tickfont={"size": 10.5})
    return styled(figure, f"{size_of(report)},<br>95 % intervals")


def size_of(report: Report) -> str:
    """Name of the questions, escaped for plotly, and how many on how many images."""
    return f"{html.escape(report.title)}: {report.size}"


def difference_figure(report: Report, condition: str = "image") -> go.Figure:
    """Forest plot of later model − first, in points; hollow where no difference is shown."""
    rows = [row for row in report.differences if row.condition == condition]
    rows.sort(key=lambda row: METRICS.index(row.metric))
    figure = go.Figure()
    for second in dict.fromkeys(row.second for row in rows):
        figure.add_trace(_forest([row for row in rows if row.second == second]))
    figure.add_vline(x=0, line_color=GREY, line_width=1)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title_text="difference in points, measured here")
    return styled(
        figure, "Difference with 95 % interval, hollow: none shown;<br>p by image, of the axes after Holm"
    )


def published_figure(table: PublishedTable) -> go.Figure:
    """A published table in hatched bars of its own, its source in the title; never beside measured bars."""
    figure = go.Figure()
    for place, (system, cells) in enumerate(table.rows.items()):
        figure.add_trace(
            go.Bar(
                name=html.escape(system),
                x=[html.escape(column.replace("_", " ")) for column in table.columns],
                y=list(cells),
                text=["" if cell is None else f"{cell:g}" for cell in cells],
                textposition="outside",
                cliponaxis=False,
                marker={
                    "color": PUBLISHED_SHADES[place % len(PUBLISHED_SHADES)],
                    "pattern": {"shape": "/", "fgcolor": HATCH, "size": 6, "solidity": 0.25},
                    "line": {"color": HATCH, "width": 1},
                },
                hovertemplate="%{fullData.name}, %{x}: %{y}<extra></extra>",
            )
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_yaxes(
        range=[0, 100] if table.unit == "%" else None, rangemode="tozero", title_text=html.escape(table.unit)
    )
    origin = "Published by its authors" if table.origin == "published" else "Re-evaluated by others"
    title = f"{table.system}: {table.title}. {origin}, not measured here"
    return styled(
        figure, f"{html.escape(title)}<br><sub>{html.escape(f'{table.protocol}; {table.source}')}</sub>"
    )


def _tick(report: Report, models: Sequence[str], metric: str, condition: str) -> str:
    """Name of a group with its n; both ends of the range where the models differ."""
    found = [number for model in models if (number := report.number(model, metric, condition))]
    n, images = span_of([number.n for number in found]), span_of([number.n_clusters for number in found])
    return f"{METRIC_NAMES[metric].replace(' ', '<br>')}<br>n = {n}<br>{images} images"


def span_of(counts: Sequence[int]) -> str:
    """A count, or the least and the greatest where they differ."""
    least, most = min(counts), max(counts)
    return str(least) if least == most else f"{least}–{most}"


def _bars(
    report: Report, model: str, *, place: int, count: int, ticks: Mapping[str, str], condition: str
) -> go.Bar:
    measured = {metric: report.number(model, metric, condition) for metric in ticks}
    found = {metric: number for metric, number in measured.items() if number}
    return go.Bar(
        name=label_of(report, model),
        offsetgroup=str(place),
        x=[ticks[metric] for metric in found],
        y=[100 * number.value for number in found.values()],
        error_y=_error([_whiskers(number) for number in found.values()]),
        marker={
            "color": [shade(metric, place, count) for metric in found],
            "line": {"color": [SHADES[metric][-1] for metric in found], "width": 1},
        },
        text=[f"{100 * number.value:.1f}" for number in found.values()],
        textposition="inside",
        insidetextanchor="start",
        customdata=[interval_text(number) for number in found.values()],
        hovertemplate="%{fullData.name}<br>%{x}<br>%{y:.1f} %{customdata}<extra></extra>",
    )


def shade(metric: str, place: int, count: int) -> str:
    """Colour of model number `place` of `count` on a metric: the base light, the last model dark."""
    shades = SHADES[metric]
    return shades[0] if place == 0 and count > 1 else shades[-1 if place == count - 1 else 1]


def _whiskers(number: Number) -> tuple[float, float]:
    """Lengths up and down in per cent; 0 where there is no interval."""
    if number.low is None:
        return 0.0, 0.0
    return max(0.0, 100 * (number.high - number.value)), max(0.0, 100 * (number.value - number.low))


def _error(whiskers: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "data", "symmetric": False, "array": [up for up, _ in whiskers],
        "arrayminus": [down for _, down in whiskers], "color": GREY, "thickness": 1.5, "width": 4,
    }  # fmt: skip


def interval_text(number: Number) -> str:
    """A number's 95 % interval in per cent and how it was made, for a hover."""
    if number.low is None:
        return "(no interval)"
    return f"({100 * number.low:.1f} to {100 * number.high:.1f}; {number.method})"


def _add_blank(
    figure: go.Figure, report: Report, model: str, *, place: int, ticks: Mapping[str, str]
) -> None:
    blank = report.number(model, "accuracy", "blank")
    if blank and "accuracy" in ticks:
        figure.add_trace(
            go.Scatter(
                name=f"{label_of(report, model)}, blank image",
                offsetgroup=str(place),
                x=[ticks["accuracy"]],
                y=[100 * blank.value],
                mode="markers",
                marker={"symbol": "x", "size": 10, "color": GREY, "line": {"color": "white", "width": 1}},
                customdata=[f"{interval_text(blank)}, n = {blank.n}"],
                hovertemplate="%{fullData.name}: %{y:.1f} %{customdata}<extra></extra>",
            )
        )


def _add_majority(figure: go.Figure, report: Report, ticks: Mapping[str, str]) -> None:
    guess = report.baselines["majority_letter"].overall
    if guess.value is None or "accuracy" not in ticks:
        return
    place, height = list(ticks).index("accuracy"), 100 * guess.value
    line = {"color": BASELINE, "width": 2, "dash": "dash"}
    figure.add_shape(type="line", x0=place - 0.45, x1=place + 0.45, y0=height, y1=height, line=line)
    # A shape has no place in the legend; this empty line does.
    name = f"{GUESSES['majority_letter'].name}: {height:.1f} (n = {guess.n})"
    figure.add_trace(go.Scatter(name=name, x=[None], y=[None], mode="lines", line=line))


def _forest(rows: Sequence[Difference]) -> go.Scatter:
    return go.Scatter(
        name=html.escape(f"{rows[0].second} − {rows[0].first}"),
        x=[100 * row.value for row in rows],
        y=[f"{METRIC_NAMES[row.metric]}<br>n = {row.n}<br>{row.n_clusters} images" for row in rows],
        error_x=_error([_whiskers(row) for row in rows]),
        mode="markers+text",
        marker={
            "size": 11,
            "symbol": ["circle" if shown(row) else "circle-open" for row in rows],
            "color": [SHADES[row.metric][1] for row in rows],
        },
        text=[f"{100 * row.value:+.1f}{_p_text(row)}" for row in rows],
        textposition="top center",
        cliponaxis=False,
        customdata=[f"{interval_text(row)}; {row.test}: {verdict(row)}" for row in rows],
        hovertemplate="%{y}<br>%{x:+.1f} %{customdata}<extra></extra>",
    )


def _p_text(row: Difference) -> str:
    p = row.p_holm if row.p_holm is not None else row.p
    if p is None:
        return ""
    return ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"


def label_of(report: Report, model: str) -> str:
    """A model's label, escaped for plotly, which reads markup."""
    return html.escape(report.label(model))


def styled(figure: go.Figure, title: str) -> go.Figure:
    """Readable on light and dark pages alike: no ground of its own, middle grey lines and letters."""
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left"},
        font={"color": GREY, "size": 13},
        paper_bgcolor=NO_GROUND,
        plot_bgcolor=NO_GROUND,
        legend={"orientation": "h", "y": -0.3, "yanchor": "top"},
        margin={"l": 60, "r": 20, "t": 70, "b": 60},
        showlegend=True,
    )
    figure.update_xaxes(gridcolor=FAINT, zeroline=False)
    figure.update_yaxes(gridcolor=FAINT, zeroline=False)
    return figure
