"""From an item of a benchmark to a case: its picture, question and options, for "Open in Case"."""

from collections.abc import Mapping
from typing import Any

from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.ui.benchmark.items.index import Query
from workbench.ui.benchmark.items.view import opened_item
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.case.intake import OpenedCase, picture_of


def opened_case(shelf: Shelf, click: Any, session_id: str | None) -> OpenedCase | None:
    """The case behind "Open in Case"; None for any other click. Raises UserFacing."""
    if not isinstance(click, Mapping) or not click.get("open"):
        return None
    name = click.get("result")
    place, report = shelf.place(session_id, name), shelf.report(session_id, name)
    opened = opened_item(place, report, str(name), click, Query())
    if opened.picture is None:
        raise UserFacing("The picture of this item can't be opened.", opened.reason)
    line = opened.any_line
    picture = picture_of(load_image(opened.picture), modality=line.modality or None, source="the data set")
    return OpenedCase(picture, line.question, line.options, line.gold)
