"""What the Methods screen shows of the shared pass beside maps: figures, tables, pictures. No gradio."""

import html
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go

from workbench.imaging.colormaps import colormap_table
from workbench.imaging.overlay import splat
from workbench.imaging.reading import region_in_words
from workbench.palette import LIGHT, NO_GROUND, rgb
from workbench.ui.html.nodes import Node, node
from workbench.ui.methods.charts import FAINT, GREY
from workbench.ui.methods.desk import Comparison
from workbench.ui.methods.evidence.desk import BothModels, WordSource
from workbench.ui.methods.view import figure, overlay, percent
from workbench.ui.viewer.payload import png_data_url

# In the order of `timeline.GROUPS`; a texture each for people without colours.
SOURCES = ("Picture", "Question", "Answer so far", "Sinks")
FILLS = tuple(LIGHT[name] for name in ("series-2", "series-6", "series-3", "series-none"))
PATTERNS = ("", "/", ".", "x")
MEANING = (
    "How the attention that produced each word was divided between the picture, the question (with its "
    "instructions), the answer written so far, and sinks, which are places that take up attention whatever "
    "is asked. Mean over all layers and heads; it says where the model read, not what decided the word."
)
MOST_WORDS = 12  # rows of the table of changes
SHEET_WIDTH, GAP, MARGIN = 1000, 3, 46  # pixels of the picture of all heads
GROUND, INK = rgb(LIGHT["picture-ground"]), rgb(LIGHT["line"])
CHANGE_SCALE = "less in the tuned model (−), more in the tuned model (+)"


def timeline_figure(words: Sequence[WordSource]) -> go.Figure:
    """Stacked bars, one a word: the parts of its attention in per cent, words in the order of the answer."""
    labels = [f"{number} {html.escape(word.text[:16])}" for number, word in enumerate(words, 1)]
    chart = go.Figure(
        [
            go.Bar(
                x=labels, y=[100 * float(word.shares[place]) for word in words], name=name,
                marker={
                    "color": FILLS[place], "line": {"width": 0},
                    "pattern": {"shape": PATTERNS[place], "solidity": 0.25, "size": 5},
                },
                hovertemplate="%{x}<br>%{fullData.name}: %{y:.0f} %<extra></extra>",
            )
            for place, name in enumerate(SOURCES)
        ]
    )  # fmt: skip
    chart.update_layout(
        barmode="stack", bargap=0.12, height=430, font={"color": GREY, "size": 13},
        paper_bgcolor=NO_GROUND, plot_bgcolor=NO_GROUND,
        legend={"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom", "traceorder": "normal"},
        margin={"l": 50, "r": 8, "t": 40, "b": 90},
    )  # fmt: skip
    chart.update_yaxes(title_text="share of attention (%)", range=[0, 100], gridcolor=FAINT, zeroline=False)
    chart.update_xaxes(tickangle=-60, gridcolor=FAINT, automargin=True)
    return chart


def timeline_note(words: Sequence[WordSource]) -> dict[str, Any] | None:
    """The meaning of the chart and its main figures in words; None without words."""
    if not words:
        return None
    shares = np.stack([word.shares for word in words])
    mean = ", ".join(
        f"{name.lower()} {percent(part)}" for name, part in zip(SOURCES, shares.mean(0), strict=True)
    )
    best = words[int(shares[:, 0].argmax())]
    said = f"Mean over {len(words)} words: {mean}. Most from the picture: “{best.text[:40]}”, "
    return {"facts": MEANING, "notes": [f"{said}{percent(float(best.shares[0]))}."]}


def timeline_table(words: Sequence[WordSource]) -> dict[str, Any] | None:
    """The chart's numbers; None without words."""
    if not words:
        return None
    rows = [
        [str(number), word.text, *(percent(float(part)) for part in word.shares)]
        for number, word in enumerate(words, 1)
    ]
    return {
        "caption": "Share of attention of each word's rows, mean over layers, heads and the word's tokens",
        "columns": ["No.", "Word", *SOURCES],
        "rows": rows,
        "numeric": [0, 2, 3, 4, 5],
    }


def both_table(both: BothModels | None) -> dict[str, Any] | None:
    """Δ log p of the words, strongest first."""
    if both is None:
        return None
    rows = [
        [word.text, *(signed(value) for value in (word.base, word.tuned, word.delta))]
        for word in both.words[:MOST_WORDS]
    ]
    total = signed(sum(word.delta for word in both.words))
    shown = f"the {len(rows)} strongest of {len(both.words)} words" if len(rows) < len(both.words) else "all"
    caption = (
        "Log probability (nats) that each model gives to these very words, each word after the same words; "
        f"+ is likelier under the tuned model. Strongest change first, {shown}; whole answer {total} nats."
    )
    if not both.same_prompt:
        caption += " The two models were asked with different templates, which is part of the difference."
    return {
        "caption": caption, "columns": ["Word", "Base", "Tuned", "Tuned − base"], "rows": rows,
        "numeric": [1, 2, 3],
    }  # fmt: skip


