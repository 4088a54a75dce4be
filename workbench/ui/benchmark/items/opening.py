"""From an item of a benchmark to a case: its picture, question and options, for "Open in Case"."""

from collections.abc import Mapping
from typing import Any

from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.ui.benchmark.items.index import Query
from workbench.ui.benchmark.items.source import NO_PICTURE
from workbench.ui.benchmark.items.view import opened_item
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.case.intake import MOST_PICTURES, OpenedCase, picture_of


def opened_case(shelf: Shelf, click: Any, session_id: str | None) -> OpenedCase | None:
    """The case behind "Open in Case"; None for any other click. Raises UserFacing."""
    if not isinstance(click, Mapping) or not click.get("open"):
        return None
    name = click.get("result")
    place, report = shelf.place(session_id, name), shelf.report(session_id, name)
    opened = opened_item(place, report, str(name), click, Query())
    line = opened.any_line
    if opened.picture is None and opened.reason == NO_PICTURE:
        return OpenedCase(None, line.question, line.options, line.gold)
    if opened.picture is None:
        raise UserFacing("The picture of this item can't be opened.", opened.reason)
    further = () if opened.item is None else opened.item.more_images
    if len(further) >= MOST_PICTURES:
        raise UserFacing(
            f"This item has {1 + len(further)} pictures; Case shows at most {MOST_PICTURES}.",
            "Ask it on the command line: ask IMAGE QUESTION --image MORE.",
        )
    first, *more = (
        picture_of(load_image(path), modality=line.modality or None, source="the data set")
        for path in (opened.picture, *further)
    )
    return OpenedCase(first, line.question, line.options, line.gold, tuple(more))
