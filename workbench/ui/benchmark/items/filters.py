"""What the filters of the items offer, and the query that their values make. Plain data, no gradio."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.ui.benchmark.items.index import FIELDS, SORTS, ItemIndex, Query

SHOW_NAMES = [
    ("all items", "all"),
    ("where the models differ", "differ"),
    ("first model better", "first"),
    ("second model better", "second"),
    ("not fully right, any model", "wrong"),
    ("not fully right, both models", "both_wrong"),
    ("failed or without a score", "missing"),
]
ANY = ""


def query_of(order: Mapping[str, Any], values: tuple[str, ...]) -> Query:
    """The query of the controls (in the order of `ItemsComponents.controls`) and of the order kept."""
    condition, first, second, score, show, *rest = (str(value or "") for value in values)
    fields = dict(zip(FIELDS, rest[:-1], strict=True))
    query = Query(condition, first, second, score, show, fields, rest[-1])
    kept = {key: value for key, value in order.items() if key in ("sort", "down", "page")}
    return replace(query, **kept)


def ordering(click: Mapping[str, Any]) -> dict[str, Any]:
    """What a click on a heading or a page button asks for; anything else is not taken from the page."""
    if "sort" in click:
        sort = click["sort"] if click["sort"] in SORTS else ""
        return {"sort": sort, "down": bool(click.get("down")), "page": 0}
    page = click.get("page")
    return {"page": page} if isinstance(page, int) else {}


def field_choices(index: ItemIndex, name: str) -> list[tuple[str, str]]:
    """(label with how many items, value) of one field; the first is any value."""
    return [("any", ANY), *((f"{text} ({count:,})", text) for text, count in index.values[name])]
