"""More plotly figures of a report: a radar of the axes (on request), and reliability curves.

They look like those of `charts`. Neither adds a number: what they draw stands in the report.
"""

import plotly.graph_objects as go

from workbench.bench.reports.charts import FAINT, GREY, interval_text, label_of, size_of, styled
from workbench.bench.reports.labels import CONFIDENCE_NAMES, METRIC_NAMES
from workbench.bench.reports.model import Report
from workbench.bench.scores.calibration import CONFIDENCES, Calibration
from workbench.palette import NO_GROUND, numbered
from workbench.traces import AXES

SPOKES = (*AXES, "accuracy")
LINES = numbered("model")  # the first model light, as in the bars
DASHES = {"answer": "solid", "text": "dot"}
RADAR_CAPTION = (
    "Read along the spokes only: the area grows with the square of the scores and depends on the order of "
    "the axes. The bars carry the intervals."
)
RELIABILITY_CAPTION = "On the diagonal a probability is as good as its word. n stands at each point."
LARGEST_DOT, SMALLEST_DOT = 26.0, 6.0  # pixels across; the area is in proportion to n


def radar_figure(report: Report, condition: str = "image") -> go.Figure:
    """Perception, knowledge, rationale and accuracy of each model in per cent, on spokes from 0 to 100.

    A spoke without a number in any model is left out; with fewer than three there is nothing to draw and the
    figure is empty. Intervals are in the hover text and in `charts.axis_figure`.
    """
    models = report.models_under(condition)
    spokes = [spoke for spoke in SPOKES if any(report.number(model, spoke, condition) for model in models)]
    figure = go.Figure()
    if len(spokes) >= 3:
        for place, model in enumerate(models):
            figure.add_trace(
                _outline(report, model, spokes, condition=condition, colour=LINES[place % len(LINES)])
            )
    figure = styled(figure, f"{size_of(report)}, scores in per cent<br><sub>{RADAR_CAPTION}</sub>")
    figure.update_layout(
        polar={
            "bgcolor": NO_GROUND,
            "radialaxis": {"range": [0, 100], "gridcolor": FAINT, "linecolor": FAINT, "angle": 90},
            "angularaxis": {"gridcolor": FAINT, "linecolor": FAINT, "direction": "clockwise", "rotation": 90},
        }
    )
    return figure


def _outline(
    report: Report, model: str, spokes: list[str], *, condition: str, colour: str
) -> go.Scatterpolar:
    """One closed line; a spoke on which this model has no number is a gap, never a zero."""
    numbers = [report.number(model, spoke, condition) for spoke in (*spokes, spokes[0])]
    return go.Scatterpolar(
        name=label_of(report, model),
        theta=[METRIC_NAMES[spoke] for spoke in (*spokes, spokes[0])],
        r=[None if number is None else 100 * number.value for number in numbers],
        customdata=[
            "" if number is None else f"{interval_text(number)}, n = {number.n}" for number in numbers
        ],
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 8},
        connectgaps=False,
        hovertemplate="%{fullData.name}<br>%{theta}: %{r:.1f} %{customdata}<extra></extra>",
    )


def reliability_figure(report: Report, condition: str = "image") -> go.Figure:
    """How often answers of each stated probability were right: a point a bin, its area in proportion to n.

    Empty where no probabilities were recorded. The curve of the whole
    text is dotted and at first hidden behind its name in the legend.
    """
    figure = go.Figure()
    perfect = {"color": GREY, "width": 1, "dash": "dash"}
    curves = [
        (place, model, name, conditions[condition][name])
        for place, (model, conditions) in enumerate(report.calibration.items())
        for name in CONFIDENCES
        if name in conditions.get(condition, {})
    ]
    if curves:
        figure.add_trace(
            go.Scatter(name="as stated", x=[0, 100], y=[0, 100], mode="lines", line=perfect, hoverinfo="skip")
        )
    most = max((row.n for *_, found in curves for row in found.curve), default=1)
    for place, model, name, found in curves:
        colour = LINES[place % len(LINES)]
        figure.add_trace(_curve(label_of(report, model), name, found, colour=colour, most=most))
    figure = styled(figure, f"Stated probability against answers right<br><sub>{RELIABILITY_CAPTION}</sub>")
    figure.update_xaxes(range=[-3, 103], title_text="mean stated probability, per cent")
    figure.update_yaxes(range=[-3, 108], title_text="answers right, per cent")
    return figure


def _curve(label: str, name: str, found: Calibration, *, colour: str, most: int) -> go.Scatter:
    rows = found.curve
    error = "" if found.value is None else f", ECE {100 * found.value:.1f} points"
    return go.Scatter(
        name=f"{label}, {CONFIDENCE_NAMES[name]}{error} (n = {found.n})",
        x=[100 * row.confidence for row in rows],
        y=[100 * row.accuracy for row in rows],
        mode="lines+markers+text",
        text=[f"{row.n:,}" for row in rows],
        textposition="top center",
        cliponaxis=False,
        line={"color": colour, "width": 1.5, "dash": DASHES[name]},
        marker={"size": [_dot(row.n, most) for row in rows], "sizemode": "diameter", "opacity": 0.8},
        customdata=[f"stated {100 * row.low:.0f} to {100 * row.high:.0f} %" for row in rows],
        hovertemplate="%{fullData.name}<br>%{customdata}: %{y:.1f} % of %{text} right<extra></extra>",
        visible=True if name == CONFIDENCES[0] else "legendonly",
    )


def _dot(n: int, most: int) -> float:
    """Diameter in pixels: the area is in proportion to n, but never too small to see."""
    return max(SMALLEST_DOT, LARGEST_DOT * (n / most) ** 0.5)
