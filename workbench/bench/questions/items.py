"""Benchmark items: questions with a gold answer, an image, and rubric units where the source has them.

Two sources are read here: the project's JSON lines and a manifest of images (`item_lines`). Other people's
layouts are read by `workbench.bench.questions.importers`.
"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench.questions.item_file import ItemFile, json_lines, short_hash
from workbench.bench.questions.item_lines import Dropped, Item, questions, read_units, split_options
from workbench.errors import UserFacing
from workbench.places import ASSETS

if TYPE_CHECKING:
    from workbench.bench.questions.importers import BadRow

BUNDLED = ASSETS / "bench"
ITEMS_FILE, MANIFEST_FILE = "items.jsonl", "manifest.jsonl"

__all__ = ["BUNDLED", "Item", "ItemSet", "bundled_names", "load_items", "read_units", "split_options"]


@dataclass(frozen=True)
class ItemSet:
    """The usable items of one source, and how many lines were left out for which reason.

    `items` is a tuple, or an `ItemFile` that reads from disk. `bad` names every line left out, by its number
    from 1, with its reason.
    """

    name: str
    items: Sequence[Item]
    dropped: dict[str, int]
    path: Path
    bad: tuple["BadRow", ...] = ()

    @cached_property
    def n_images(self) -> int:
        return len({short_hash(item.image_group) for item in self.items if item.image_path is not None})

    @property
    def source(self) -> str:
        """What `load_items` takes: the name of a bundled benchmark, an absolute path, or a hub reference."""
        if self.path.name == ITEMS_FILE and self.path.parent.parent == BUNDLED:
            return self.path.parent.name
        return os.path.abspath(self.path) if self.path.exists() else str(self.path)

    @property
    def folder(self) -> str:
        """The folder that image names start from."""
        return os.path.abspath(self.path.parent if self.path.is_file() else self.path)


def load_items(ref: str | Path, limit: int | None = None, layout: str = "", **where: Any) -> ItemSet:
    """Items of a bundled benchmark (by name), a folder, or a `.jsonl` file; `limit` keeps the first ones.

    All lines are checked; the items stay on disk, so that a set may be larger than the memory. With a
    `layout` the source is read by `importers.import_items`, which takes `where` too.

    Raises UserFacing when nothing is found, a line is not JSON (with its number), ids repeat, or no item is
    usable.
    """
    if layout:
        from workbench.bench.questions.importers import import_items

        return import_items(layout, ref, limit, **where)
    path = _locate(ref)
    items, bad = _checked(path, limit)
    dropped = dict(sorted(Counter(fault.reason for fault in bad).items()))
    if not len(items):
        reasons = ", ".join(f"{reason}: {count}" for reason, count in dropped.items())
        raise UserFacing(
            f"{path} holds no usable items{f' ({reasons})' if reasons else ''}.",
            "Check that the images lie beside the file.",
        )
    return ItemSet(_name(ref, path), items, dropped, path, bad)


def _checked(path: Path, limit: int | None) -> tuple[ItemFile, tuple["BadRow", ...]]:
    """Where the first usable items stand, and what is left out of the whole file."""
    from workbench.bench.questions.importers.cells import BadRow

    items, bad, known = ItemFile(path), [], set()
    for start, number, record in json_lines(path):
        try:
            for position, found in enumerate(questions(record, path.parent, number)):
                if isinstance(found, Dropped):
                    bad.append(BadRow(number, found.reason))
                    continue
                _require_new(found.item_id, known, path)
                if limit is None or len(items) < limit:
                    items.add(start, number, position)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserFacing(
                f"Line {number} of {path.name} lacks a field or has one of the wrong kind ({error}).",
                "Compare it with the format in the README.",
            ) from error
    return items, tuple(bad)


def _require_new(item_id: str, known: set[bytes], path: Path) -> None:
    hashed = short_hash(item_id)
    if hashed in known:
        raise UserFacing(
            f"{path.name} holds the id {item_id!r} more than once.", "Give every item an id of its own."
        )
    known.add(hashed)


def bundled_names() -> tuple[str, ...]:
    """Names of the benchmarks that come with the project."""
    return tuple(sorted(file.parent.name for file in BUNDLED.glob(f"*/{ITEMS_FILE}")))


def _locate(ref: str | Path) -> Path:
    name = str(ref)
    bundled = BUNDLED / name / ITEMS_FILE
    if re.fullmatch(r"[\w-]+", name) and bundled.is_file():
        return bundled
    path = Path(ref).expanduser()
    candidates = [path / ITEMS_FILE, path / MANIFEST_FILE] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    wanted = f"a folder with {ITEMS_FILE} or {MANIFEST_FILE}, or a .jsonl file"
    raise UserFacing(
        f"No benchmark items were found at {name!r}.",
        f"Give {wanted}, or a bundled name: {', '.join(bundled_names()) or 'none is installed'}.",
    )


def _name(ref: str | Path, path: Path) -> str:
    return path.parent.name if path.name in (ITEMS_FILE, MANIFEST_FILE) else path.stem
