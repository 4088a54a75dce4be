"""Training records from files, folders and hub sets, in any of the schemas of `schemas.py`.

Parquet files and hub sets go through the `datasets` library (memory mapped). JSON is read row by row here,
since that library refuses a whole file for one broken line or one field of mixed kind.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.questions.importers.cells import BadRow, Unusable, require
from workbench.bench.questions.importers.rows import find_files, json_rows, library_rows
from workbench.errors import UserFacing
from workbench.models.catalogue import is_hub_id
from workbench.training.sft.records import Record
from workbench.training.sft.schemas import SCHEMAS, Context


@dataclass(frozen=True)
class LoadReport:
    """What was read: rows seen, records kept, and every row left out with its reason."""

    source: str
    rows: int
    kept: int
    bad: tuple[BadRow, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """Reason → how many rows or questions it left out."""
        return dict(sorted(Counter(fault.reason for fault in self.bad).items()))


class RecordTable(Sequence[Record]):
    """Records of one source, built when asked for: images stay on disk. `bad` holds what is not usable."""

    def __init__(self, rows: Sequence[Any], schema: str, images: Path | None) -> None:
        self._rows, self._schema, self._images = rows, schema, images
        self._places: list[tuple[int, int]] = []
        self.bad: list[BadRow] = []
        for row in range(len(rows)):
            for place, found in enumerate(self._read(row)):
                if isinstance(found, BadRow):
                    self.bad.append(found)
                else:
                    self._places.append((row, place))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Record:  # type: ignore[override]
        row, place = self._places[index]
        found = self._read(row)[place]
        if isinstance(found, BadRow):
            raise UserFacing(f"Row {found.row} has changed ({found.reason}).", "Leave the data as it is.")
        return found

    def _read(self, index: int) -> list[Record | BadRow]:
        row, number = self._rows[index], index + 1
        try:
            row = json.loads(row) if isinstance(row, str) else row
            require(isinstance(row, dict), "not a JSON object")
            return list(SCHEMAS[self._schema](row, Context(self._schema, number, self._images)))
        except Unusable as fault:
            return [BadRow(number, str(fault))]
        except json.JSONDecodeError:
            return [BadRow(number, "not JSON")]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return [BadRow(number, f"a field is missing or of the wrong kind ({error})")]


def load_records(
    schema: str, ref: str, images: Path | None = None, split: str = "train"
) -> tuple[RecordTable, LoadReport]:
    """Records of a file, a folder, or a hub set (`owner/name`, `owner/name@revision`).

    `images` is the folder that image names start from (default: the data's folder, its `imgs` and `images`).
    A row that can't be used is in the report, never skipped in silence. Raises UserFacing for an unknown
    schema, a source that can't be found or opened, and one without a usable row.
    """
    if schema not in SCHEMAS:
        raise UserFacing(f"There is no data schema {schema!r}.", f"Use one of: {', '.join(SCHEMAS)}.")
    rows, folder = _open(ref, split)
    table = RecordTable(rows, schema, images or folder)
    report = LoadReport(ref, len(rows), len(table), tuple(table.bad))
    if not table:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in report.reasons.items())
        raise UserFacing(f"{ref} holds no usable rows ({reasons or 'it is empty'}).", f"Is it {schema} data?")
    return table, report


def _open(ref: str, split: str) -> tuple[Sequence[Any], Path | None]:
    path = Path(ref).expanduser()
    if not path.exists():
        if not is_hub_id(ref):
            raise UserFacing(
                f"There is no data at {ref!r}.", "Give a file, a folder or a hub id (owner/name)."
            )
        name, _, revision = ref.partition("@")
        return library_rows(name, split, revision=revision or None), None
    files = find_files(path, split)
    folder = path if path.is_dir() else path.parent
    if files[0].suffix == ".parquet":
        return library_rows("parquet", split, data_files={split: [str(file) for file in files]}), folder
    return [row for file in files for row in json_rows(file)], folder
