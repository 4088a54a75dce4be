"""Which handler of the Models desk answers which click."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from workbench.ui import boundary
from workbench.ui.lanes import AT_ONCE
from workbench.ui.models.desk import ModelsDesk
from workbench.ui.models.layout import ModelsComponents


def wire_models(ui: ModelsComponents, desk: ModelsDesk, timer: gr.Timer) -> None:
    """Connect the tab; `timer` follows a load and is woken by every click that starts one."""
    outputs = [ui.notice, ui.cards, timer]

    def done(act: Callable[[], None]) -> tuple[Any, Any, Any]:
        try:
            act()
            said = None
        except Exception as fault:
            said = boundary.sentence_for(fault)
        return said, desk.cards(), gr.Timer(active=True)

    def clicked(event: gr.EventData) -> tuple[Any, Any, Any]:
        return done(lambda: desk.act(event._data or {}))

    def own(ref: str, role: str, key: str) -> tuple[Any, Any, Any, str]:
        return *done(lambda: desk.load(ref, role, key)), ""  # a key never goes back to a browser

    def cancelled() -> tuple[Any, Any, Any]:
        return done(desk.cancel)

    ui.cards.click(clicked, None, outputs, **AT_ONCE)
    gr.on([ui.load.click, ui.own.submit], own, [ui.own, ui.role, ui.key], [*outputs, ui.key], **AT_ONCE)
    ui.cancel.click(cancelled, None, outputs, **AT_ONCE)
    ui.tab.select(desk.cards, None, ui.cards, **AT_ONCE)
