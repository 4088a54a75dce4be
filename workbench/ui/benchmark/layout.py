"""The components of the Benchmark tab: what was measured here, and apart from it what others published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from workbench.bench.reports.labels import SLICE_NAMES
from workbench.bench.reports.published import PKR_TABLE, PublishedTable, load_published, published_csv
from workbench.errors import UserFacing
from workbench.ui.benchmark.export import FIGURES, KINDS
from workbench.ui.benchmark.items.layout import ItemsComponents, lay_out_items
from workbench.ui.benchmark.published import PANELS, Panel, panel_figure, table_nodes
from workbench.ui.benchmark.run.desk import BenchDesk
from workbench.ui.benchmark.run.layout import RunComponents, lay_out_run
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.benchmark.view import report_view
from workbench.ui.html import components

FIRST_SLICE = "modality"
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
COMPARING = (
    "Second − first, paired on the questions that both answered. Runs on different questions are not "
    "compared."
)
SIDES = ("First", "Second")
FEWEST_BARS = 3  # fewer published numbers are read faster in the table


@dataclass(frozen=True)
class Controls:
    """What the visitor chooses from."""

    result: gr.Dropdown
    field: gr.Dropdown
    chart: gr.Radio

    @property
    def every(self) -> list[Any]:
        return [self.result, self.field, self.chart]


@dataclass(frozen=True)
class ReportComponents:
    """What shows the chosen result, by the names of `view.report_view`."""

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

    @property
    def every(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class SideMenus:
    """The three menus of one side of a comparison."""

    result: gr.Dropdown
    model: gr.Dropdown
    condition: gr.Dropdown

    @property
    def every(self) -> list[Any]:
        return [self.result, self.model, self.condition]


@dataclass(frozen=True)
class CompareComponents:
    """Two runs side by side, and what their comparison shows."""

    fold: gr.Accordion
    sides: tuple[SideMenus, ...]
    compare: gr.Button
    notice: gr.HTML
    outcome: gr.HTML

    @property
    def menus(self) -> list[Any]:
        return [menu for side in self.sides for menu in side.every]


@dataclass(frozen=True)
class SaveComponents:
    """Buttons by kind of file, and the link by which the browser fetches what was written."""

    files: dict[str, gr.Button]
    figure: gr.Dropdown
    pictures: dict[str, gr.Button]
    notice: gr.HTML
    status: gr.HTML
    link: gr.DownloadButton


@dataclass(frozen=True)
class BenchmarkComponents:
    """The components of the tab, by name; `filled` is the result whose items are shown."""

    tab: gr.Tab
    notice: gr.HTML
    empty: gr.Markdown
    body: gr.Column
    controls: Controls
    report: ReportComponents
    items: ItemsComponents
    compare: CompareComponents
    run: RunComponents
    save: SaveComponents
    bar_clicks: gr.HTML
    drawn: gr.State
    filled: gr.State


def lay_out_benchmark(shelf: Shelf, desk: BenchDesk, tab: gr.Tab) -> BenchmarkComponents:
    """Lay the tab out with the first result on it; call it inside `tab`."""
    names = list(shelf.names(None))
    notice = components.notice("bench-notice")
    empty = gr.Markdown(EMPTY, elem_id="bench-empty", visible=not names)
    with gr.Column(visible=bool(names), elem_id="bench-measured") as body:
        controls = _controls(names)
        report = _report(shelf, names[0] if names else None)
        items = lay_out_items()
    compare = _compare(names)
    run = lay_out_run(desk)
    save = lay_out_saving()
    bar_clicks = components.bar_clicks()
    lay_out_published()
    return BenchmarkComponents(
        tab, notice, empty, body, controls, report, items, compare, run, save, bar_clicks, gr.State(False),
        gr.State(""),
    )  # fmt: skip


def _controls(names: Sequence[str]) -> Controls:
    with gr.Row():
        first = names[0] if names else None
        return Controls(
            gr.Dropdown(names, value=first, label="Result", filterable=False, min_width=200),
            gr.Dropdown(
                [(label, name) for name, label in SLICE_NAMES.items()],
                value=FIRST_SLICE,
                label="Break down by",
                filterable=False,
                min_width=200,
            ),
            gr.Radio(CHARTS, value="bars", label="Draw the axes as", min_width=200),
        )


def _report(shelf: Shelf, name: str | None) -> ReportComponents:
    """Everything about the result of that name; without one, or with a broken report, all of it is empty."""
    view: Mapping[str, Any] = dict.fromkeys(field.name for field in fields(ReportComponents))
    broken = ""
    try:
        view = report_view(shelf.report(None, name), FIRST_SLICE) if name else view
    except UserFacing as fault:
        broken = str(fault)
    drawn = _draw_report(view)
    if broken:
        gr.Markdown(broken)
    return drawn


def _draw_report(view: Mapping[str, Any]) -> ReportComponents:
    heading = gr.Markdown(view["heading"], elem_id="bench-heading")
    about = components.notes("bench-about", view["about"])
    with gr.Row(elem_id="bench-top", equal_height=False):
        with gr.Column(scale=3, elem_id="bench-bars"):
            gr.Markdown(READING)
            axes = gr.Plot(view["axes"], label="Score by axis, base beside tuned", elem_id="bench-axes")
            jumps = components.panel("bench-jumps", view["jumps"], "Items behind a score")
            differences = gr.Plot(
                view["differences"], label="Difference between the models", elem_id="bench-forest"
            )
        with gr.Column(scale=2, elem_id="bench-believe-column"):
            believe = components.panel("bench-believe", view["believe"], "Why believe this")
            with gr.Accordion("Reliability curve", open=False):
                reliability = gr.Plot(view["reliability"], label="Reliability", elem_id="bench-reliability")
    gaps = components.table("bench-gaps", view["gaps"])
    slices = components.panel("bench-slices", view["slices"], "Breakdown")
    with gr.Accordion("All numbers", open=False):
        scores = components.table("bench-scores", view["scores"])
    return ReportComponents(
        heading, about, axes, jumps, believe, reliability, differences, scores, gaps, slices
    )


def _compare(names: Sequence[str]) -> CompareComponents:
    with gr.Accordion("Compare any two runs", open=False, elem_id="bench-compare") as fold:
        gr.Markdown(COMPARING)
        sides = tuple(_side(side, names) for side in SIDES)
        compare = gr.Button("Compare", variant="primary", elem_id="bench-compare-run")
        notice = components.notice("bench-compare-notice")
        outcome = components.panel("bench-compare-shown", None, "Comparison")
    return CompareComponents(fold, sides, compare, notice, outcome)


def _side(side: str, results: Sequence[str]) -> SideMenus:
    def menu(label: str, choices: Sequence[Any], value: str | None) -> gr.Dropdown:
        return gr.Dropdown(choices, value=value, label=f"{side}: {label}", filterable=False, min_width=150)

    with gr.Row():
        first = results[0] if results else None
        return SideMenus(menu("result", results, first), menu("model", [], None), menu("picture", [], None))


def lay_out_saving() -> SaveComponents:
    """The accordion that saves a result and its figures."""
    with gr.Accordion("Save", open=False, elem_id="bench-save"):
        with gr.Row():
            files = {
                kind: gr.Button(label, min_width=120, elem_id=f"bench-save-{kind}")
                for kind, label in KINDS.items()
            }
        with gr.Row():
            figure = gr.Dropdown(
                list(FIGURES), value=next(iter(FIGURES)), label="Figure", filterable=False, min_width=160,
                elem_id="bench-save-figure",
            )  # fmt: skip
            pictures = {
                kind: gr.Button(f"{kind.upper()} as shown", min_width=100, elem_id=f"bench-save-{kind}")
                for kind in ("png", "svg")
            }
        notice = components.notice("bench-save-notice")
        status = components.status_line("bench-save-status")
        link = gr.DownloadButton("Saved file", visible="hidden", elem_id="bench-save-link")
    return SaveComponents(files, figure, pictures, notice, status, link)


def lay_out_published() -> None:
    """Both panels of published figures, on which nothing happens; the reason where they can't be read."""
    try:
        tables = load_published()
    except UserFacing as fault:
        gr.Markdown(str(fault), elem_id="bench-published")
        return
    with gr.Column(elem_id="bench-published"):
        for panel in PANELS:
            with gr.Column(elem_classes=list(panel.classes)):
                _panel(panel, [table for table in tables if table.origin == panel.origin])
        files = [
            {
                "name": "published-figures.csv", "label": "these figures (CSV)", "type": "text/csv",
                "text": published_csv(tables),
            }
        ]  # fmt: skip
        components.export_buttons("bench-published-save", "Save the published figures", files)


def _panel(panel: Panel, tables: Sequence[PublishedTable]) -> None:
    gr.Markdown(f"{panel.title}\n\n{panel.said}")
    for table in sorted(tables, key=lambda entry: entry.id != PKR_TABLE):
        with gr.Accordion(f"{table.system}: {table.title}", open=table.id == PKR_TABLE):
            if sum(cell is not None for row in table.rows.values() for cell in row) >= FEWEST_BARS:
                gr.Plot(panel_figure(panel, table), label=f"{table.title}, {table.origin}")
            components.panel(f"published-{table.id}", table_nodes(table), f"{table.system}: {table.title}")
