"""The components of the items below a result: filters, search, table, and the item that was opened."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.bench.reports.labels import SCORE_NAMES, SLICE_NAMES
from workbench.ui.benchmark.items.filters import ANY, SHOW_NAMES
from workbench.ui.benchmark.items.index import FIELDS
from workbench.ui.html import components
from workbench.ui.html.nodes import node

NO_ITEM = node(
    "p", "Choose an item in the table to see the picture, both traces and the rubric.", cls="wb-facts"
)


@dataclass(frozen=True)
class ItemsComponents:
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

    @property
    def every(self) -> list[Any]:
        """The outputs of `events.items_updates`."""
        return [self.notice, *self.controls, self.table, self.item, self.order, self.item_notice]

    @property
    def menus(self) -> list[Any]:
        return [self.condition, self.first, self.second, self.score, self.show, *self.fields]

    @property
    def controls(self) -> list[Any]:
        return [*self.menus, self.text]


def lay_out_items() -> ItemsComponents:
    """Lay the items out; call it inside a `gr.Tab`."""
    gr.Markdown("### Items", elem_id="bench-items-title")
    notice = components.notice("bench-items-notice")

    def menu(label: str, choices: list[Any], value: str, **place: Any) -> gr.Dropdown:
        return gr.Dropdown(choices, value=value, label=label, filterable=False, min_width=150, **place)

    with gr.Row(elem_id="bench-items-filters"):
        condition = menu("Picture", [("shown", "image")], "image")
        first = menu("First model", [("", ANY)], ANY)
        second = menu("Second model", [("", ANY)], ANY)
        score = menu("Score", [(name, key) for key, name in SCORE_NAMES.items()], "accuracy")
        show = menu("Show", SHOW_NAMES, "all")
        fields = tuple(menu(SLICE_NAMES[name], [("any", ANY)], ANY, visible=False) for name in FIELDS)
        text = gr.Textbox(
            label="Search", placeholder="words in question, gold or answers", max_lines=1, min_width=200,
            elem_id="bench-items-search",
        )  # fmt: skip
    table = components.panel("bench-items", None, "Items of this result")
    item_notice = components.notice("bench-item-notice")
    item = components.panel("bench-item", [NO_ITEM], "The chosen item")
    return ItemsComponents(
        notice, condition, first, second, score, show, fields, text, table, item, gr.State({}), item_notice
    )
