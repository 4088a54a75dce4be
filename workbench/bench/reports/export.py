"""The result lines of a run folder as CSV, JSON lines or one HTML report, for other people's tools."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from workbench.bench.scores.composite import WEIGHTS, composite_of
from workbench.bench.store.results import Result, iter_results, read_run
from workbench.bench.store.run_lines import current_lines, is_current
from workbench.errors import UserFacing
from workbench.traces import AXES

FORMATS = ("csv", "jsonl", "html", "medix")
AXIS_PARTS = ("presence", "correctness", "score", "n_units")
COLUMNS = (
    "key", "item_id", "model", "revision", "condition", "sample", "mode", "correct", "answer",
    "answer_letter", "gold", "gold_letter", "question", "options", "text", "parse_status", "finish", "error",
    "trace_score", *(f"{axis}_{part}" for axis in AXES for part in AXIS_PARTS), "units", "composite",
    *(f"composite_{name}" for name in WEIGHTS), "judge", "judge_protocol", "dataset", "modality", "body_part",
    "task", "question_type", "answer_type", "image", "image_group", "tokens", "seconds", "probability",
    "decoding", "current",
)  # fmt: skip
_FORMULA = tuple("=+-@\t\r")


def cell(value: Any) -> Any:
    """A value as a CSV cell: lists and mappings as JSON, nothing as "", numbers as they are.

    A text that a spreadsheet would run as a formula (it begins with = + - @, a tab or a carriage return,
    spaces before them aside) gets an apostrophe in front, and so does one that begins with an apostrophe.
    """
    if value is None:
        return ""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{text}" if text.lstrip(" \n").startswith((*_FORMULA, "'")) else text


def row(line: Result, current: bool = True) -> dict[str, Any]:
    """One result line by the names of COLUMNS; scores are fractions, seconds are seconds.

    A line that is not `current` is of an earlier model or protocol, and in no score of the report.
    """
    axes, composite = line.axes or {}, composite_of(line)
    found = asdict(line) | {"trace_score": axes.get("trace_score"), "composite": composite.total}
    found["current"] = current
    for axis in AXES:
        found |= {f"{axis}_{part}": (axes.get(axis) or {}).get(part) for part in AXIS_PARTS}
    found |= {f"composite_{part.name}": part.value for part in composite.components}
    return {name: cell(found[name]) for name in COLUMNS}


def write_csv(folder: str | Path, file: str | Path) -> int:
    """One row a result line, UTF-8 with a byte-order mark (spreadsheets ask for it); returns the rows.

    Raises UserFacing when there are no results or the file can't be written.
    """
    run = read_run(Path(folder))

    def write(stream: TextIO, lines: Iterable[Result]) -> int:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        return sum(1 for line in lines if writer.writerow(row(line, is_current(line, run))))

    return _written(folder, file, write, "utf-8-sig")


def write_jsonl(folder: str | Path, file: str | Path) -> int:
    """The lines as they are stored, each key once, UTF-8; returns how many. Raises as `write_csv`."""

    def write(stream: TextIO, lines: Iterable[Result]) -> int:
        texts = (json.dumps(asdict(line), ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
        return sum(1 for text in texts if stream.write(text))

    return _written(folder, file, write, "utf-8")


def write_html(folder: str | Path, file: str | Path) -> None:
    """`html_report` of a folder as a file; raises UserFacing."""
    from workbench.bench.reports.html import html_report

    page = html_report(folder)
    with _draft(Path(file), "utf-8") as stream:
        stream.write(page)


def write_medix(folder: str | Path, to: str | Path) -> list[tuple[Path, int]]:
    """Every model's answers in MediX-R1's layout, in a folder; (file, lines) of each. Raises UserFacing.

    Lines of an earlier model or protocol are left out, as in the report.
    """
    from workbench.bench.questions.importers.medix import write_responses

    lines = list(current_lines(Path(folder)))
    try:
        return [write_responses(lines, to, model) for model in dict.fromkeys(line.model for line in lines)]
    except OSError as error:
        raise _unwritable(Path(to), error) from error


def _written(
    folder: str | Path, file: str | Path, write: Callable[[TextIO, Iterable[Result]], int], encoding: str
) -> int:
    with _draft(Path(file), encoding) as stream:
        return write(stream, iter_results(Path(folder)))


@contextmanager
def _draft(file: Path, encoding: str) -> Iterator[TextIO]:
    """A stream whose content becomes the file at the end, or nothing does."""
    draft = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(file, error) from error
    try:
        # newline="" is what the csv module asks for; half a surrogate pair must not end an export.
        with draft.open("w", encoding=encoding, errors="replace", newline="") as stream:
            yield stream
        draft.replace(file)
    except OSError as error:
        raise _unwritable(file, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _unwritable(file: Path, error: OSError) -> UserFacing:
    return UserFacing(f"{str(file)!r} can't be written ({error.strerror}).", "Choose another place.")
