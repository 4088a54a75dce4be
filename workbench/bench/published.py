"""Figures that others published or re-evaluated: a data file, read and checked; kept apart from our own."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from workbench.errors import UserFacing
from workbench.settings import PROJECT_ROOT

PUBLISHED_FILE = PROJECT_ROOT / "assets" / "bench" / "published.json"
PKR_TABLE = "openmedreason-pkr"
Origin = Literal["published", "re-evaluated"]


@dataclass(frozen=True)
class PublishedTable:
    """One table as its source prints it: a row a system, in `unit`; None where a cell is empty.

    `warnings` are sentences to show beside it. A printed average is a column like any other and is never
    recomputed.
    """

    id: str
    title: str
    system: str
    origin: Origin
    protocol: str
    metric: str
    unit: str
    source: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[float | None, ...]]
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.origin not in get_args(Origin):
            raise ValueError(f"{self.id}: no such origin {self.origin!r}")
        if not (self.protocol and self.source and self.warnings):
            raise ValueError(f"{self.id}: protocol, source and warnings must be stated")
        if any(len(row) != len(self.columns) for row in self.rows.values()):
            raise ValueError(f"{self.id}: a row has more or fewer cells than there are columns")


def load_published(path: Path = PUBLISHED_FILE) -> tuple[PublishedTable, ...]:
    """All tables of the data file. Raises UserFacing when it is missing or doesn't hold what it should."""
    return _load(path)


@cache
def _load(path: Path) -> tuple[PublishedTable, ...]:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_table(record) for record in records)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserFacing(
            f"The published figures in {path.name} can't be read ({error}).", "Restore that file."
        ) from error


def _table(record: dict) -> PublishedTable:
    tuples = {name: tuple(record.get(name, ())) for name in ("columns", "warnings")}
    rows = {name: tuple(cells) for name, cells in record.get("rows", {}).items()}
    return PublishedTable(**(record | tuples | {"rows": rows}))


def published_table(table_id: str) -> PublishedTable:
    """One table by its id. Raises KeyError for an id that isn't there."""
    return {table.id: table for table in load_published()}[table_id]


def pkr_table() -> PublishedTable:
    """OpenMedReason's published trace scores by axis (perception, knowledge, rationale), in per cent."""
    return published_table(PKR_TABLE)
