"""How well each method points, from stored grounding runs: tables and charts at the end of Methods."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from workbench.errors import UserFacing
from workbench.places import ASSETS
from workbench.ui.boundary import AT_ONCE, guarded
from workbench.ui.html import components
from workbench.ui.methods.charts import COLOURS, FAINT, GREY

FOLDER = ASSETS / "bench" / "grounding"
TITLE = "### How well each method points, measured on pictures with known lesions"
MEANING = (
    "Pointing game: how often the strongest patch of the map lies on the lesion. The centre prior is a map "
    "that always points at the middle; a method that does no better shows nothing about the picture. 95 % "
    "intervals, resampled by picture. Only right answers are explained."
)
CENTRE_LABEL = "Control: centre of the picture"
ORIGINS = {"phantom": "drawn pictures (phantoms)"}


@dataclass(frozen=True)
class GroundingParts:
    """The components of one stored report, which lies in `file`."""

    file: Path
    notice: gr.HTML
    about: gr.HTML
    chart: gr.Plot
    table: gr.HTML


def build_grounding(tab: gr.Tab, folder: Path = FOLDER) -> list[GroundingParts]:
    """Lay out and wire one block for each report in `folder`; nothing at all without one.

    The reports are read when the tab is opened, as their methods' names come with the model code.
    """
    files = sorted(folder.glob("*.json"))
    if files:
        gr.Markdown(TITLE)
    built = []
    for number, file in enumerate(files):
        ui = GroundingParts(
            file, components.notice(f"methods-grounding-notice-{number}"),
            components.notes(f"methods-grounding-about-{number}"),
            gr.Plot(show_label=False, label="Pointing game by method", visible=False),
            _folded_table(f"methods-grounding-{number}"),
        )  # fmt: skip
        _wire(ui, tab)
        built.append(ui)
    return built


def _folded_table(elem_id: str) -> gr.HTML:
    with gr.Accordion("All numbers", open=False):
        return components.table(elem_id, None)


def _wire(ui: GroundingParts, tab: gr.Tab) -> None:
    @guarded(ui.notice)
    def show() -> dict[Any, Any]:
        from workbench.bench.grounding.report import load_grounding

        report = load_grounding(ui.file)
        try:
            view = grounding_view(report)
        except (KeyError, TypeError) as fault:
            raise UserFacing(f"The report {ui.file.name!r} can't be read.", "Make it again.") from fault
        return {
            ui.about: view["about"], ui.table: view["table"],
            ui.chart: gr.Plot(value=view["chart"], visible=True),
        }  # fmt: skip

    tab.select(show, None, [ui.notice, ui.about, ui.chart, ui.table], **AT_ONCE)


def grounding_view(report: Mapping[str, Any]) -> dict[str, Any]:
    """`about` (what was asked and answered), `chart` and `table` of one report."""
    from workbench.bench.grounding.report import table_rows

    header, rows = table_rows(report)
    place = header.index("method")
    shown = [[*row[:place], method_label(row[place]), *row[place + 1 :]] for row in rows]
    return {
        "about": {"facts": MEANING, "notes": [_asked(one) for one in report["answered"]]},
        "chart": pointing_figure(report),
        "table": {
            "caption": f"Measured here, {report['date']}; in brackets 95 % intervals. “minus centre” is the "
            "difference to the control on the same answers: above 0 the method knows something.",
            "columns": [name[:1].upper() + name[1:] for name in header],
            "rows": shown,
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
    from workbench.bench.grounding.report import CENTRE
    from workbench.ui.methods.desk import registry

    if name == CENTRE:
        return CENTRE_LABEL
    spec = registry().get(name)
    return name if spec is None else spec.label


def pointing_figure(report: Mapping[str, Any]) -> go.Figure:
    """Pointing game in per cent, a row a method, a colour a model; whiskers are 95 % intervals."""
    from workbench.bench.grounding.report import chart_input

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
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom", "traceorder": "normal"},
        margin={"l": 8, "r": 12, "t": 40, "b": 44},
    )  # fmt: skip
    figure.update_xaxes(title_text="strongest patch on the lesion (%)", range=[0, 100], gridcolor=FAINT)
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure
