"""The components of the Votes panel and where they stand."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.ui.html import components
from workbench.ui.votes.desk import FEWEST, HIGHEST, LOWEST, MOST, TOP_K, TOP_P, USUAL, WARM

HELP = (
    "The same question is answered several times at random; the share of the most frequent answer is a "
    f"confidence (self-consistency). Drawn at top-p {TOP_P:g}, top-k {TOP_K} (a served model: without top-k)."
)


@dataclass(frozen=True)
class VotesComponents:
    """The components of the panel, by name."""

    count: gr.Slider
    temperature: gr.Slider
    draw: gr.Button
    stop: gr.Button
    notice: gr.HTML
    status: gr.HTML
    result: gr.HTML

    @property
    def results(self) -> list[Any]:
        """What drawing fills."""
        return [self.notice, self.status, self.result]


def lay_out_votes() -> VotesComponents:
    """Lay the panel out, folded."""
    with gr.Accordion("Votes: the same question several times", open=False, elem_id="case-votes"):
        gr.Markdown(HELP)
        with gr.Row():
            count = gr.Slider(FEWEST, MOST, USUAL, step=1, label="Answers a model", min_width=140)
            temperature = gr.Slider(LOWEST, HIGHEST, WARM, step=0.05, label="Temperature", min_width=140)
            draw = gr.Button("Vote", min_width=70, elem_id="votes-draw")
            stop = gr.Button("Stop", min_width=70, elem_id="votes-stop")
        notice = components.notice("votes-notice")
        status = components.status_line("votes-status")
        result = components.tree_area("votes-result")
    return VotesComponents(count, temperature, draw, stop, notice, status, result)
