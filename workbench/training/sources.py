"""Training records from public sets: OpenMedReason, medix-rl-data, SLAKE and the project's own manifest.

A schema is one function from a raw row to its records and faults, entered in SCHEMAS. Parquet files and hub
sets go through the `datasets` library (memory mapped). JSON is read row by row here, since that library
refuses a whole file for one broken line or one field of mixed kind.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.items import split_options
from workbench.errors import UserFacing
from workbench.imaging.sniff import sniff
from workbench.models.catalogue import is_hub_id
from workbench.models.prompts import LETTERS
from workbench.traces import MODALITIES, parse_trace
from workbench.training.records import Record
from workbench.training.sample import TAGS

Row = dict[str, Any]
_SPLITS = ("train", "test", "val", "dev")
_INLINE = re.compile(r"(?:^|\s)\(?([A-Z])[.)]\s+(?=\S)")
_SOLUTION = re.compile(r"\s*(<[A-Z_]+>)\s*(.*)", re.DOTALL)
_REASONED = re.compile(r"<think>.*</think>\s*<answer>.*</answer>", re.DOTALL)
_TAG_OF = {name.casefold(): tag for name, tag in TAGS.items()}


@dataclass(frozen=True)
class BadRow:
    """A row, or one question of it, that can't be used; `row` counts from 1 (a line of a JSON lines file)."""

    row: int
    reason: str


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


@dataclass(frozen=True)
class Context:
    """Where a row came from: schema, number, and the folder that image names start from."""

    source: str
    row: int
    images: Path | None


Reader = Callable[[Row, Context], Iterator[Record | BadRow]]


class Unusable(Exception):
    """Why a row can't become a record."""


def _require(good: object, reason: str) -> None:
    if not good:
        raise Unusable(reason)


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
            _require(isinstance(row, dict), "not a JSON object")
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
        return _library_rows(name, split, revision=revision or None), None
    files = _files(path, split)
    folder = path if path.is_dir() else path.parent
    if files[0].suffix == ".parquet":
        return _library_rows("parquet", split, data_files={split: [str(file) for file in files]}), folder
    return [row for file in files for row in _json_rows(file)], folder


def _files(path: Path, split: str) -> list[Path]:
    """The files of a split, by how their names begin; else those whose names begin with no split's name."""
    if path.is_file():
        return [path]
    for pattern in ("*.parquet", "data/*.parquet", "manifest.jsonl", "*.jsonl", "*.json"):
        found = sorted(path.glob(pattern))
        named = [file for file in found if file.name.startswith(split)]
        if named := named or [file for file in found if not file.name.startswith(_SPLITS)]:
            return named
    what = f"The folder {path} holds no data files for the split {split!r}."
    raise UserFacing(what, "It needs .parquet, .jsonl or .json files, such as train.json.")


def _json_rows(file: Path) -> list[Any]:
    """Lines of a JSON lines file, decoded later; the objects of a file that is one JSON list."""
    try:
        text = file.read_text(encoding="utf-8")
        rows = text.rstrip("\n").split("\n") if file.suffix == ".jsonl" else json.loads(text)
    except (OSError, ValueError) as error:
        hint = "Give a UTF-8 .json list or JSON lines in a .jsonl file."
        raise UserFacing(f"{file} can't be read as JSON ({error}).", hint) from error
    return rows if isinstance(rows, list) else [rows]


def _library_rows(name: str, split: str, **arguments: Any) -> Sequence[Row]:
    """A map-style set whose images stay encoded."""
    try:
        import datasets
    except ImportError as error:
        raise UserFacing("This data needs the `datasets` library.", "Run: pip install datasets") from error
    try:
        rows = datasets.load_dataset(name, split=split, **arguments)
    except Exception as error:  # the library raises dozens of kinds; all mean that the data can't be had
        what = f"The data set {name!r} could not be read ({type(error).__name__}: {str(error)[:200]})."
        hint = "Check the path or id, the split, the network and, for a gated set, that you are logged in."
        raise UserFacing(what, hint) from error
    plain = datasets.Image(decode=False)
    for column, feature in rows.features.items():
        if isinstance(feature, datasets.Image):
            rows = rows.cast_column(column, plain)
        elif isinstance(getattr(feature, "feature", None), datasets.Image):
            rows = rows.cast_column(column, type(feature)(plain))
    return rows


