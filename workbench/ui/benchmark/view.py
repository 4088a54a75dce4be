"""What the Benchmark tab shows of one report, by the names of its components. Plain data, no gradio."""

from typing import Any

import plotly.graph_objects as go

from workbench.bench.reports.charts import axis_figure, difference_figure
from workbench.bench.reports.figures import radar_figure, reliability_figure
from workbench.bench.reports.labels import METRIC_NAMES
from workbench.bench.reports.model import Report
from workbench.bench.scores.measure import METRICS
from workbench.ui.benchmark.believe import believe_nodes
from workbench.ui.benchmark.shelf import IMPORTED, IMPORTED_WORDS, MEASURED
from workbench.ui.benchmark.tables import about_report, difference_table, score_table, slice_nodes
from workbench.ui.html.nodes import Node, action, node

HEADINGS = {MEASURED: "### Measured here", IMPORTED: "### Imported, not measured here"}


def report_view(report: Report, by: str, chart: str = "bars") -> dict[str, Any]:
    """What the tab shows of one report, by the names of `layout.ReportComponents`."""
    return {
        "heading": HEADINGS[report.origin],
        "about": {"facts": about_report(report), "notes": []},
        "axes": _of_origin(radar_figure(report) if chart == "radar" else axis_figure(report), report),
        "jumps": [_jumps(report)],
        "believe": believe_nodes(report),
        "reliability": _of_origin(reliability_figure(report), report),
        "differences": _of_origin(difference_figure(report), report) if report.differences else None,
        "scores": score_table(report),
        "gaps": difference_table(report),
        "slices": slice_nodes(report, by),
    }


def _of_origin(figure: go.Figure, report: Report) -> go.Figure:
    """The figure with the origin of its numbers in its own words, which are saved with it."""
    if report.origin == MEASURED:
        return figure
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        if axis.title.text:
            axis.title.text = axis.title.text.replace("measured here", IMPORTED_WORDS)
    if IMPORTED_WORDS not in figure.layout.title.text:
        figure.layout.title.text += f"<br><sub>{IMPORTED_WORDS.capitalize()}</sub>"
    return figure


def _jumps(report: Report) -> Node:
    """A button for every group of the axis chart."""
    judged = any(part.get("image") for part in report.axes.values())
    metrics = METRICS if judged else ("accuracy",)
    buttons = [action(METRIC_NAMES[metric], {"score": metric}) for metric in metrics]
    said = node("span", "Show the items behind (or click a bar):", cls="wb-small")
    return node("div", said, *buttons, cls="wb-chips", role="group", aria_label="Items behind a score")
