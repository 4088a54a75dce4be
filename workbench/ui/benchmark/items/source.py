"""From a result line back to its question and picture: where they lie, or why they can't be had."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbench.bench.questions.items import Item, bundled_names, load_items
from workbench.bench.reports.model import Report
from workbench.bench.store.results import Result, read_run
from workbench.errors import UserFacing

CHANGED = "The items have changed since this was measured: the picture that was asked about is not certain."
UNKNOWN = "The result does not say where its items lie."
MOVED = "The items file of this result is not on this machine."
FOREIGN = (
    "An imported result names files of another machine; only items that come with the project are looked up."
)
NO_PICTURE = "This question has no picture."


@dataclass(frozen=True)
class Source:
    """The item behind a line, its picture, and why either is missing ("" when both are there)."""

    item: Item | None
    picture: Path | None
    reason: str = ""


def source_of(folder: Path, report: Report, line: Result, trusted: bool = True) -> Source:
    """The item and the picture of a line. Never raises for missing files: the reason says what is wrong.

    A path that a visitor brought with a result would open any picture of this machine, so such results are
    not `trusted`: only bundled items are looked up for them.
    """
    stated = read_run(folder).get("items") or vars(report.items)
    ref = stated.get("source") or stated.get("name")
    bundled = ref in bundled_names()
    if not ref or not (bundled or stated.get("source")):
        return Source(None, None, UNKNOWN)
    if not bundled and not trusted:
        return Source(None, None, FOREIGN)
    if not bundled and not Path(ref).exists():
        return Source(None, None, MOVED)
    try:
        item = _items(str(ref), _written(str(ref), bundled)).get(line.item_id)
    except UserFacing:
        return _named(Path(ref), line, stated.get("n_images"))
    if item is None or not _same(item, line):
        return Source(None, None, CHANGED)
    if item.image_path is None:
        return Source(item, None, NO_PICTURE)
    return Source(item, item.image_path)


def _same(item: Item, line: Result) -> bool:
    """Ids can be given anew; question, answer and options are what was asked. Order may be shuffled."""
    return (
        item.question == line.question
        and item.answer == line.gold
        and sorted(item.options) == sorted(line.options)
    )


def _named(ref: Path, line: Result, images: int | None) -> Source:
    """The picture by the name in the line, where the items are in a layout that can't be read again."""
    if images == 0:
        return Source(None, None, NO_PICTURE)
    base = os.path.realpath(ref if ref.is_dir() else ref.parent)
    picture = Path(os.path.realpath(os.path.join(base, line.image)))
    if not line.image or not picture.is_relative_to(base) or not picture.is_file():
        return Source(None, None, MOVED)
    return Source(None, picture)


def _written(ref: str, bundled: bool) -> int:
    """When a file of items was written; bundled ones and folders count as unchanged while the page runs."""
    return 0 if bundled or not Path(ref).is_file() else Path(ref).stat().st_mtime_ns


@dataclass(frozen=True)
class _Found:
    """Items of a file, which may stay on disk, and where each id stands."""

    items: Sequence[Item]
    places: dict[str, int]

    def get(self, item_id: str) -> Item | None:
        place = self.places.get(item_id)
        return None if place is None else self.items[place]


@lru_cache(maxsize=2)
def _items(ref: str, written: int) -> _Found:
    items = load_items(ref).items
    return _Found(items, {item.item_id: place for place, item in enumerate(items)})
