"""The components that show stored grounding reports, and where they stand."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from workbench.places import ASSETS
from workbench.ui.html import components

FOLDER = ASSETS / "bench" / "grounding"
TITLE = "### How well each method points, measured on pictures with known lesions"


@dataclass(frozen=True)
class GroundingComponents:
    """The components of one stored report, which lies in `file`."""

    file: Path
    notice: gr.HTML
    about: gr.HTML
    chart: gr.Plot
    table: gr.HTML


def lay_out_grounding(folder: Path = FOLDER) -> tuple[GroundingComponents, ...]:
    """One block for each report in `folder`; nothing at all without one."""
    files = sorted(folder.glob("*.json"))
    if files:
        gr.Markdown(TITLE)
    return tuple(
        GroundingComponents(
            file, components.notice(f"methods-grounding-notice-{number}"),
            components.notes(f"methods-grounding-about-{number}"),
            gr.Plot(show_label=False, label="Pointing game by method", visible=False),
            _folded_table(f"methods-grounding-{number}"),
        )
        for number, file in enumerate(files)
    )  # fmt: skip


def _folded_table(elem_id: str) -> gr.HTML:
    with gr.Accordion("All numbers", open=False):
        return components.table(elem_id, None)
