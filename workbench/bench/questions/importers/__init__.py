"""Benchmarks in other people's layouts → items: one module a layout, each with one `LAYOUT`.

Adding one: a module with a function from a row to an Item and a `Layout` of it, registered here, by
`LAYOUTS.register`, or by an installed package under the entry point group `workbench.importers`.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.bench.questions.importers import (
    medix,
    medssr,
    medxpertqa,
    openmedreason,
    path_vqa,
    plain,
    pmc_vqa,
    slake,
    vqa_med,
    vqa_rad,
)
from workbench.bench.questions.importers.cells import BadRow, Unusable, require
from workbench.bench.questions.importers.layout import Context, Layout, Row
from workbench.bench.questions.importers.rows import open_rows
from workbench.bench.questions.items import Item, ItemSet
from workbench.errors import UserFacing
from workbench.registry import Registry

_MODULES = (
    openmedreason, medssr, medix, slake, vqa_rad, path_vqa, vqa_med, pmc_vqa, medxpertqa, plain,
)  # fmt: skip
LAYOUTS: Registry[Layout] = Registry("layout", "workbench.importers", (module.LAYOUT for module in _MODULES))
PICTURE_STORE = Path("~/.cache/workbench/pictures")

__all__ = ["LAYOUTS", "BadRow", "Layout", "import_items", "remarks"]


def import_items(
    layout: str,
    ref: str | Path,
    limit: int | None = None,
    *,
    images: Path | None = None,
    split: str = "test",
    store: Path | None = None,
) -> ItemSet:
    """Items of a file, a folder or a hub set ("owner/name:configuration@revision") in one of LAYOUTS.

    `images` is the folder that image names start from (default: the data's folder and its usual subfolders);
    pictures inside the rows go to `store`, a cache of the user by default. Reading stops after `limit` items,
    so `dropped` and `bad` tell of the rows up to there. Rows are read one at a time. Raises UserFacing for an
    unknown layout, a source that can't be opened, and one without a usable row.
    """
    known = LAYOUTS.get_or_raise(layout)
    source = open_rows(ref, split)
    store = (store or PICTURE_STORE).expanduser()
    items: dict[str, Item] = {}
    bad: list[BadRow] = []
    for row, raw in enumerate(source.rows, 1):
        if limit is not None and len(items) >= limit:
            break
        found = _read(known, raw, Context(row, split, images or source.folder, store))
        if isinstance(found, Item) and found.item_id in items:
            found = BadRow(row, "the id stands on an earlier row")
        if isinstance(found, BadRow):
            bad.append(found)
        elif found is not None:
            items[found.item_id] = found
    dropped = dict(sorted(Counter(fault.reason for fault in bad).items()))
    if not items:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in dropped.items()) or "it is empty"
        raise UserFacing(f"{ref} holds no usable rows ({reasons}).", f"Is it {known.summary}?")
    return ItemSet(f"{layout}/{source.name}", tuple(items.values()), dropped, Path(ref), tuple(bad))


def _read(layout: Layout, raw: Any, context: Context) -> Item | BadRow | None:
    """The item of a row, why there is none, or None for an empty line."""
    if isinstance(raw, str) and not raw.strip():
        return None
    try:
        return layout.read(_decoded(layout, raw), context)
    except Unusable as fault:
        return BadRow(context.row, str(fault))
    except json.JSONDecodeError:
        return BadRow(context.row, "not JSON")
    except KeyError as error:
        return BadRow(context.row, f"no field {error}")
    except (TypeError, AttributeError, ValueError) as error:
        return BadRow(context.row, f"a field is of the wrong kind ({error})")


def _decoded(layout: Layout, raw: Any) -> Row:
    """A row as a dict; the lines of some layouts stay text, which is all they are."""
    if isinstance(raw, str):
        raw = {"line": raw} if layout.plain_lines else json.loads(raw)
    require(isinstance(raw, dict), "not a JSON object")
    return raw


def remarks(bad: tuple[BadRow, ...], most: int = 5) -> Iterator[str]:
    """One line for each reason: how many rows it left out, and the numbers of the first ones."""
    for reason, count in sorted(Counter(fault.reason for fault in bad).items()):
        rows = [str(fault.row) for fault in bad if fault.reason == reason]
        more = ", …" if count > most else ""
        noun = "row" if count == 1 else "rows"
        yield f"left out {count} {noun}: {reason} ({noun} {', '.join(rows[:most])}{more})"
