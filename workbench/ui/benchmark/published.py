"""What others published or re-evaluated: two panels, apart from each other and from what is measured here."""

from dataclasses import dataclass

import plotly.graph_objects as go

from workbench.bench.reports.charts import published_figure
from workbench.bench.reports.published import Origin, PublishedTable
from workbench.palette import numbered
from workbench.ui.benchmark.tables import published_rows
from workbench.ui.html.nodes import Node, bullets, node, table_node

QUOTED = "Read in a text by others, not at the source itself."
UNTUNED = " (untuned)"


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
        numbered("published"),
    ),
    Panel(
        "re-evaluated",
        "### Re-evaluated by others, not measured here",
        "The same weights under other groups' judges and prompts. These numbers replace none of those above.",
        ("wb-published", "wb-reevaluated"),
        "x",
        numbered("reevaluated"),
    ),
)


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