def _image(value: Any, context: Context) -> Path | bytes:
    """An image cell: bytes, `{"bytes", "path"}` as `datasets` stores it, or a file name.

    Raises Unusable for an empty cell, a missing or unreadable picture, and one outside the folder.
    """
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    _require(value, "no image")
    if not isinstance(value, bytes):
        root = context.images
        places = [root / sub / value for sub in ("", "imgs", "images")] if root is not None else []
        value = next((place for place in places if place.is_file()), None)
        _require(value, "the image file is missing")
        _require(value.resolve().is_relative_to(root.resolve()), "the image lies outside the folder")
    try:
        with io.BytesIO(value) if isinstance(value, bytes) else value.open("rb") as stream:
            sniff(stream.read(4096))
    except UserFacing as fault:
        raise Unusable("the image can't be read") from fault
    return value


def _options_inside(question: str) -> tuple[str, tuple[str, ...]]:
    """Stem and options of "… A. one B. two": one a line where possible, else inside the running text."""
    stem, options = split_options(question)
    marks = list(_INLINE.finditer(question))
    for run in [] if options else (marks[first:] for first in range(len(marks) - 1)):
        if [mark[1] for mark in run] == list(LETTERS[: len(run)]):
            ends = [mark.start() for mark in run[1:]] + [len(question)]
            texts = tuple(question[mark.end() : end].strip() for mark, end in zip(run, ends, strict=True))
            return question[: run[0].start()].strip(), texts
    return stem, options


def read_openmedreason(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One OpenMedReason row: options stand inside `question`, `answer` is a letter (seeds dossier 1.2)."""
    image = _image(row["image"], context)
    stem, options = _options_inside(row["question"])
    letter, reasoning = str(row["answer"]).strip().rstrip(".").upper(), (row["reasoning"] or "").strip()
    _require(stem and options, "no lettered options in the question")
    _require(len(letter) == 1 and letter in LETTERS[: len(options)], "the answer is none of the options")
    _require(_REASONED.fullmatch(reasoning), "the reasoning lacks its tags")
    _require(parse_trace(reasoning, options).answer_letter == letter, "the reasoning ends in another answer")
    answer = options[LETTERS.index(letter)]
    yield Record(f"omr-{context.row}", stem, answer, image, options, reasoning, source=context.source)


def read_medix(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One medix-rl-data row; `solution` is "<MODALITY> answer text" (seeds dossier 4.1, 4.2)."""
    cells = row["image"] if isinstance(row["image"], list) else [row["image"]]
    _require(len(cells) <= 1, "more than one image")
    image = _image(cells[0], context) if cells else None
    question, match = row["problem"].replace("<image>", "").strip(), _SOLUTION.fullmatch(row["solution"])
    _require(match and match[1].strip("<>") in MODALITIES, "no known modality tag in front of the solution")
    answer = match[2].strip()
    _require(question and answer, "no question or no answer")
    stem, options = split_options(question)
    stem, options = (stem, options) if answer in options else (question, ())
    name, source = str(row.get("id") or f"medix-{context.row}"), str(row.get("source") or context.source)
    yield Record(name, stem, answer, image, options, tag=match[1], source=source)


def read_slake(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One question of SLAKE's own JSON, or of a hub copy with the image inside; English only."""
    _require(row.get("q_lang", "en") == "en", "not in English")
    image = _image(row.get("image") or row["img_name"], context)
    question, answer = " ".join(str(row["question"]).split()), " ".join(str(row["answer"]).split())
    _require(question and answer, "no question or no answer")
    tag = _TAG_OF.get(str(row.get("modality", "")).casefold(), "")
    yield Record(f"slake-{row.get('qid', context.row)}", question, answer, image, tag=tag, source="slake")


def read_manifest(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """Every question of one image of the project's `manifest.jsonl`; English only."""
    image = _image(row["file"], context)
    for place, qa in enumerate(row["qa"]):
        try:
            yield _manifest_question(row, qa, place, image)
        except Unusable as fault:
            yield BadRow(context.row, str(fault))


def _manifest_question(row: Row, qa: Row, place: int, image: Path | bytes) -> Record:
    _require((qa.get("lang") or "en") == "en", "not in English")
    options, answer = tuple(qa.get("options") or ()), " ".join(str(qa["answer"]).split())
    if options:
        answer = next((option for option in options if option.casefold() == answer.casefold()), "")
    _require(answer, "the answer is none of the options" if options else "no answer")
    boxes = {region["id"]: tuple(region["box"]) for region in row.get("regions") or ()}
    evidence = tuple(boxes[name] for name in qa.get("region_ids") or () if name in boxes)
    name, source = f"{row['id']}/{qa.get('qid', place)}", str((row.get("source") or {}).get("dataset", ""))
    question = " ".join(qa["question"].split())
    tag = _TAG_OF.get(str(row.get("modality", "")).casefold(), "")
    return Record(name, question, answer, image, options, tag=tag, boxes=evidence, source=source)


SCHEMAS: dict[str, Reader] = {
    "openmedreason": read_openmedreason,
    "medix": read_medix,
    "slake": read_slake,
    "manifest": read_manifest,
}
