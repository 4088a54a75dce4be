"""HTML of our own as trees for `html/scripts/markup.js`, so that no page script takes markup from text.

A Gradio HTML template is evaluated as a JavaScript template string: a "${…}" in a model's words would run.
In a tree, text stays text, whoever wrote it.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

Node = str | list[Any]  # text, or [tag, {attribute: value}, *children]
TAGS = frozenset(
    {
        "b", "button", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "h4", "h5",
        "img", "li", "ol", "p", "section", "span", "strong", "sub", "summary", "table", "tbody", "td", "th",
        "thead", "tr", "ul",
    }
)  # fmt: skip
PICTURE_ADDRESS = "data:image/"


def node(tag: str, *children: Node | None, **attributes: Any) -> Node:
    """An element; `cls` is its class, `data_x` becomes `data-x`; attributes and children of None fall away.

    Texts of models and people may be children, or values of `alt`, `title` and `data_act`; nothing else.
    Raises ValueError for elements and attributes that could run script or load something from elsewhere.
    """
    names = {"cls": "class"}
    kept = {
        names.get(name, name.replace("_", "-")): str(value)
        for name, value in attributes.items()
        if value is not None
    }
    if tag not in TAGS:
        raise ValueError(f"<{tag}> is not an element that the page shows")
    if unsafe := [name for name in kept if name.startswith("on") or name in ("href", "srcdoc", "formaction")]:
        raise ValueError(f"attribute {unsafe[0]!r} could run script")
    if not kept.get("src", PICTURE_ADDRESS).startswith(PICTURE_ADDRESS):
        raise ValueError("a picture comes with the page, not from an address")
    return [tag, kept, *(child for child in children if child is not None)]


def action(text: str, act: Mapping[str, Any], *, key: str | None = None, **attributes: Any) -> Node:
    """A button that tells Python `act`; `key` finds it again in a new drawing where its act differs."""
    data = json.dumps(act, ensure_ascii=False)
    look = {"cls": "wb-chip", **attributes}
    return node("button", text, type="button", data_act=data, data_key=key, **look)


def switched_off(text: str, reason: str) -> Node:
    """A button that can't be used, with the reason beside it."""
    button = node("button", text, type="button", cls="wb-chip", disabled="disabled")
    return node("p", button, " ", node("span", reason, cls="wb-small"), cls="wb-off")


def notice_node(message: str, hint: str = "") -> Node:
    """A fault in a sentence, and what to do about it."""
    return node("div", node("strong", message), f" {hint}", cls="wb-notice", role="alert")


def bullets(texts: Iterable[Node]) -> Node:
    """A list, one entry a text."""
    return node("ul", *(node("li", text) for text in texts))


def table_node(
    caption: str,
    columns: Sequence[Node],
    rows: Iterable[Sequence[Node | None]],
    numeric: Collection[int] = (),
    label: str = "",
) -> Node:
    """A table that scrolls sideways in itself; numbers (in `numeric` columns) stand on the right."""

    def cell(tag: str, content: Node | None, at: int) -> Node:
        scope = "col" if tag == "th" else None
        return node(tag, content, scope=scope, cls="wb-number" if at in numeric else None)

    head = node("thead", node("tr", *(cell("th", column, at) for at, column in enumerate(columns))))
    body = node(
        "tbody", *(node("tr", *(cell("td", text, at) for at, text in enumerate(row))) for row in rows)
    )
    inner = node("table", node("caption", node("span", caption)), head, body)
    return node(
        "div", inner, cls="wb-table", tabindex="0", role="region", aria_label=label or caption or "Table"
    )
