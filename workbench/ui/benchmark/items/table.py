"""The items table as elements: one page of rows, headings that sort, rows that open."""

from collections.abc import Sequence

from workbench.bench.reports.labels import SCORE_NAMES, condition_name
from workbench.ui.benchmark.items.index import PAGE, Cell, ItemIndex, ItemRow, Page, Query, value_of
from workbench.ui.html.nodes import Node, action, node

LONGEST = 160  # characters of a cell; the item view has all of it


def items_nodes(index: ItemIndex, query: Query, page: Page) -> list[Node]:
    """Caption, table and page buttons."""
    start = page.number * PAGE
    shown = f"{start + 1:,}–{start + len(page.rows):,} of {page.total:,}" if page.total else "No item fits"
    asked, score = condition_name(query.condition), SCORE_NAMES[query.score]
    caption = f"{shown}. Picture {asked}; scores: {score}, in per cent."
    if not page.rows:
        return [node("p", caption, cls="wb-facts", role="status")]
    columns = _columns(index, query)
    head = node("tr", *(_heading(name, sort, query) for name, sort in columns))
    body = (_row(row, query, len(index.models) > 1 and bool(query.second)) for row in page.rows)
    table = node(
        "table",
        node("caption", node("span", caption)),
        node("thead", head),
        node("tbody", *body),
        cls="wb-items",
    )
    box = node("div", table, cls="wb-table", tabindex="0", role="region", aria_label="Items")
    return [box, _turning(page)]


def _columns(index: ItemIndex, query: Query) -> list[tuple[str, str]]:
    """(heading, what it sorts by; "" for nothing)."""
    names = [index.models[query.first]] + ([index.models[query.second]] if query.second else [])
    places = [("first", "second")[at] for at in range(len(names))]
    return [
        ("Item", "item_id"),
        ("Question", "question"),
        ("Gold", "gold"),
        *zip(names, places, strict=True),
        *([("Apart", "gap")] if query.second else []),
        *((f"{name}: answer", "") for name in names),
        ("Modality", "modality"),
        ("Task", "task"),
        ("Type", "question_type"),
    ]


def _heading(name: str, sort: str, query: Query) -> Node:
    if not sort:
        return node("th", name, scope="col")
    mark = (" ▾" if query.down else " ▴") if query.sort == sort else ""
    # Scores and distances are looked at from the top, names from A.
    down = not query.down if query.sort == sort else sort in ("gap", "first", "second")
    order = {True: "descending", False: "ascending"}[query.down] if query.sort == sort else None
    button = action(name + mark, {"sort": sort, "down": down}, key=f"sort-{sort}", cls="wb-sort")
    return node("th", button, scope="col", aria_sort=order)


def _row(row: ItemRow, query: Query, two: bool) -> Node:
    act = {"item": row.item_id}
    models = [query.first, query.second] if two else [query.first]
    cells = [row.cells.get((query.condition, model)) for model in models]
    values = [value_of(row, query.condition, model, query.score) for model in models]
    texts: list[Node] = [
        action(row.item_id, act, key=f"item-{row.item_id}", cls="wb-open"),
        _cut(row.question),
        _cut(row.gold),
        *(_mark(cell, value, query.score) for cell, value in zip(cells, values, strict=True)),
        *([_apart(values)] if two else []),
        *(_cut(cell.answer) if cell else "" for cell in cells),
        *(_cut(value) for value in row.fields[:3]),
    ]
    return node("tr", *(node("td", text) for text in texts))


def _mark(cell: Cell | None, value: float | None, score: str) -> Node:
    """Right or wrong in a sign and a word, or a score in per cent."""
    if cell is None:
        return node("span", "not asked", cls="wb-small")
    if cell.failed:
        return node("span", "! failed", cls="wb-mark wb-mark-failed")
    if value is None:
        return node("span", "no score", cls="wb-small")
    if score != "accuracy":
        return node("span", f"{100 * value:.0f}", cls="wb-number")
    return (
        node("span", "✓ right", cls="wb-mark wb-mark-right")
        if value
        else node("span", "✗ wrong", cls="wb-mark wb-mark-wrong")
    )


def _apart(values: Sequence[float | None]) -> str:
    first, second = values
    return "" if first is None or second is None else f"{100 * (second - first):+.0f}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _turning(page: Page) -> Node:
    """Buttons to the first, previous, next and last page."""
    last = page.pages - 1
    ways = (
        ("First", 0, page.number > 0), ("Previous", page.number - 1, page.number > 0),
        ("Next", page.number + 1, page.number < last), ("Last", last, page.number < last),
    )  # fmt: skip
    buttons = [
        action(f"{name} page", {"page": target}, key=f"page-{name}", disabled=None if there else "disabled")
        for name, target, there in ways
    ]
    said = node("span", f"Page {page.number + 1:,} of {page.pages:,}", cls="wb-small", role="status")
    return node("div", *buttons, said, cls="wb-chips", role="group", aria_label="Pages of the table")
