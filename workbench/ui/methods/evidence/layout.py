"""The components of the lower part of the Methods screen, and where they stand."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.ui.html import components


@dataclass(frozen=True)
class EvidenceComponents:
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


def lay_out_evidence() -> EvidenceComponents:
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
            every_head = gr.Button("Show every head", scale=0, min_width=200, elem_id="methods-heads")
        notice = components.notice("methods-evidence-notice")
        status = components.status_line("methods-evidence-status")
        both = components.method_grid("methods-both")
        both_words = components.table("methods-both-words", None)
        heads = components.tree_area("methods-head-grid")
        shares = components.table("methods-head-shares", None)
    return EvidenceComponents(
        section, note, sources, table, compare, every_head, notice, status, both, both_words, heads, shares
    )
