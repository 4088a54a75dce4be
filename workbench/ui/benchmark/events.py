"""The Benchmark tab: what was measured here, base beside tuned; what others published, apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from workbench.bench.report.charts import METRICS, NAMES, axis_figure, difference_figure
from workbench.bench.report.figures import radar_figure, reliability_figure
from workbench.errors import UserFacing
from workbench.ui.benchmark.believe import believe_nodes
from workbench.ui.benchmark.compare import build_compare
from workbench.ui.benchmark.export import build_bench_export
from workbench.ui.benchmark.items.events import ItemsParts, build_items, every_part, start_items
from workbench.ui.benchmark.items.index import FIELDS
from workbench.ui.benchmark.nodes import Node, action, node
from workbench.ui.benchmark.published import build_published
from workbench.ui.benchmark.run.events import build_bench_run
from workbench.ui.benchmark.shelf import IMPORTED, IMPORTED_WORDS, MEASURED, RUN_WORDS, Shelf
from workbench.ui.benchmark.tables import (
    about_report,
    difference_table,
    score_table,
    slice_nodes,
)
from workbench.ui.boundary import AT_ONCE, guarded
from workbench.ui.html import components
from workbench.ui.services import Services

SLICES = [
    ("Modality", "modality"),
    ("Question type", "question_type"),
    ("Task", "task"),
    ("Data set", "dataset"),
    ("Body part", "body_part"),
    ("Closed or open", "answer_type"),
    ("Rare findings", "rare"),
]
CHARTS = [("Bars", "bars"), ("Radar", "radar")]
EMPTY = """**No results yet.** Run a benchmark below, or with this command and start the page again.

