"""Wiring of the stored grounding reports: they are read when the tab is opened."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from workbench.bench.grounding.report import load_grounding
from workbench.errors import UserFacing
from workbench.ui.boundary import guarded
from workbench.ui.lanes import AT_ONCE
from workbench.ui.methods.grounding.layout import GroundingComponents
from workbench.ui.methods.grounding.view import grounding_view


def wire_grounding(blocks: Sequence[GroundingComponents], tab: gr.Tab) -> None:
    """Fill each block when `tab` is opened, as the methods' names come with the model code."""
    for ui in blocks:
        _wire(ui, tab)


def _wire(ui: GroundingComponents, tab: gr.Tab) -> None:
    @guarded(ui.notice)
    def show() -> dict[Any, Any]:
        report = load_grounding(ui.file)
        try:
            view = grounding_view(report)
        except (KeyError, TypeError) as fault:
            raise UserFacing(f"The report {ui.file.name!r} can't be read.", "Make it again.") from fault
        return {
            ui.about: view["about"], ui.table: view["table"],
            ui.chart: gr.Plot(value=view["chart"], visible=True),
        }  # fmt: skip

    tab.select(show, None, [ui.notice, ui.about, ui.chart, ui.table], **AT_ONCE)
