"""Run the benchmark from the screen, stop it, take it up again; import results that others made.

Usage, in `events.build_benchmark_screen` (once, inside the tab; `folder` holds the stored results):

    shelf = Shelf(folder, services.settings)           # ui.benchmark.shelf: results a page may see
    names = shelf.names(None)                            # {name: folder} at start: stored, then kept runs
    ...                                                  # the choice of a result, the figures
    arrived = build_bench_run(services, notice, shelf)   # an accordion "Run or import"; gr.State
    build_bench_export(choice, shelf)                    # ui.benchmark.export; `choice` holds a name
    build_published()                                    # workbench.ui.benchmark.published

    @guarded(notice)
    def refresh(arrived: dict, by: str, request: gr.Request):
        name = arrived["name"]                           # the result to show now
        names = list(shelf.names(request.session_hash))  # with this page's own runs and imports
        report = shelf.report(request.session_hash, name)
        return {choice: gr.Dropdown(choices=names, value=name), ...}

    arrived.change(refresh, [arrived, field], outputs, **AT_ONCE)

`arrived` changes whenever a run ended (stopped or not) with at least one answer, and after an import.
`shelf.folder(session, name)` raises UserFacing for a name this page may not see: use it for every name that
comes from the browser. `shelf.report(session, name)` is the report to show. Of an imported result its
`origin` (also in every number) is "imported", and `report["items"]["name"]` says so: never draw it with the
words "measured here", nor in one series with another origin. `notice` is the `components.notice` of the tab.
Leaving the page ends the run and deletes the page's folder (wired in here through the Blocks' unload).
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context
from gradio.utils import get_upload_folder

from workbench.ui.benchmark.run.desk import OWN, BenchDesk, RunForm, Told
from workbench.ui.benchmark.shelf import IMPORTED_WORDS, Shelf
from workbench.ui.benchmark.tables import CONDITION_NAMES
from workbench.ui.boundary import AT_ONCE, guarded
from workbench.ui.case.events import MODEL_LANE, sent_path
from workbench.ui.case.intake import uploaded_file
from workbench.ui.html import components
from workbench.ui.services import ROLES, Services

FIRST = 10
SERIAL = itertools.count(1)  # the same result may arrive again: the value must differ all the same
LOCAL_NOTE = (
    "Answers go to disk batch by batch: after Stop, or a crash, the same run goes on where it ended. "
    "While it runs, questions asked on Case wait for their turn."
)
PUBLIC_NOTE = (
    "On this public page a run has at most {most} questions, and its results are deleted when you leave. "
    "Few questions give wide intervals: it shows how a run works, not which model is better."
)
IMPORT_NOTE = (
    "Give `results.jsonl` (with its `run.json`), or one zip of a results folder. It stays on this page only "
    f"and is called *{IMPORTED_WORDS}*."
)
Updates = dict[Any, Any]


@dataclass(frozen=True)
class RunParts:
    """The components of the accordion, by name."""

    items: gr.Dropdown
    path: gr.Textbox
    first: gr.Number
    samples: gr.Number
    roles: gr.CheckboxGroup
    conditions: gr.CheckboxGroup
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    file: gr.File
    import_status: gr.HTML
    ticket: gr.State
    arrived: gr.State

    @property
    def form(self) -> list[Any]:
        """The inputs in the order of RunForm's fields."""
        return [self.items, self.path, self.first, self.roles, self.conditions, self.samples]


def build_bench_run(services: Services, notice: gr.HTML, shelf: Shelf) -> gr.State:
    """Lay out and wire running and importing; returns the state that changes when a new result is there.

    Its value is None or `{"name", "serial"}`. Call it inside a `gr.Blocks`; see the top of this file.
    """
    desk = BenchDesk(services, shelf)
    with gr.Accordion("Run or import", open=False, elem_id="bench-run"), gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=300):
            left = _run_parts(desk)
        with gr.Column(scale=2, min_width=280):
            right = _import_parts()
    ui = RunParts(**left, **right, ticket=gr.State(""), arrived=gr.State(None))
    _wire_run(ui, desk, notice)
    _wire_import(ui, shelf, notice)

    def left_page(request: gr.Request) -> None:
        desk.leave(request.session_hash)

    if Context.root_block is not None:
        Context.root_block.unload(left_page)
    return ui.arrived


