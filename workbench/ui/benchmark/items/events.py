"""Wiring of the items: filters, search and pages narrow the table, a row opens its item."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.bench.reports.labels import condition_name
from workbench.bench.reports.model import Report
from workbench.errors import UserFacing
from workbench.ui.benchmark.items.filters import ANY, field_choices, ordering, query_of
from workbench.ui.benchmark.items.index import FIELDS, ItemIndex, Query, item_index, select
from workbench.ui.benchmark.items.layout import NO_ITEM, ItemsComponents
from workbench.ui.benchmark.items.table import items_nodes
from workbench.ui.benchmark.items.view import item_nodes, opened_item
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.boundary import guarded
from workbench.ui.lanes import AT_ONCE, LATEST_ONLY


def wire_items(ui: ItemsComponents, shelf: Shelf, result: gr.Dropdown) -> None:
    """The table follows the filters and the item what is clicked in it, in the result that `result` names."""
    inputs = [result, ui.order, *ui.controls]
    outputs = [ui.notice, ui.order, ui.table]

    @guarded(ui.notice)
    def page(session: str | None, name: str, query: Query) -> dict[Any, Any]:
        index = item_index(shelf.folder(session, name), shelf.report(session, name))
        order = {"sort": query.sort, "down": query.down, "page": query.page}
        return {ui.order: order, ui.table: items_nodes(index, query, select(index, query))}

    @guarded(ui.item_notice)
    def look(session: str | None, name: str, query: Query, click: Mapping[str, Any]) -> dict[Any, Any]:
        place, report = shelf.place(session, name), shelf.report(session, name)
        return {ui.item: item_nodes(opened_item(place, report, name, click, query))}

    def narrow(request: gr.Request, name: str, order: Mapping[str, Any], *values: str) -> dict[Any, Any]:
        return page(request.session_hash, name, query_of({**order, "page": 0}, values))

    def clicked(
        event: gr.EventData, request: gr.Request, name: str, order: Mapping[str, Any], *values: str
    ) -> dict[Any, Any]:
        click, session = event._data or {}, request.session_hash
        if click.get("open"):
            return {}
        if "item" in click:
            return look(session, name, query_of(order, values), click)
        return page(session, name, query_of({**order, **ordering(click)}, values))

    for menu in ui.menus:
        menu.input(narrow, inputs, outputs, **AT_ONCE)
    ui.text.change(narrow, inputs, outputs, **AT_ONCE, **LATEST_ONLY)
    for panel in (ui.table, ui.item):
        panel.click(clicked, inputs, [*outputs, ui.item, ui.item_notice], **AT_ONCE)


def items_updates(
    ui: ItemsComponents,
    folder: Path,
    report: Report,
    fields: Mapping[str, str] | None = None,
    score: str = "",
) -> dict[Any, Any]:
    """Updates that fill the filters for a result and show its first page, narrowed to `fields`.

    With a `score`, the items on which the models lie furthest apart come first. A result without lines gives
    the reason instead of a table.
    """
    try:
        index = item_index(folder, report)
    except UserFacing as fault:
        return _without_items(ui, fault)
    names = [(label, name) for name, label in index.models.items()]
    first, second = [*index.models, ANY][:2]
    order = {"sort": "gap", "down": True, "page": 0} if score else {}
    condition = "image" if "image" in index.conditions else index.conditions[0]
    chosen = {name: (fields or {}).get(name, ANY) for name in FIELDS}
    query = Query(condition, first, second, score or "accuracy", "all", chosen, **order)
    conditions = [(condition_name(name), name) for name in index.conditions]
    updates = {
        ui.condition: gr.Dropdown(choices=conditions, value=condition),
        ui.first: gr.Dropdown(choices=names, value=first, visible=len(names) > 2),
        ui.second: gr.Dropdown(choices=[("none", ANY), *names], value=second, visible=len(names) > 2),
        ui.score: query.score,
        ui.show: "all",
        ui.text: "",
        ui.notice: None,
        ui.item_notice: None,
        ui.item: [NO_ITEM],
    }
    menus = {menu: _menu(index, name, chosen[name]) for menu, name in zip(ui.fields, FIELDS, strict=True)}
    return {**updates, **menus, ui.table: items_nodes(index, query, select(index, query)), ui.order: order}


def _without_items(ui: ItemsComponents, fault: UserFacing) -> dict[Any, Any]:
    """Updates for a result whose items can't be shown: the reason, and no table."""
    said = {"message": fault.message, "hint": fault.hint}
    hidden = {menu: gr.Dropdown(visible=False) for menu in ui.fields}
    return {ui.notice: said, ui.table: None, ui.item: None, ui.item_notice: None, ui.order: {}, **hidden}


def _menu(index: ItemIndex, name: str, value: str) -> gr.Dropdown:
    choices = field_choices(index, name)
    known = value if value in [text for _, text in choices] else ANY
    return gr.Dropdown(choices=choices, value=known, visible=len(choices) > 2)
