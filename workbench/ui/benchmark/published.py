"""What others published or re-evaluated: two panels, apart from each other and from what is measured here."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
import plotly.graph_objects as go

from workbench.bench.report.charts import published_figure
from workbench.bench.report.published import PKR_TABLE, Origin, PublishedTable, load_published, published_csv
from workbench.errors import UserFacing
from workbench.ui.benchmark.nodes import Node, bullets, node, table_node
from workbench.ui.benchmark.tables import published_rows
from workbench.ui.html import components

QUOTED = "Read in a text by others, not at the source itself."
UNTUNED = " (untuned)"
FEWEST_BARS = 3  # fewer numbers are read faster in the table


@dataclass(frozen=True)
class Panel:
    """How the figures of one origin are introduced and drawn; each origin has its own hatch and colours."""

    origin: Origin
    title: str
    said: str
    classes: tuple[str, ...]
    hatch: str
    shades: tuple[str, ...]


PANELS = (
    Panel(
        "published",
        "### Published by their authors, not measured here",
        "As printed, each system under its own protocol: rows of different tables can't be compared.",
        ("wb-published",),
        "/",
        ("#d6d3d1", "#a8a29e", "#78716c", "#57534e"),
    ),
    Panel(
        "re-evaluated",
        "### Re-evaluated by others, not measured here",
        "The same weights under other groups' judges and prompts. These numbers replace none of those above.",
        ("wb-published", "wb-reevaluated"),
        "x",
        ("#fde68a", "#fbbf24", "#d97706", "#92400e"),
    ),
)


def build_published() -> None:
    """Lay both panels out; call it inside a `gr.Tab`. A data file that can't be read becomes a sentence."""
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
        host = '<div class="wb-chips" role="group" aria-label="Save the published figures" data-host></div>'
        components.part("export", files, host, elem_id="bench-published-save")


def _panel(panel: Panel, tables: Sequence[PublishedTable]) -> None:
    gr.Markdown(f"{panel.title}\n\n{panel.said}")
    for table in sorted(tables, key=lambda entry: entry.id != PKR_TABLE):
        with gr.Accordion(f"{table.system}: {table.title}", open=table.id == PKR_TABLE):
            if sum(cell is not None for row in table.rows.values() for cell in row) >= FEWEST_BARS:
                gr.Plot(panel_figure(panel, table), label=f"{table.title}, {table.origin}")
            components.panel(f"published-{table.id}", table_nodes(table), f"{table.system}: {table.title}")


def panel_figure(panel: Panel, table: PublishedTable) -> go.Figure:
    """The bars of one table in the hatch and colours of its origin."""
    figure = published_figure(table)
    for place, trace in enumerate(figure.data):
        trace.marker.pattern.shape = panel.hatch
        trace.marker.color = panel.shades[place % len(panel.shades)]
    return figure


def table_nodes(table: PublishedTable) -> list[Node]:
    """A table as its source prints it, the untuned model named, with its warnings and its contradictions."""
    shown = published_rows(table)
    rows = [[f"{name}{UNTUNED}" if name == table.base else name, *cells] for name, *cells in shown["rows"]]
    warnings = [*([QUOTED] if table.evidence == "quoted" else []), *table.warnings]
    nodes = [table_node(shown["caption"], shown["columns"], rows, shown["numeric"]), bullets(warnings)]
    if table.footnotes:
        nodes.append(node("h5", "Where the sources contradict each other"))
        nodes += [
            node("p", note.text, " ", node("span", f"[{'; '.join(note.sources)}]", cls="wb-small"))
            for note in table.footnotes
        ]
    return nodes
