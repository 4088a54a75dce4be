"""Wiring of the shared pass beside maps: sources of each word, both models on the same words, all heads."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from workbench.ui.boundary import guarded
from workbench.ui.lanes import MODEL_LANE
from workbench.ui.methods.desk import Comparison, MethodsDesk
from workbench.ui.methods.evidence.desk import compare_both, shared_entry, show_heads, word_sources
from workbench.ui.methods.evidence.layout import EvidenceComponents
from workbench.ui.methods.evidence.view import (
    both_cards,
    both_table,
    heads_nodes,
    heads_table,
    timeline_figure,
    timeline_note,
    timeline_table,
)
from workbench.ui.methods.export import export_files

Updates = dict[Any, Any]


def emptied_evidence(ui: EvidenceComponents) -> Updates:
    """Updates that take everything away."""
    blank = (ui.note, ui.table, ui.notice, ui.status, ui.both, ui.both_words, ui.shares)
    return {
        ui.section: gr.Column(visible=False), ui.sources: gr.Plot(value=None), **dict.fromkeys(blank),
        ui.heads: [], ui.compare: gr.Button(visible=False), ui.every_head: gr.Button(visible=False),
    }  # fmt: skip


def evidence_updates(ui: EvidenceComponents, running: Comparison, over: bool) -> Updates:
    """The sources of each word once a shared pass was read; the buttons once all methods are through."""
    ready = over and shared_entry(running) is not None
    buttons = {button: gr.Button(visible=ready) for button in (ui.compare, ui.every_head)}
    words = [] if running.sources_drawn else word_sources(running)
    if not words:
        return buttons
    running.sources_drawn = True
    return buttons | {
        ui.section: gr.Column(visible=True), ui.note: timeline_note(words),
        ui.sources: gr.Plot(value=timeline_figure(words)), ui.table: timeline_table(words),
    }  # fmt: skip


def wire_evidence(ui: EvidenceComponents, methods: MethodsDesk, export: gr.HTML) -> None:
    """The two buttons; both wait in the model lane. What they find goes into the exported files as well."""

    def on_click(doing: str, found: Callable[[str], Updates]) -> Any:
        @guarded(ui.notice)
        def click(request: gr.Request) -> Iterator[Updates]:
            yield {ui.status: {"text": doing, "busy": True}}
            try:
                updates = found(request.session_hash)
            except Exception:
                yield {ui.status: None}
                raise
            yield {**updates, ui.status: None}

        return click

    def both(session_id: str) -> Updates:
        running = compare_both(methods, session_id)
        found = {ui.both: both_cards(running), ui.both_words: both_table(running.both)}
        return {**found, export: export_files(running)}

    def heads(session_id: str) -> Updates:
        running = show_heads(methods, session_id)
        return {ui.heads: heads_nodes(running), ui.shares: heads_table(running)}

    compared = on_click("Forcing both models onto these words.", both)
    gathered = on_click("Reading every head.", heads)
    ui.compare.click(compared, None, [ui.notice, ui.status, ui.both, ui.both_words, export], **MODEL_LANE)
    ui.every_head.click(gathered, None, [ui.notice, ui.status, ui.heads, ui.shares], **MODEL_LANE)