def both_cards(running: Comparison) -> dict[str, Any] | None:
    """The two maps on one scale of amounts, and their difference on a scale of its own."""
    both = running.both
    if both is None:
        return None
    top = max(float(np.abs(heat.values).max(initial=0)) for heat in (both.base, both.tuned))
    own = both.entry
    cards = []
    for name, heat in (("Base", both.base), ("Tuned", both.tuned)):
        entry = replace(own, label=f"{name}: {own.label}", heat=heat)
        cards.append(_both_card(running, entry, top, f"{percent(heat.image_share)} from the picture"))
    most = float(np.abs(both.change.values).max(initial=0))
    change = replace(own, label=f"Tuned − base: {own.label}", heat=both.change, signed=True)
    cards.append(_both_card(running, change, most, "what tuning changed"))
    return {
        "note": f"Both models, forced onto the same answer, for “{running.span.label[:80]}”. The first two "
        "share one scale, so their colours compare amounts; the difference has a scale of its own.",
        "scales": [
            {"signed": own.signed, "label": f"first two: 100 % is {figure(top)} {own.unit}",
             "ends": ["−100 %" if own.signed else "0", "100 %"]},
            {"signed": True, "label": f"difference: {CHANGE_SCALE}; 100 % is {figure(most)} {own.unit}",
             "ends": ["−100 %", "100 %"]},
        ],
        "cards": cards,
    }  # fmt: skip


def _both_card(running: Comparison, entry: Any, top: float, lead: str) -> dict[str, Any]:
    size = (running.image.width, running.image.height)
    where = region_in_words(entry.heat.values, entry.heat.boxes, size)
    if entry.heat is running.both.change:
        where = f"more in the tuned model: {where.split(',')[0]}"
    strongest = float(np.abs(entry.heat.values).max(initial=0))
    return {
        "label": entry.label,
        "src": png_data_url(overlay(running.image.pixels, entry, top=top)),
        "alt": f"{entry.label} for {running.span.label}: {where}",
        "figures": [lead, where, f"largest size {figure(strongest)} {entry.unit}"],
        "signed": entry.signed,
        "meaning": entry.description,
        "note": "",
    }


def heads_picture(running: Comparison) -> np.ndarray:
    """Every head's map of the span as uint8 RGB: a row a layer, a column a head.

    One scale for all: the colour's place is the square root of the weight over the largest one."""
    values, boxes = running.heads.values, running.heads.boxes
    layers, heads = values.shape[:2]
    wide = max(12, min(110, (SHEET_WIDTH - MARGIN) // heads - GAP))
    tall = max(8, round(wide * running.image.height / running.image.width))
    factors = np.array([wide / running.image.width, tall / running.image.height] * 2)
    table, top = colormap_table("viridis"), max(float(values.max(initial=0)), 1e-12)
    sheet = np.full((MARGIN // 2 + layers * (tall + GAP), MARGIN + heads * (wide + GAP), 3), GROUND, np.uint8)
    for layer in range(layers):
        for head in range(heads):
            drawn = splat(values[layer, head], boxes * factors, (wide, tall), smooth=False) / top
            drawn = np.sqrt(drawn)  # a few weights near 1 would leave all others black
            down, across = MARGIN // 2 + layer * (tall + GAP), MARGIN + head * (wide + GAP)
            sheet[down : down + tall, across : across + wide] = table[np.rint(255 * drawn).astype(np.uint8)]
    # Numbers on small tiles would run into each other, so only every so many is written.
    for layer in range(0, layers, -(-16 // (tall + GAP))):
        _write(sheet, f"L{layer + 1}", (4, MARGIN // 2 + layer * (tall + GAP) + min(tall, 16)))
    for head in range(0, heads, -(-30 // (wide + GAP))):
        _write(sheet, f"H{head + 1}", (MARGIN + head * (wide + GAP), MARGIN // 2 - 7))
    return sheet


def _write(sheet: np.ndarray, text: str, place: tuple[int, int]) -> None:
    cv2.putText(sheet, text, place, INK, cv2.FontFace("sans"), 13, 400)


def heads_nodes(running: Comparison | None) -> list[Node]:
    """The picture of all heads with its text alternative."""
    if running is None or running.heads is None:
        return []
    said = heads_in_words(running)
    picture = heads_picture(running)
    style = f"max-width:{picture.shape[1]}px"
    image = node("img", src=png_data_url(picture), alt=said, style=style)
    return [node("figure", image, node("figcaption", said), cls="wb-method")]


def heads_in_words(running: Comparison) -> str:
    """What the picture of all heads shows, in words."""
    share = running.heads.share
    layers, heads = share.shape
    layer, head = np.unravel_index(int(share.argmax()), share.shape)
    values = running.heads.values
    where = region_in_words(
        values[layer, head], running.heads.boxes, (running.image.width, running.image.height)
    )
    return (
        f"What each of {layers} × {heads} heads read from the picture for “{running.span.label[:80]}”: a row "
        f"a layer, a column a head. All on one scale: yellow is a weight of {figure(values.max())} "
        f"on one patch, and colours follow the square root of the weight. "
        f"Layer {layer + 1}, head {head + 1} read most from the picture "
        f"({percent(float(share.max()))} of its attention), strongest: {where}."
    )


def heads_table(running: Comparison | None) -> dict[str, Any] | None:
    """Image share of every head: a row a layer, a column a head."""
    if running is None or running.heads is None:
        return None
    rows = [
        [str(layer), *(percent(float(part)) for part in shares)]
        for layer, shares in enumerate(running.heads.share, 1)
    ]
    heads = range(1, running.heads.share.shape[1] + 1)
    return {
        "caption": "Part of each head's attention that went to the picture",
        "columns": ["Layer", *(f"Head {head}" for head in heads)],
        "rows": rows,
        "numeric": [0, *heads],
    }


def signed(value: float) -> str:
    """Two digits with a sign, a true minus; no sign on what rounds to nothing."""
    shown = f"{value:+.2f}".replace("-", "−")
    return "0.00" if shown.endswith("0.00") and len(shown) == 5 else shown