```
python -m workbench bench run --items phantoms --model base --model tuned \\
    --out assets/bench/results/phantoms
```
"""
READING = (
    "Bars start at zero and carry 95 % intervals; n stands under each group. The dashed line is what always "
    "giving the most frequent letter would score, the crosses are the same models on blanked pictures. "
    "A judge of fixed rules compares each step with the rubric of its question."
)
HEADINGS = {MEASURED: "### Measured here", IMPORTED: "### Imported, not measured here"}
TO_ITEMS = "() => document.querySelector('#bench-items-title').scrollIntoView({ block: 'start' })"


@dataclass(frozen=True)
class MeasuredParts:
    """What changes with the chosen result."""

    notice: gr.HTML
    heading: gr.Markdown
    about: gr.HTML
    axes: gr.Plot
    jumps: gr.HTML
    believe: gr.HTML
    reliability: gr.Plot
    differences: gr.Plot
    scores: gr.HTML
    gaps: gr.HTML
    slices: gr.HTML

    def every(self) -> list[Any]:
        return [getattr(self, name) for name in self.__dataclass_fields__]


@dataclass(frozen=True)
class Controls:
    """What the visitor chooses from."""

    result: gr.Dropdown
    field: gr.Dropdown
    chart: gr.Radio


def build_benchmark_screen(folder: Path, tab: gr.Tab, services: Services) -> ItemsParts:
    """Lay the tab out and wire it; call it inside `tab`. Returns the items, for "Open in Case"."""
    shelf = Shelf(folder, services.settings)
    notice = components.notice("bench-notice")
    empty = gr.Markdown(EMPTY, elem_id="bench-empty", visible=not shelf.names(None))
    with gr.Column(visible=bool(shelf.names(None)), elem_id="bench-measured") as body:
        controls, ui, items = _measured(shelf, notice)
    build_compare(shelf, controls.result)
    arrived = build_bench_run(services, notice, shelf)
    build_bench_export(controls.result, shelf)
    _wire_items(shelf, controls, ui, items, (tab, arrived))
    _wire(shelf, controls, ui, (tab, arrived), (body, empty))
    build_published()
    return items


def _measured(shelf: Shelf, notice: gr.HTML) -> tuple[Controls, MeasuredParts, ItemsParts]:
    names = list(shelf.names(None))
    first = next(iter(names), None)
    with gr.Row():
        choice = gr.Dropdown(names, value=first, label="Result", filterable=False, min_width=200)
        field = gr.Dropdown(SLICES, value="modality", label="Break down by", filterable=False, min_width=200)
        chart = gr.Radio(CHARTS, value="bars", label="Draw the axes as", min_width=200)
    shown, fault = _first_view(shelf, first)
    ui = _lay_out(notice, shown)
    if fault:
        gr.Markdown(fault)
    return Controls(choice, field, chart), ui, build_items(shelf, choice)


def _lay_out(notice: gr.HTML, shown: Mapping[str, Any]) -> MeasuredParts:
    heading = gr.Markdown(shown["heading"], elem_id="bench-heading")
    about = components.notes("bench-about", shown["about"])
    with gr.Row(elem_id="bench-top", equal_height=False):
        with gr.Column(scale=3, elem_id="bench-bars"):
            gr.Markdown(READING)
            axes = gr.Plot(shown["axes"], label="Score by axis, base beside tuned", elem_id="bench-axes")
            jumps = components.panel("bench-jumps", shown["jumps"], "Items behind a score")
            differences = gr.Plot(
                shown["differences"], label="Difference between the models", elem_id="bench-forest"
            )
        with gr.Column(scale=2, elem_id="bench-believe-column"):
            believe = components.panel("bench-believe", shown["believe"], "Why believe this")
            with gr.Accordion("Reliability curve", open=False):
                reliability = gr.Plot(shown["reliability"], label="Reliability", elem_id="bench-reliability")
    gaps = components.table("bench-gaps", shown["gaps"])
    slices = components.panel("bench-slices", shown["slices"], "Breakdown")
    with gr.Accordion("All numbers", open=False):
        scores = components.table("bench-scores", shown["scores"])
    return MeasuredParts(
        notice, heading, about, axes, jumps, believe, reliability, differences, scores, gaps, slices
    )


def _first_view(shelf: Shelf, name: str | None) -> tuple[dict[str, Any], str]:
    """The view of the first result; empty, with the reason, when its report is broken or there is none."""
    nothing = dict.fromkeys(MeasuredParts.__dataclass_fields__)
    try:
        return (report_view(shelf.report(None, name), "modality") if name else nothing), ""
    except UserFacing as fault:
        return nothing, str(fault)


def _wire(
    shelf: Shelf,
    controls: Controls,
    ui: MeasuredParts,
    news: tuple[gr.Tab, gr.State],
    blocks: tuple[gr.Column, gr.Markdown],
) -> None:
    """The figures follow the controls; a result that a run or an import brought is chosen by itself.

    The page is built once for all visitors: what was measured since is found when the tab is first opened.
    """
    (tab, arrived), (body, empty) = news, blocks
    seen, built = gr.State(False), list(shelf.names(None))

    def view(session: str | None, name: str, by: str, chart: str = "bars") -> dict[Any, Any]:
        found = report_view(shelf.report(session, name), by, chart)
        return {getattr(ui, part): value for part, value in found.items()}

    @guarded(ui.notice)
    def show(name: str, by: str, chart: str, request: gr.Request) -> dict[Any, Any]:
        return view(request.session_hash, name, by, chart)

    def chosen_now(session: str | None, name: str, by: str, chart: str) -> dict[Any, Any]:
        return {
            controls.result: gr.Dropdown(choices=list(shelf.names(session)), value=name),
            body: gr.Column(visible=True),
            empty: gr.Markdown(visible=False),
            **view(session, name, by, chart),
        }

    @guarded(ui.notice)
    def take(told: Mapping[str, Any], by: str, chart: str, request: gr.Request) -> dict[Any, Any]:
        return chosen_now(request.session_hash, told["name"], by, chart)

    @guarded(ui.notice)
    def first_opened(done: bool, name: str, by: str, chart: str, request: gr.Request) -> dict[Any, Any]:
        names = list(shelf.names(request.session_hash))
        if done or not names:
            return {}
        name = name if name in names else names[0]
        if names == built and RUN_WORDS not in name:  # drawn already, and nothing of it can have changed
            return {seen: True}
        return chosen_now(request.session_hash, name, by, chart) | {seen: True}

    chosen = [controls.result, controls.field, controls.chart]
    for control in chosen:
        control.input(show, chosen, ui.every(), **AT_ONCE)
    outputs = [controls.result, body, empty, *ui.every()]
    arrived.change(take, [arrived, *chosen[1:]], outputs, **AT_ONCE)
    tab.select(first_opened, [seen, *chosen], [*outputs, seen], **AT_ONCE)


def _wire_items(
    shelf: Shelf,
    controls: Controls,
    ui: MeasuredParts,
    items: ItemsParts,
    news: tuple[gr.Tab, gr.State],
) -> None:
    """The items follow the result; a bar, a button below the chart and a row of the breakdown narrow them.

    They are read when the tab is opened, not when the page is built: 100,000 lines take seconds.
    """
    (tab, arrived), filled = news, gr.State("")

    @guarded(items.notice)
    def fill(name: str, before: str, request: gr.Request) -> dict[Any, Any]:
        if not name or name == before:
            return {}
        return start(request.session_hash, name) | {filled: name}

    @guarded(items.notice)
    def renew(told: Mapping[str, Any], before: str, request: gr.Request) -> dict[Any, Any]:
        # Of another result they follow the choice; the same one has new lines when its run went on.
        return start(request.session_hash, before) if told["name"] == before else {}

    @guarded(items.notice)
    def behind(session: str | None, name: str, told: Mapping[str, Any]) -> dict[Any, Any]:
        groups = {NAMES[metric]: metric for metric in METRICS}
        score = told.get("score") or groups.get(told.get("group", ""), "")
        fields = {key: str(told.get("value", "")) for key in [told.get("field")] if key in FIELDS}
        return start(session, name, fields, score) | {filled: name}

    def start(session: str | None, name: str, *narrowed: Any) -> dict[Any, Any]:
        return start_items(items, shelf.folder(session, name), shelf.report(session, name), *narrowed)

    def clicked(event: gr.EventData, request: gr.Request, name: str) -> dict[Any, Any]:
        return behind(request.session_hash, name, event._data or {})

    outputs = [*every_part(items), filled]
    for event in (tab.select, controls.result.change):
        event(fill, [controls.result, filled], outputs, **AT_ONCE)
    arrived.change(renew, [arrived, filled], outputs, **AT_ONCE)
    for source in (components.bar_clicks(), ui.jumps, ui.slices):
        source.click(clicked, controls.result, outputs, **AT_ONCE).then(None, None, None, js=TO_ITEMS)


def report_view(report: Mapping[str, Any], by: str, chart: str = "bars") -> dict[str, Any]:
    """What the tab shows of one report, by the names of MeasuredParts."""
    return {
        "heading": HEADINGS[report["origin"]],
        "about": {"facts": about_report(report), "notes": []},
        "axes": _of_origin(radar_figure(report) if chart == "radar" else axis_figure(report), report),
        "jumps": [_jumps(report)],
        "believe": believe_nodes(report),
        "reliability": _of_origin(reliability_figure(report), report),
        "differences": _of_origin(difference_figure(report), report) if report["differences"] else None,
        "scores": score_table(report),
        "gaps": difference_table(report),
        "slices": slice_nodes(report, by),
    }


def _of_origin(figure: go.Figure, report: Mapping[str, Any]) -> go.Figure:
    """The figure with the origin of its numbers in its own words, which are saved with it."""
    if report["origin"] == MEASURED:
        return figure
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        if axis.title.text:
            axis.title.text = axis.title.text.replace("measured here", IMPORTED_WORDS)
    if IMPORTED_WORDS not in figure.layout.title.text:
        figure.layout.title.text += f"<br><sub>{IMPORTED_WORDS.capitalize()}</sub>"
    return figure


def _jumps(report: Mapping[str, Any]) -> Node:
    """A button for every group of the axis chart."""
    judged = any(part.get("image") for part in report["axes"].values())
    buttons = [
        action(NAMES[metric], {"score": metric}) for metric in METRICS if judged or metric == "accuracy"
    ]
    said = node("span", "Show the items behind (or click a bar):", cls="wb-small")
    return node("div", said, *buttons, cls="wb-chips", role="group", aria_label="Items behind a score")
