"""Wiring of the Benchmark tab: the figures, tables and items follow the chosen result."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.bench.reports.labels import METRIC_NAMES
from workbench.ui.benchmark.compare import compared, side_choices
from workbench.ui.benchmark.export import FETCH, file_name, save_figure_script, write_result
from workbench.ui.benchmark.items.events import items_updates, wire_items
from workbench.ui.benchmark.items.index import FIELDS
from workbench.ui.benchmark.layout import BenchmarkComponents, CompareComponents, SaveComponents, SideMenus
from workbench.ui.benchmark.run.desk import BenchDesk
from workbench.ui.benchmark.run.events import wire_run
from workbench.ui.benchmark.shelf import RUN_WORDS, Shelf
from workbench.ui.benchmark.view import report_view
from workbench.ui.boundary import guarded
from workbench.ui.lanes import AT_ONCE, with_progress_on

TO_ITEMS = "() => document.querySelector('#bench-items-title').scrollIntoView({ block: 'start' })"
Updates = dict[Any, Any]


def wire_benchmark(ui: BenchmarkComponents, shelf: Shelf, desk: BenchDesk, page: gr.Blocks) -> None:
    """Bring the tab to life; `page` is the whole page, which visitors leave."""
    wire_items(ui.items, shelf, ui.controls.result)
    wire_compare(ui.compare, shelf, ui.controls.result)
    wire_run(ui.run, desk, ui.notice, page)
    wire_saving(ui.save, shelf, ui.controls.result)
    _wire_behind(ui, shelf)
    _wire_report(ui, shelf)


def _wire_report(ui: BenchmarkComponents, shelf: Shelf) -> None:
    """The figures follow the controls; a result that a run or an import brought is chosen by itself.

    The page is built once for all visitors: what was measured since is found when the tab is first opened.
    """
    controls, built = ui.controls, list(shelf.names(None))

    def view(session: str | None, name: str, by: str, chart: str = "bars") -> Updates:
        found = report_view(shelf.report(session, name), by, chart)
        return {getattr(ui.report, part): value for part, value in found.items()}

    @guarded(ui.notice)
    def show(name: str, by: str, chart: str, request: gr.Request) -> Updates:
        return view(request.session_hash, name, by, chart)

    def chosen_now(session: str | None, name: str, by: str, chart: str) -> Updates:
        return {
            controls.result: gr.Dropdown(choices=list(shelf.names(session)), value=name),
            ui.body: gr.Column(visible=True),
            ui.empty: gr.Markdown(visible=False),
            **view(session, name, by, chart),
        }

    @guarded(ui.notice)
    def take(arrived: Mapping[str, Any], by: str, chart: str, request: gr.Request) -> Updates:
        return chosen_now(request.session_hash, arrived["name"], by, chart)

    @guarded(ui.notice)
    def first_opened(done: bool, name: str, by: str, chart: str, request: gr.Request) -> Updates:
        names = list(shelf.names(request.session_hash))
        if done or not names:
            return {}
        name = name if name in names else names[0]
        if names == built and RUN_WORDS not in name:  # drawn already, and nothing of it can have changed
            return {ui.drawn: True}
        return chosen_now(request.session_hash, name, by, chart) | {ui.drawn: True}

    figures = [ui.notice, *ui.report.every]
    for control in controls.every:
        control.input(show, controls.every, figures, **AT_ONCE)
    outputs = [controls.result, ui.body, ui.empty, *figures]
    arrived = ui.run.arrived
    arrived.change(take, [arrived, controls.field, controls.chart], outputs, **AT_ONCE)
    ui.tab.select(first_opened, [ui.drawn, *controls.every], [*outputs, ui.drawn], **AT_ONCE)


def _wire_behind(ui: BenchmarkComponents, shelf: Shelf) -> None:
    """The items follow the result; a bar, a button below the chart and a row of the breakdown narrow them.

    They are read when the tab is opened, not when the page is built: 100,000 lines take seconds.
    """
    items, result, arrived = ui.items, ui.controls.result, ui.run.arrived

    @guarded(items.notice)
    def fill(name: str, before: str, request: gr.Request) -> Updates:
        if not name or name == before:
            return {}
        return start(request.session_hash, name) | {ui.filled: name}

    @guarded(items.notice)
    def renew(news: Mapping[str, Any], before: str, request: gr.Request) -> Updates:
        # Of another result they follow the choice; the same one has new lines when its run went on.
        return start(request.session_hash, before) if news["name"] == before else {}

    @guarded(items.notice)
    def behind(session: str | None, name: str, click: Mapping[str, Any]) -> Updates:
        groups = {name: metric for metric, name in METRIC_NAMES.items()}
        score = click.get("score") or groups.get(click.get("group", ""), "")
        fields = {key: str(click.get("value", "")) for key in [click.get("field")] if key in FIELDS}
        return start(session, name, fields, score) | {ui.filled: name}

    def start(session: str | None, name: str, *narrowed: Any) -> Updates:
        return items_updates(items, shelf.folder(session, name), shelf.report(session, name), *narrowed)

    def clicked(event: gr.EventData, request: gr.Request, name: str) -> Updates:
        return behind(request.session_hash, name, event._data or {})

    outputs = [*items.every, ui.filled]
    for event in (ui.tab.select, result.change):
        event(fill, [result, ui.filled], outputs, **AT_ONCE)
    arrived.change(renew, [arrived, ui.filled], outputs, **AT_ONCE)
    for source in (ui.bar_clicks, ui.report.jumps, ui.report.slices):
        source.click(clicked, result, outputs, **AT_ONCE).then(None, None, None, js=TO_ITEMS)


def wire_compare(ui: CompareComponents, shelf: Shelf, result: gr.Dropdown) -> None:
    """Compare two runs. The menus of results follow those of `result`, as runs and imports bring them.

    What was chosen stays chosen where it is still there.
    """

    @guarded(ui.notice)
    def offer(request: gr.Request, *chosen: str) -> Updates:
        names = list(shelf.names(request.session_hash))
        updates: Updates = {}
        for number, side in enumerate(ui.sides):
            wanted, *kept = chosen[3 * number : 3 * number + 3]
            name = wanted if wanted in names else next(iter(names), None)
            updates[side.result] = gr.Dropdown(choices=names, value=name)
            if name:
                updates |= menus_of(side, number, request.session_hash, name, kept)
        return updates

    def menus_of(side: SideMenus, number: int, session: str | None, name: str, *kept: Any) -> Updates:
        found = side_choices(shelf.report(session, name), number, *kept)
        return {
            side.model: gr.Dropdown(choices=found.models, value=found.model),
            side.condition: gr.Dropdown(choices=found.conditions, value=found.condition),
        }

    def follow(side: SideMenus, number: int) -> Callable[..., Updates]:
        @guarded(ui.notice)
        def result_chosen(name: str, request: gr.Request) -> Updates:
            return menus_of(side, number, request.session_hash, name)

        return result_chosen

    @guarded(ui.notice)
    def run(request: gr.Request, *chosen: str) -> Updates:
        return {ui.outcome: compared(shelf, request.session_hash, chosen[:3], chosen[3:])}

    for event in (ui.fold.expand, result.change):
        event(offer, ui.menus, [ui.notice, *ui.menus], **AT_ONCE)
    for number, side in enumerate(ui.sides):
        side.result.input(
            follow(side, number), side.result, [ui.notice, side.model, side.condition], **AT_ONCE
        )
    ui.compare.click(run, ui.menus, [ui.notice, ui.outcome], **with_progress_on(AT_ONCE, ui.outcome))


def wire_saving(ui: SaveComponents, shelf: Shelf, result: gr.Dropdown) -> None:
    """Files of the result that `result` names are made when asked for; what Gradio keeps of them goes with
    its `delete_cache`."""

    def saver(kind: str) -> Callable[..., Iterator[Updates]]:
        @guarded(ui.notice)
        def save(name: str, request: gr.Request) -> Iterator[Updates]:
            place = shelf.place(request.session_hash, name)
            with tempfile.TemporaryDirectory(prefix="workbench-save-") as folder:
                file = Path(folder) / file_name(name, kind, datetime.now(UTC))
                write_result(kind, place, file)
                yield {ui.link: str(file)}  # the folder has to stay until Gradio has taken its copy

        return save

    for kind, button in ui.files.items():
        button.click(saver(kind), result, [ui.notice, ui.link], **AT_ONCE)
    ui.link.change(None, ui.link, None, js=FETCH, **AT_ONCE)
    for kind, button in ui.pictures.items():
        button.click(None, ui.figure, ui.status, js=save_figure_script(kind), **AT_ONCE)
