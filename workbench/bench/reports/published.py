"""Figures that others published or re-evaluated: a data file, read and checked; kept apart from our own."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from workbench.errors import UserFacing
from workbench.places import ASSETS

PUBLISHED_FILE = ASSETS / "bench" / "published.json"
PKR_TABLE = "openmedreason-pkr"
Origin = Literal["published", "re-evaluated"]
Evidence = Literal["source", "quoted"]


@dataclass(frozen=True)
class Footnote:
    """Two or more sources that contradict each other, and what was made of it."""

    text: str
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.text or len(self.sources) < 2:
            raise ValueError("a footnote states a conflict and names both sources")


@dataclass(frozen=True)
class PublishedTable:
    """One table as its source prints it: a row a system, in `unit`; None where a cell is empty.

    `evidence` "quoted" means that the numbers were read in a text by others. `base` names the row of the
    untuned model; where none was published it is empty and a warning says so. `warnings` are sentences to
    show beside the table, `footnotes` contradictions between sources. A printed average is a column like any
    other and is never recomputed.
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
    base: str = ""
    evidence: Evidence = "source"
    footnotes: tuple[Footnote, ...] = ()

    def __post_init__(self) -> None:
        if self.origin not in get_args(Origin) or self.evidence not in get_args(Evidence):
            raise ValueError(f"{self.id}: no such origin {self.origin!r} or evidence {self.evidence!r}")
        if not (self.protocol and self.source and self.warnings):
            raise ValueError(f"{self.id}: protocol, source and warnings must be stated")
        if any(len(row) != len(self.columns) for row in self.rows.values()):
            raise ValueError(f"{self.id}: a row has more or fewer cells than there are columns")
        if self.base and self.base not in self.rows:
            raise ValueError(f"{self.id}: there is no row {self.base!r}")


def load_published(path: Path = PUBLISHED_FILE) -> tuple[PublishedTable, ...]:
    """All tables of the data file. Raises UserFacing when it is missing or doesn't hold what it should."""
    return _load(path)


@cache
def _load(path: Path) -> tuple[PublishedTable, ...]:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_table(record) for record in records)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        what = error.strerror if isinstance(error, OSError) else error  # its own words name the whole path
        raise UserFacing(
            f"The published figures in {path.name} can't be read ({what}).", "Restore that file."
        ) from error


def _table(record: dict) -> PublishedTable:
    tuples = {name: tuple(record.get(name, ())) for name in ("columns", "warnings")}
    rows = {name: tuple(cells) for name, cells in record.get("rows", {}).items()}
    footnotes = tuple(Footnote(note["text"], tuple(note["sources"])) for note in record.get("footnotes", ()))
    return PublishedTable(**(record | tuples | {"rows": rows, "footnotes": footnotes}))


def published_table(table_id: str) -> PublishedTable:
    """One table by its id. Raises KeyError for an id that isn't there."""
    return {table.id: table for table in load_published()}[table_id]


CSV_COLUMNS = (
    "origin", "evidence", "system", "table", "row", "is_base", "column", "value", "unit", "metric",
    "protocol", "source",
)  # fmt: skip


def published_csv(tables: Sequence[PublishedTable]) -> str:
    """Every printed cell as a line of its own with all that belongs to it; empty cells have no line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        about = (table.unit, table.metric, table.protocol, table.source)
        for row, cells in table.rows.items():
            head = (table.origin, table.evidence, table.system, table.id, row, int(row == table.base))
            for column, cell in zip(table.columns, cells, strict=True):
                if cell is not None:
                    writer.writerow([*head, column, cell, *about])
    return out.getvalue()
