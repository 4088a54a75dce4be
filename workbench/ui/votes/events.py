"""Wiring of the Votes panel."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from workbench.ui.boundary import guarded
from workbench.ui.lanes import AT_ONCE, MODEL_LANE
from workbench.ui.votes.desk import VotesDesk
from workbench.ui.votes.layout import VotesComponents
from workbench.ui.votes.view import votes_nodes

Updates = dict[Any, Any]


def wire_votes(ui: VotesComponents, desk: VotesDesk, news: list[Any]) -> None:
    """Bring the panel to life; after the events `news` the page has another question, so it is emptied."""

    @guarded(ui.notice)
    def draw(count: float, temperature: float, request: gr.Request) -> Iterator[Updates]:
        for drawn in desk.draw(request.session_hash, count, temperature):
            yield {
                ui.status: {"text": drawn.status, "busy": drawn.busy},
                ui.result: votes_nodes(drawn.votes),
            }

    def stop(request: gr.Request) -> None:
        desk.stop(request.session_hash)

    def empty() -> Updates:
        return {ui.notice: None, ui.status: {"text": "", "busy": False}, ui.result: []}

    ui.draw.click(draw, [ui.count, ui.temperature], ui.results, **MODEL_LANE)
    ui.stop.click(stop, None, None, **AT_ONCE)
    for event in news:
        event.then(empty, None, ui.results, **AT_ONCE)
