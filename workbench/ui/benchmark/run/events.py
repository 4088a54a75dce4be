"""Wiring of running and importing: run the benchmark from the screen, stop it, take it up again.

`shelf.folder(session, name)` raises UserFacing for a name that this page may not see: use it for every name
that comes from the browser. Of an imported result the report's `origin` (also in every number) is "imported":
never draw it with the words "measured here", nor in one series with another origin.
"""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from workbench.ui.benchmark.run.desk import OWN, BenchDesk, RunForm, RunState
from workbench.ui.benchmark.run.imports import import_results
from workbench.ui.benchmark.run.layout import RunComponents
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.boundary import guarded
from workbench.ui.case.intake import sent_path, uploaded_file
from workbench.ui.lanes import AS_SENT, AT_ONCE, MODEL_LANE

SERIAL = itertools.count(1)  # the same result may arrive again: the value must differ all the same
Updates = dict[Any, Any]


def wire_run(ui: RunComponents, desk: BenchDesk, notice: gr.HTML, page: gr.Blocks) -> None:
    """Faults are shown in `notice`. Leaving `page` ends the visitor's run and deletes their folder."""
    _wire_run(ui, desk, notice)
    _wire_import(ui, desk.shelf, notice)

    def left_page(request: gr.Request) -> None:
        desk.leave(request.session_hash)

    page.unload(left_page)


def _wire_run(ui: RunComponents, desk: BenchDesk, notice: gr.HTML) -> None:
    """Run checks the form at once and hands a ticket to the model lane, as Ask does on Case."""

    @guarded(notice)
    def begin(
        items: str, path: str, first: float | None, roles: list[str], conditions: list[str], samples: float,
        request: gr.Request,
    ) -> Updates:  # fmt: skip
        form = RunForm(str(items), str(path or ""), first, roles or (), conditions or (), samples)
        opened = desk.begin(request.session_hash, form)
        return {ui.ticket: opened.ticket, ui.status: {"text": "Waiting for its turn.", "busy": True}}

    @guarded(notice)
    def follow(ticket: str, request: gr.Request) -> Iterator[Updates]:
        for state in desk.follow(request.session_hash, ticket):
            yield run_updates(ui, notice, state)

    @guarded(notice)
    def stop(request: gr.Request) -> Updates:
        return {ui.status: status(desk.stop(request.session_hash))}

    def fields(items: str, conditions: list[str]) -> list[Any]:
        return [gr.Textbox(visible=items == OWN), gr.Number(visible="sampled" in (conditions or ()))]

    for control in (ui.items, ui.conditions):
        control.change(fields, [ui.items, ui.conditions], [ui.path, ui.samples], **AT_ONCE)
    ui.run.click(begin, ui.form, [notice, ui.ticket, ui.status], **AT_ONCE)
    ui.ticket.change(follow, ui.ticket, [notice, ui.status, ui.arrived], **MODEL_LANE)
    ui.stop.click(stop, None, [notice, ui.status], **AT_ONCE)


def _wire_import(ui: RunComponents, shelf: Shelf, notice: gr.HTML) -> None:
    upload_folder = Path(get_upload_folder())

    @guarded(notice)
    def decode(sent: list[Any], session_id: str) -> Updates:
        files = [(name, uploaded_file(path, upload_folder)) for name, path in named(sent)]
        try:
            folder = import_results(files, shelf.import_folder(session_id))
        finally:
            for _, path in files:
                path.unlink(missing_ok=True)
        name = next(name for name, found in shelf.names(session_id).items() if found == folder)
        return {ui.arrived: news(name), ui.import_status: {"text": f"Imported: {name}."}}

    def take(sent: Any, request: gr.Request) -> Updates:
        if not sent:
            return {ui.file: None}
        return {ui.import_status: {"text": ""}, **decode(sent, request.session_hash), ui.file: None}

    outputs = [notice, ui.file, ui.import_status, ui.arrived]
    ui.file.upload(take, ui.file, outputs, **AT_ONCE, **AS_SENT)


def run_updates(ui: RunComponents, notice: gr.HTML, state: RunState) -> Updates:
    """A state of a run on the page: the status, a fault if there is one, and the new result at its end."""
    updates: Updates = {ui.status: status(state)}
    if state.fault is not None:
        updates[notice] = dict(state.fault)
    if state.result is not None:
        updates[ui.arrived] = news(state.result)
    return updates


def status(state: RunState) -> dict[str, Any]:
    """The value of the status line."""
    return {"text": state.status, "busy": state.busy}


def news(name: str) -> dict[str, Any]:
    """The value of `arrived`: differs every time."""
    return {"name": name, "serial": next(SERIAL)}


def named(sent: Any) -> list[tuple[str, str]]:
    """(name, path) of every file in what the browser sent."""
    found = [
        (str(entry.get("orig_name") or Path(path).name), path)
        for entry in (sent if isinstance(sent, list) else [sent])
        if isinstance(entry, Mapping) and (path := sent_path(entry)) is not None
    ]
    return found
