"""Opening a source: rows of a file, a folder or a hub set, one at a time, with where its pictures lie.

JSON, JSON lines, CSV, TSV and pipe-separated text are read with the standard library; Parquet needs `pyarrow`
and hub sets need `datasets` (requirements-train.txt brings both).
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UserFacing
from workbench.models.catalogue import is_hub_id

INSTALL = "Run: pip install -r requirements-train.txt"
PARQUET_BATCH = 32  # rows held at once: each may carry an image of a few megabytes
_SPLITS = ("train", "test", "val", "dev")
_PATTERNS = (
    "*.parquet", "data/*.parquet", "manifest.jsonl", "*.jsonl", "*.json", "*.csv", "*.tsv", "*.txt",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Rows of a source in order, the folder that its image names start from, and what to call it.

    A row is a dict, or the text of a line that is not decoded yet.
    """

    rows: Iterable[Any]
    folder: Path | None
    name: str


def open_rows(ref: str | Path, split: str) -> Source:
    """The rows of a file, of a folder's files of that split, or of a hub set.

    A hub set is "owner/name", with ":configuration" and "@revision" behind it where needed. Raises UserFacing
    when there is no such source or it can't be opened.
    """
    path = Path(ref).expanduser()
    if path.exists():
        files = find_files(path, split)
        folder = path if path.is_dir() else path.parent
        return Source((row for file in files for row in _file_rows(file)), folder, path.stem or path.name)
    if not is_hub_id(str(ref)):
        raise UserFacing(
            f"There is no data at {str(ref)!r}.", "Give a file, a folder or a hub id (owner/name)."
        )
    name, _, revision = str(ref).partition("@")
    name, _, configuration = name.partition(":")
    rows = library_rows(name, split, revision=revision or None, name=configuration or None)
    return Source(rows, None, name)


def find_files(path: Path, split: str) -> list[Path]:
    """The files of a split, by how their names begin; else those whose names begin with no split's name."""
    if path.is_file():
        return [path]
    for pattern in _PATTERNS:
        found = sorted(path.glob(pattern))
        named = [file for file in found if file.name.startswith(split)]
        if named := named or [file for file in found if not file.name.startswith(_SPLITS)]:
            return named
    raise UserFacing(
        f"The folder {path} holds no data files for the split {split!r}.",
        "It needs .parquet, .jsonl, .json, .csv, .tsv or .txt files, such as test.json.",
    )


def _file_rows(file: Path) -> Iterator[Any]:
    kind = file.suffix.lower()
    if kind == ".parquet":
        yield from _parquet_rows(file)
    elif kind in (".csv", ".tsv"):
        yield from _table_rows(file, "," if kind == ".csv" else "\t")
    elif kind in (".pkl", ".pickle"):
        raise UserFacing(
            f"{file.name} is a pickle, and opening one can run code.", "Save it as .json, or use a hub copy."
        )
    elif kind in (".jsonl", ".txt"):
        yield from _lines(file)
    else:
        yield from json_rows(file)


def _lines(file: Path) -> Iterator[str]:
    try:
        with file.open(encoding="utf-8-sig") as stream:
            yield from (line.rstrip("\n") for line in stream)
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacing(f"{file} can't be read as text.", "Save it as UTF-8.") from error


def json_rows(file: Path) -> list[Any]:
    """Lines of a JSON lines file, decoded later; the objects of a file that is one JSON list."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = text.rstrip("\n").split("\n") if file.suffix == ".jsonl" else json.loads(text)
    except (OSError, ValueError) as error:
        hint = "Give a UTF-8 .json list or JSON lines in a .jsonl file."
        raise UserFacing(f"{file} can't be read as JSON ({error}).", hint) from error
    return rows if isinstance(rows, list) else [rows]


def _table_rows(file: Path, separator: str) -> Iterator[dict[str, Any]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            yield from csv.DictReader(stream, delimiter=separator)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserFacing(f"{file} can't be read as a table ({error}).", "Save it as UTF-8 CSV.") from error


def _parquet_rows(file: Path) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserFacing("Parquet files need the `pyarrow` library.", INSTALL) from error
    try:
        with pyarrow.parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=PARQUET_BATCH):
                yield from batch.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise UserFacing(f"{file} can't be read as Parquet ({error}).", "Fetch the file again.") from error


def library_rows(dataset: str, split: str, **arguments: Any) -> Sequence[dict[str, Any]]:
    """A map-style set of the `datasets` library, images still encoded; UserFacing when it can't be had."""
    try:
        import datasets
    except ImportError as error:
        raise UserFacing("This data needs the `datasets` library.", INSTALL) from error
    try:
        rows = datasets.load_dataset(dataset, split=split, **arguments)
    except Exception as error:  # the library raises dozens of kinds; all mean that the data can't be had
        what = f"The data set {dataset!r} could not be read ({type(error).__name__}: {str(error)[:200]})."
        hint = "Check the path or id, the split, the network and, for a gated set, that you are logged in."
        raise UserFacing(what, hint) from error
    plain = datasets.Image(decode=False)
    for column, feature in rows.features.items():
        if isinstance(feature, datasets.Image):
            rows = rows.cast_column(column, plain)
        elif isinstance(getattr(feature, "feature", None), datasets.Image):
            rows = rows.cast_column(column, type(feature)(plain))
    return rows
