"""Plotly figures of the Methods screen. Every text that may come from a model is escaped."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from workbench.palette import LIGHT, NO_GROUND, numbered

if TYPE_CHECKING:
    from workbench.ui.methods.desk import Entry

COLOURS = numbered("series")  # people with colour blindness tell them apart, as they do the symbols
SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star", "hexagon")
GREY, FAINT = LIGHT["chart-ink"], LIGHT["chart-grid"]
HALVES = ("deletion", "insertion")
TITLES = {
    "deletion": "Deletion: lower is better",
    "insertion": "Insertion: higher is better",
}
AXES = {
    "deletion": "part taken away, strongest first",
    "insertion": "part put back, strongest first",
}


def curve_figures(entries: "Sequence[Entry]") -> tuple[go.Figure, go.Figure] | None:
    """Deletion and insertion: one line a method, random orders as a band, the centre dashed.

    The vertical axis is the log probability of the words in nats, with one range for both. None when nothing
    was measured.
    """
    measured = measured_entries(entries)
    if not measured:
        return None
    both = tuple(_half(measured, half) for half in HALVES)
    values = np.concatenate([np.asarray(trace.y, float) for figure in both for trace in figure.data])
    margin = 0.06 * max(float(np.ptp(values)), 1e-3)
    for figure in both:
        figure.update_yaxes(range=[values.min() - margin, values.max() + margin])
    return both


def measured_entries(entries: "Sequence[Entry]") -> "list[Entry]":
    """The entries that have curves."""
    return [entry for entry in entries if entry.trust is not None and entry.trust.perturbation is not None]


def curves_note(entries: "Sequence[Entry]", span: str) -> str:
    """What the curves show and how they were made; "" without curves."""
    measured = measured_entries(entries)
    if not measured:
        return ""
    found = measured[0].trust.perturbation
    return (
        f"Log probability of the words “{span[:80]}” while parts of the picture are taken away or put back. "
        f"Controls: {len(found.random)} random orders, each also walked backwards, and the centre first. "
        f"What is taken away shows the picture's {found.fill} instead."
    )


def _half(measured: "Sequence[Entry]", half: str) -> go.Figure:
    figure = go.Figure(_controls(measured[0], half))
    figure.add_traces([_line(entry, half, place) for place, entry in enumerate(measured)])
    figure.update_xaxes(title_text=AXES[half], tickformat=".0%", gridcolor=FAINT, zeroline=False)
    figure.update_yaxes(title_text="log probability (nats)", gridcolor=FAINT, zeroline=False)
    return _styled(figure, TITLES[half])


def _line(entry: "Entry", half: str, place: int) -> go.Scatter:
    curve = entry.trust.perturbation.of_map
    return go.Scatter(
        x=curve.fractions, y=getattr(curve, half), mode="lines+markers", name=html.escape(entry.label),
        line={"color": COLOURS[place % len(COLOURS)], "width": 2},
        marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 6},
        hovertemplate="%{fullData.name}: %{y:.3f} nats at %{x:.0%}<extra></extra>",
    )  # fmt: skip


def _controls(entry: "Entry", half: str) -> list[go.Scatter]:
    """Range and mean of the random orders (walked both ways) and the centre of the picture first."""
    found = entry.trust.perturbation
    at = found.random[0].fractions
    # Backwards, an order has removed after k steps what it keeps after n − k steps forwards.
    other = HALVES[1 - HALVES.index(half)]
    rows = np.array(
        [values for curve in found.random for values in (getattr(curve, half), getattr(curve, other)[::-1])]
    )
    low, high = rows.min(0), rows.max(0)
    quiet: dict[str, Any] = {"mode": "lines", "hoverinfo": "skip"}
    return [
        go.Scatter(
            x=np.concatenate([at, at[::-1]]), y=np.concatenate([high, low[::-1]]), fill="toself",
            fillcolor=FAINT, line={"width": 0}, name="Control: random, range", **quiet,
        ),
        go.Scatter(
            x=at, y=rows.mean(0), name="Control: random, mean", line={"color": GREY, "width": 1.5}, **quiet
        ),
        go.Scatter(
            x=at, y=getattr(found.centre, half), name="Control: centre first",
            line={"color": GREY, "width": 1.5, "dash": "dash"}, **quiet,
        ),
    ]  # fmt: skip


def _styled(figure: go.Figure, title: str) -> go.Figure:
    """Transparent ground and a middle ink, readable on a light and on a dark page."""
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left"}, height=440,
        font={"color": GREY, "size": 13}, showlegend=True,
        paper_bgcolor=NO_GROUND, plot_bgcolor=NO_GROUND,
        legend={"orientation": "h", "y": -0.25, "x": 0, "yanchor": "top"},
        margin={"l": 56, "r": 12, "t": 48, "b": 40},
    )  # fmt: skip
    return figure
