"""The items of the chosen result on the screen: filters, search, table, and the item that was opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.errors import UserFacing
from workbench.ui.benchmark.items.index import FIELDS, SORTS, ItemIndex, Query, item_index, select
from workbench.ui.benchmark.items.table import SCORE_NAMES, items_nodes
from workbench.ui.benchmark.items.view import item_nodes, opened_item
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.benchmark.tables import CONDITION_NAMES
from workbench.ui.boundary import AT_ONCE, guarded
from workbench.ui.case.events import OpenedCase
from workbench.ui.case.intake import picture_of
from workbench.ui.html import components

SHOW_NAMES = [
    ("all items", "all"),
    ("where the models differ", "differ"),
    ("first model better", "first"),
    ("second model better", "second"),
    ("not fully right, any model", "wrong"),
    ("not fully right, both models", "both_wrong"),
    ("failed or without a score", "missing"),
]
FIELD_NAMES = {
    "modality": "Modality", "task": "Task", "question_type": "Question type", "answer_type": "Closed or open",
    "dataset": "Data set", "body_part": "Body part",
}  # fmt: skip
ANY = ""
NO_ITEM = "Choose an item in the table to see the picture, both traces and the rubric."


@dataclass(frozen=True)
class ItemsParts:
    """The components, by name; `order` is what is sorted by and the page, kept between clicks."""

    notice: gr.HTML
    condition: gr.Dropdown
    first: gr.Dropdown
    second: gr.Dropdown
    score: gr.Dropdown
    show: gr.Dropdown
    fields: tuple[gr.Dropdown, ...]
    text: gr.Textbox
    table: gr.HTML
    item: gr.HTML
    order: gr.State
    item_notice: gr.HTML
    find: Callable[[Any, str | None], OpenedCase | None]

    @property
    def menus(self) -> list[Any]:
        return [self.condition, self.first, self.second, self.score, self.show, *self.fields]

    @property
    def controls(self) -> list[Any]:
        return [*self.menus, self.text]


def build_items(shelf: Shelf, choice: gr.Dropdown) -> ItemsParts:
    """Lay the items out and wire them to the result that `choice` names."""
    gr.Markdown("### Items", elem_id="bench-items-title")
    notice = components.notice("bench-items-notice")
    ui = _lay_out(shelf, notice)
    _wire(shelf, choice, ui)
    return ui


def _lay_out(shelf: Shelf, notice: gr.HTML) -> ItemsParts:
    def menu(label: str, choices: list[Any], value: str, **place: Any) -> gr.Dropdown:
        return gr.Dropdown(choices, value=value, label=label, filterable=False, min_width=150, **place)

    with gr.Row(elem_id="bench-items-filters"):
        condition = menu("Picture", [("shown", "image")], "image")
        first = menu("First model", [("", ANY)], ANY)
        second = menu("Second model", [("", ANY)], ANY)
        score = menu("Score", [(name, key) for key, name in SCORE_NAMES.items()], "accuracy")
        show = menu("Show", SHOW_NAMES, "all")
        fields = tuple(menu(FIELD_NAMES[name], [("any", ANY)], ANY, visible=False) for name in FIELDS)
        text = gr.Textbox(
            label="Search", placeholder="words in question, gold or answers", max_lines=1, min_width=200,
            elem_id="bench-items-search",
        )  # fmt: skip
    table = components.panel("bench-items", None, "Items of this result")
    item_notice = components.notice("bench-item-notice")
    item = components.panel("bench-item", [["p", {"class": "wb-facts"}, NO_ITEM]], "The chosen item")
    return ItemsParts(
        notice, condition, first, second, score, show, fields, text, table, item, gr.State({}), item_notice,
        lambda told, session_id: _case_of(shelf, told, session_id),
    )  # fmt: skip


def _case_of(shelf: Shelf, told: Any, session_id: str | None) -> OpenedCase | None:
    """The case behind "Open in Case"; None for any other click. Raises UserFacing."""
    if not isinstance(told, Mapping) or not told.get("open"):
        return None
    from workbench.imaging import load_image

    name = told.get("result")
    place, report = shelf.place(session_id, name), shelf.report(session_id, name)
    opened = opened_item(place, report, str(name), told, Query())
    if opened.picture is None:
        raise UserFacing("The picture of this item can't be opened.", opened.reason)
    line = opened.any_line
    picture = picture_of(load_image(opened.picture), modality=line.modality or None)
    return OpenedCase(picture, line.question, line.options)


def _wire(shelf: Shelf, choice: gr.Dropdown, ui: ItemsParts) -> None:
    inputs = [choice, ui.order, *ui.controls]
    outputs = [ui.notice, ui.order, ui.table]

    @guarded(ui.notice)
    def page(session: str | None, name: str, query: Query) -> dict[Any, Any]:
        index = item_index(shelf.folder(session, name), shelf.report(session, name))
        order = {"sort": query.sort, "down": query.down, "page": query.page}
        return {ui.order: order, ui.table: items_nodes(index, query, select(index, query))}

    @guarded(ui.item_notice)
    def look(session: str | None, name: str, query: Query, told: Mapping[str, Any]) -> dict[Any, Any]:
        place, report = shelf.place(session, name), shelf.report(session, name)
        return {ui.item: item_nodes(opened_item(place, report, name, told, query))}

    def narrow(request: gr.Request, name: str, order: Mapping[str, Any], *values: str) -> dict[Any, Any]:
        return page(request.session_hash, name, query_of({**order, "page": 0}, values))

    def clicked(
        event: gr.EventData, request: gr.Request, name: str, order: Mapping[str, Any], *values: str
    ) -> dict[Any, Any]:
        told, session = event._data or {}, request.session_hash
        if told.get("open"):
            return {}
        if "item" in told:
            return look(session, name, query_of(order, values), told)
        return page(session, name, query_of({**order, **ordering(told)}, values))

    for menu in ui.menus:
        menu.input(narrow, inputs, outputs, **AT_ONCE)
    ui.text.change(narrow, inputs, outputs, **AT_ONCE, trigger_mode="always_last")
    for panel in (ui.table, ui.item):
        panel.click(clicked, inputs, [*outputs, ui.item, ui.item_notice], **AT_ONCE)


def start_items(
    ui: ItemsParts,
    folder: Path,
    report: Mapping[str, Any],
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
    shown = [(CONDITION_NAMES.get(name, name), name) for name in index.conditions]
    updates = {
        ui.condition: gr.Dropdown(choices=shown, value=condition),
        ui.first: gr.Dropdown(choices=names, value=first, visible=len(names) > 2),
        ui.second: gr.Dropdown(choices=[("none", ANY), *names], value=second, visible=len(names) > 2),
        ui.score: query.score,
        ui.show: "all",
        ui.text: "",
        ui.notice: None,
        ui.item_notice: None,
        ui.item: [["p", {"class": "wb-facts"}, NO_ITEM]],
    }
    menus = {menu: _menu(index, name, chosen[name]) for menu, name in zip(ui.fields, FIELDS, strict=True)}
    return {**updates, **menus, ui.table: items_nodes(index, query, select(index, query)), ui.order: order}


def every_part(ui: ItemsParts) -> list[Any]:
    """The outputs of `start_items`."""
    return [ui.notice, *ui.controls, ui.table, ui.item, ui.order, ui.item_notice]


def _without_items(ui: ItemsParts, fault: UserFacing) -> dict[Any, Any]:
    """Updates for a result whose items can't be shown: the reason, and no table."""
    said = {"message": fault.message, "hint": fault.hint}
    hidden = {menu: gr.Dropdown(visible=False) for menu in ui.fields}
    return {ui.notice: said, ui.table: None, ui.item: None, ui.item_notice: None, ui.order: {}, **hidden}


def query_of(order: Mapping[str, Any], values: tuple[str, ...]) -> Query:
    """The query of the controls (in the order of `ItemsParts.controls`) and of the order kept."""
    condition, first, second, score, show, *rest = (str(value or "") for value in values)
    fields = dict(zip(FIELDS, rest[:-1], strict=True))
    query = Query(condition, first, second, score, show, fields, rest[-1])
    kept = {key: value for key, value in order.items() if key in ("sort", "down", "page")}
    return replace(query, **kept)


def ordering(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a click on a heading or a page button asks for; anything else is not taken from the page."""
    if "sort" in told:
        sort = told["sort"] if told["sort"] in SORTS else ""
        return {"sort": sort, "down": bool(told.get("down")), "page": 0}
    page = told.get("page")
    return {"page": page} if isinstance(page, int) else {}


def _menu(index: ItemIndex, name: str, value: str) -> gr.Dropdown:
    values = index.values[name]
    choices = [("any", ANY), *((f"{text} ({count:,})", text) for text, count in values)]
    known = value if value in dict(values) else ANY
    return gr.Dropdown(choices=choices, value=known, visible=len(values) > 1)
