"""The lower part of the Methods screen: sources of each word, both models on the same words, all heads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.ui.boundary import guarded
from workbench.ui.html import components
from workbench.ui.methods.desk import Comparison, MethodsDesk
from workbench.ui.methods.evidence.desk import compare_both, shared_entry, show_heads, word_sources
from workbench.ui.methods.evidence.view import (
    both_cards,
    both_table,
    heads_table,
    heads_tree,
    timeline_figure,
    timeline_note,
    timeline_table,
)
from workbench.ui.methods.export import export_files

Updates = dict[Any, Any]
LANE = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "show_progress": "hidden",
}


@dataclass(frozen=True)
class EvidenceParts:
    """The components, by name; `section` holds them all and is hidden until a shared pass was read."""

    section: gr.Column
    note: gr.HTML
    sources: gr.Plot
    table: gr.HTML
    compare: gr.Button
    every_head: gr.Button
    notice: gr.HTML
    status: gr.HTML
    both: gr.HTML
    both_words: gr.HTML
    heads: gr.HTML
    shares: gr.HTML

    @property
    def results(self) -> list[Any]:
        """What a comparison fills or empties."""
        first = [self.section, self.note, self.sources, self.table, self.compare, self.every_head]
        return [*first, self.notice, self.status, self.both, self.both_words, self.heads, self.shares]


def evidence_parts() -> EvidenceParts:
    """Lay the section out."""
    with gr.Column(visible=False, elem_id="methods-evidence") as section:
        gr.Markdown("### Where each word's evidence came from")
        note = components.notes("methods-sources-note")
        sources = gr.Plot(show_label=False, label="Share of attention by word", elem_id="methods-sources")
        with gr.Accordion("The same as a table", open=False):
            table = components.table("methods-sources-table", None)
        gr.Markdown("### Look further")
        with gr.Row():
            compare = gr.Button(
                "Compare both models on these very words", scale=0, min_width=450, elem_id="methods-compare"
            )
            heads_button = gr.Button("Show every head", scale=0, min_width=200, elem_id="methods-heads")
        notice = components.notice("methods-evidence-notice")
        status = components.status_line("methods-evidence-status")
        both = components.method_grid("methods-both")
        both_words = components.table("methods-both-words", None)
        heads = components.part("markup", [], "<div data-host></div>", elem_id="methods-head-grid")
        shares = components.table("methods-head-shares", None)
    return EvidenceParts(
        section, note, sources, table, compare, heads_button, notice, status, both, both_words, heads, shares
    )


def nothing_shown(ui: EvidenceParts) -> Updates:
    """Updates that take everything away."""
    blank = (ui.note, ui.table, ui.notice, ui.status, ui.both, ui.both_words, ui.shares)
    return {
        ui.section: gr.Column(visible=False), ui.sources: gr.Plot(value=None), **dict.fromkeys(blank),
        ui.heads: [], ui.compare: gr.Button(visible=False), ui.every_head: gr.Button(visible=False),
    }  # fmt: skip


def evidence_shown(ui: EvidenceParts, running: Comparison, over: bool) -> Updates:
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


def wire_evidence(ui: EvidenceParts, methods: MethodsDesk, export: gr.HTML) -> None:
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
        return {ui.heads: heads_tree(running), ui.shares: heads_table(running)}

    compared = on_click("Forcing both models onto these words.", both)
    gathered = on_click("Reading every head.", heads)
    ui.compare.click(compared, None, [ui.notice, ui.status, ui.both, ui.both_words, export], **LANE)
    ui.every_head.click(gathered, None, [ui.notice, ui.status, ui.heads, ui.shares], **LANE)