def _run_parts(desk: BenchDesk) -> dict[str, Any]:
    from workbench.bench.asking.conditions import CONDITIONS
    from workbench.bench.questions.items import bundled_names

    public = desk.services.settings.public
    names = list(bundled_names())
    own = [] if public else [("A folder or file of my own", OWN)]
    gr.Markdown(PUBLIC_NOTE.format(most=desk.largest) if public else LOCAL_NOTE)
    with gr.Row():
        items = gr.Dropdown(
            [*((name, name) for name in names), *own], value=names[0] if names else OWN,
            label="Questions", filterable=False, min_width=160, elem_id="bench-run-items",
        )  # fmt: skip
        first = gr.Number(
            min(FIRST, desk.largest), label="The first", info=None if public else "Questions; empty for all.",
            precision=0, minimum=1, maximum=desk.largest, min_width=110, elem_id="bench-run-first",
        )  # fmt: skip
        samples = gr.Number(
            min(3, desk.most_samples), label="Samples a question", precision=0, minimum=1,
            maximum=desk.most_samples, min_width=110, visible=False, elem_id="bench-run-samples",
        )  # fmt: skip
    path = gr.Textbox(
        label="Its path on this machine",
        placeholder="a folder with items.jsonl or manifest.jsonl, or a .jsonl file",
        max_lines=1, visible=not public and not names, elem_id="bench-run-path",
    )  # fmt: skip
    roles = gr.CheckboxGroup(list(ROLES), value=list(ROLES), label="Models", elem_id="bench-run-models")
    conditions = gr.CheckboxGroup(
        [(f"picture {CONDITION_NAMES.get(name, name)}", name) for name in CONDITIONS],
        value=["image"], label="Ways of asking", elem_id="bench-run-conditions",
    )  # fmt: skip
    with gr.Row():
        run = gr.Button("Run", variant="primary", min_width=80, elem_id="bench-run-go")
        stop = gr.Button("Stop", min_width=80, elem_id="bench-run-stop")
    status = components.status_line("bench-run-status", "Nothing is running.")
    return {
        "items": items, "path": path, "first": first, "samples": samples, "roles": roles,
        "conditions": conditions, "run": run, "stop": stop, "status": status,
    }  # fmt: skip


def _import_parts() -> dict[str, Any]:
    gr.Markdown(IMPORT_NOTE)
    file = gr.File(
        label="Results that others made", file_count="multiple", type="filepath", height=140,
        elem_id="bench-import",
    )  # fmt: skip
    return {"file": file, "import_status": components.status_line("bench-import-status")}


def _wire_run(ui: RunParts, desk: BenchDesk, notice: gr.HTML) -> None:
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
        for told in desk.follow(request.session_hash, ticket):
            yield shown(ui, notice, told)

    @guarded(notice)
    def stop(request: gr.Request) -> Updates:
        return {ui.status: status(desk.stop(request.session_hash))}

    def fields(items: str, conditions: list[str]) -> list[Any]:
        return [gr.Textbox(visible=items == OWN), gr.Number(visible="sampled" in (conditions or ()))]

    for control in (ui.items, ui.conditions):
        control.change(fields, [ui.items, ui.conditions], [ui.path, ui.samples], **AT_ONCE)
    ui.run.click(begin, ui.form, [notice, ui.ticket, ui.status], **AT_ONCE)
    lane = {**MODEL_LANE, "show_progress": "hidden"}
    ui.ticket.change(follow, ui.ticket, [notice, ui.status, ui.arrived], **lane)
    ui.stop.click(stop, None, [notice, ui.status], **AT_ONCE)


def _wire_import(ui: RunParts, shelf: Shelf, notice: gr.HTML) -> None:
    upload_folder = Path(get_upload_folder())

    @guarded(notice)
    def decode(sent: list[Any], session_id: str) -> Updates:
        from workbench.ui.benchmark.run.imports import import_results

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

    # Not preprocessed, as on Case: gr.File would keep a copy of what was sent.
    ui.file.upload(
        take, ui.file, [notice, ui.file, ui.import_status, ui.arrived], **{**AT_ONCE, "preprocess": False}
    )


def shown(ui: RunParts, notice: gr.HTML, told: Told) -> Updates:
    """A state of a run on the page: the status, a fault if there is one, and the new result at its end."""
    updates: Updates = {ui.status: status(told)}
    if told.fault is not None:
        updates[notice] = dict(told.fault)
    if told.result is not None:
        updates[ui.arrived] = news(told.result)
    return updates


def status(told: Told) -> dict[str, Any]:
    """The value of the status line."""
    return {"text": told.status, "busy": told.busy}


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
