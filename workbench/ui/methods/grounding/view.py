"""How well each method points, as text, chart and table of one stored grounding report. No gradio."""

import html
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from workbench.bench.grounding.report import CENTRE, chart_input, table_rows
from workbench.palette import NO_GROUND
from workbench.ui.methods.charts import COLOURS, FAINT, GREY
from workbench.ui.methods.desk import registry

MEANING = (
    "Pointing game: how often the strongest patch of the map lies on the lesion. The centre prior is a map "
    "that always points at the middle; a method that does no better shows nothing about the picture. 95 % "
    "intervals, resampled by picture. Only right answers are explained."
)
CENTRE_LABEL = "Control: centre of the picture"
ORIGINS = {"phantom": "drawn pictures (phantoms)"}


def grounding_view(report: Mapping[str, Any]) -> dict[str, Any]:
    """`about` (what was asked and answered), `chart` and `table` of one report."""
    header, rows = table_rows(report)
    place = header.index("method")
    named = [[*row[:place], method_label(row[place]), *row[place + 1 :]] for row in rows]
    return {
        "about": {"facts": MEANING, "notes": [_asked(one) for one in report["answered"]]},
        "chart": pointing_figure(report),
        "table": {
            "caption": f"Measured here, {report['date']}; in brackets 95 % intervals. “minus centre” is the "
            "difference to the control on the same answers: above 0 the method knows something.",
            "columns": [name[:1].upper() + name[1:] for name in header],
            "rows": named,
            "numeric": list(range(place + 1, len(header))),
        },
    }


def _asked(one: Mapping[str, Any]) -> str:
    where = ORIGINS.get(one["origin"], f"{one['origin']} pictures")
    return (
        f"{str(one['model']).capitalize()} model on {where}: {one['asked']} questions, {one['right']} "
        f"answered rightly, {one['explained']} explained."
    )


def method_label(name: str) -> str:
    """A method's name for people; the internal name of one that no longer exists."""
    if name == CENTRE:
        return CENTRE_LABEL
    spec = registry().get(name)
    return name if spec is None else spec.label


def pointing_figure(report: Mapping[str, Any]) -> go.Figure:
    """Pointing game in per cent, a row a method, a colour a model; whiskers are 95 % intervals."""
    figure, longest = go.Figure(), 1
    answers = {
        ", ".join((row["model"], row["origin"], row["span"])): row["n"] for row in report["rows"] if row["n"]
    }
    for place, bar in enumerate(chart_input(report, "pointing")):
        longest = max(longest, len(bar["x"]))
        spread = {side: [100 * value for value in bar["error_y"][side]] for side in ("array", "arrayminus")}
        figure.add_trace(
            go.Bar(
                name=html.escape(f"{bar['name']}, n = {answers[bar['name']]}"), orientation="h",
                x=[100 * value for value in bar["y"]],
                y=[html.escape(method_label(name)) for name in bar["x"]],
                error_x={"type": "data", "symmetric": False, "color": GREY, **spread},
                marker={"color": COLOURS[place % len(COLOURS)]},
                hovertemplate="%{y}: %{x:.0f} %<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    figure.update_layout(
        barmode="group", height=120 + 34 * longest, showlegend=True, font={"color": GREY, "size": 13},
        paper_bgcolor=NO_GROUND, plot_bgcolor=NO_GROUND,
        legend={"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom", "traceorder": "normal"},
        margin={"l": 8, "r": 12, "t": 40, "b": 44},
    )  # fmt: skip
    figure.update_xaxes(title_text="strongest patch on the lesion (%)", range=[0, 100], gridcolor=FAINT)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure
