"""Results that others made, from an upload to a folder that can be read: every line is checked first.

Nothing is trusted: neither names nor sizes in an archive, nor that a line is what it should be.
"""

import gzip
import json
import math
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

from workbench.bench.asking.conditions import CONDITIONS
from workbench.bench.questions.units import UnitScore
from workbench.bench.reports.build import build_report
from workbench.bench.scores.scoring import AxisScore
from workbench.bench.store.jsonl import JsonLines
from workbench.bench.store.result_files import RESULTS_FILE, result_files
from workbench.bench.store.results import RUN_FILE, Result
from workbench.errors import UserFacing
from workbench.traces import Axis

KNOWN = re.compile(r"(results(?:-\d{5}-of-\d{5})?\.jsonl)(?:\.gz)?|run\.json")
MOST_ENTRIES, MOST_BYTES, MOST_LINES, MOST_MODELS = 200, 256_000_000, 100_000, 8
BLOCK = 1 << 20
ROUNDING = 1e-9
WANTED = f"Give {RESULTS_FILE} (and {RUN_FILE} if there is one), or one zip of a results folder."


def import_results(files: Sequence[tuple[str, Path]], into: Path) -> Path:
    """A new folder in `into` with the results of (name, file) uploads; checked line by line.

    Takes `results.jsonl`, shards of it, either gzipped, and `run.json`, or one zip of them; other files
    are left unread. Raises UserFacing, and leaves nothing behind, when none of these is there, for too much,
    a path out of the archive, a line that is not a result (with its number), and lines that make no report.
    """
    draft = Path(tempfile.mkdtemp(dir=into.parent))
    try:
        if len(files) == 1 and files[0][0].lower().endswith(".zip"):
            _unpack(files[0][1], draft)
        else:
            _copy(files, draft)
        _check_run(draft)
        _check_lines(draft)
        _check_report(draft)
        return draft.rename(into / _free_name(into, _title(draft, files[0][0])))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


class _Budget:
    """How many bytes may still be written; sizes that an archive states are not believed."""

    def __init__(self, left: int) -> None:
        self.left = left

    def copy(self, source: IO[bytes], target: Path) -> None:
        if target.exists():
            raise UserFacing(f"{target.name} is there twice.", "Give each file once.")
        with target.open("wb") as out:
            while block := source.read(BLOCK):
                self.left -= len(block)
                if self.left < 0:
                    raise UserFacing(
                        f"The results are larger than {MOST_BYTES // 1_000_000} MB.",
                        "Import a part of them, or read them with `bench report` on your own machine.",
                    )
                out.write(block)


def _copy(files: Sequence[tuple[str, Path]], folder: Path) -> None:
    named = [(PurePosixPath(name).name, path) for name, path in files]
    chosen = [(base, path) for base, path in named if KNOWN.fullmatch(base)]
    if not chosen:
        raise UserFacing(f"{named[0][0][:80]!r} is not a file of results.", WANTED)
    budget = _Budget(MOST_BYTES)
    for base, path in chosen:
        with path.open("rb") as source:
            _store(source, base, folder, budget)


def _store(source: IO[bytes], base: str, folder: Path, budget: _Budget) -> None:
    """Write one file under its own name, unpacked if it is gzipped."""
    if not base.endswith(".gz"):
        return budget.copy(source, folder / base)
    try:
        with gzip.open(source) as plain:
            budget.copy(plain, folder / base.removesuffix(".gz"))
    except (OSError, EOFError, zlib.error) as error:
        raise UserFacing(f"{base} can't be unpacked.", "Pack it again.") from error


def _unpack(path: Path, folder: Path) -> None:
    with _opened(path) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            raise UserFacing(f"The zip holds {len(entries):,} entries; the limit is {MOST_ENTRIES}.", WANTED)
        for entry in entries:
            _require_inside(entry)
            # The other ways may ask for gigabytes of memory before the first byte is there.
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise UserFacing("The zip is packed in an unusual way.", "Make it again with plain Deflate.")
        chosen = [
            entry
            for entry in entries
            if not entry.is_dir()
            and KNOWN.fullmatch(PurePosixPath(entry.filename).name)
            and "__MACOSX" not in entry.filename
        ]
        if len({PurePosixPath(entry.filename).parent for entry in chosen}) > 1:
            raise UserFacing("The zip holds several folders of results.", "Zip one of them.")
        budget = _Budget(MOST_BYTES)
        for entry in chosen:
            with archive.open(entry) as source:
                _store(source, PurePosixPath(entry.filename).name, folder, budget)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        # RuntimeError: it has a password; NotImplementedError: packed in a way Python can't read
        raise UserFacing("The zip can't be unpacked.", "Make it again, without a password.") from error


def _require_inside(entry: zipfile.ZipInfo) -> None:
    """Raise UserFacing for an entry that points out of the archive, or is a link."""
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    outside = name.is_absolute() or ".." in name.parts or ":" in entry.filename
    if outside or stat.S_ISLNK(entry.external_attr >> 16):
        raise UserFacing(
            f"The zip holds a path that leads out of it: {entry.filename[:80]!r}.", "Nothing was imported."
        )


def _check_run(folder: Path) -> None:
    path = folder / RUN_FILE
    if not path.is_file():
        return
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserFacing(f"{RUN_FILE} is not JSON.", "Export it again, or leave it out.") from error
    if not isinstance(record, dict):
        raise UserFacing(f"{RUN_FILE} is not a JSON object.", "Export it again, or leave it out.")


@cache
def _adapters() -> tuple[TypeAdapter[Any], TypeAdapter[Any], TypeAdapter[Any]]:
    """Checkers of a line, its verdicts and its axes. Made once: making them takes a while."""
    return TypeAdapter(Result), TypeAdapter(tuple[UnitScore, ...]), TypeAdapter(dict[Axis, AxisScore])


def _check_lines(folder: Path) -> None:
    """Raise UserFacing, with file and number, for the first line that is not a result."""
    count, models = 0, set()
    for path in result_files(folder):
        for number, line in JsonLines(path).raw():
            count += 1
            try:
                models.add(_checked(line).model)
            except ValueError as error:
                raise UserFacing(
                    f"Line {number} of {path.name} is not a result: {_reason(error)}.",
                    "Nothing was imported. Correct or delete that line.",
                ) from error
            if count > MOST_LINES or len(models) > MOST_MODELS:
                raise UserFacing(
                    f"There are more than {MOST_LINES:,} lines or {MOST_MODELS} models.",
                    "Import a part of them, or read them with `bench report` on your own machine.",
                )
    if not count:
        raise UserFacing("There are no results in what was uploaded.", WANTED)


def _checked(line: bytes) -> Result:
    """The result in a line, every field of its kind. Raises ValueError."""
    whole, verdicts, axes = _adapters()
    result = whole.validate_json(line, strict=True)
    if result.condition not in CONDITIONS:
        raise ValueError(f"there is no condition {result.condition[:40]!r}")
    verdicts.validate_python(result.units)
    scores = dict(result.axes or {})
    total = scores.pop("trace_score", 0.0)
    found = axes.validate_python(scores)
    if not (total is None or isinstance(total, int | float)):
        raise ValueError("trace_score is not a number")
    if not math.isfinite(result.seconds):
        raise ValueError("a number is infinite or not a number")
    shares = [total or 0.0, *result.probability.values()]
    shares += [
        value for score in found.values() for value in (score.presence, score.correctness, score.score)
    ]
    if not all(0 <= value <= 1 + ROUNDING for value in shares):
        raise ValueError("a score or probability is not between 0 and 1")
    return result


def _reason(error: ValueError) -> str:
    """The first thing that is wrong, in a few words; nothing of the line itself."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:60]
    said = first["msg"].removesuffix(".")
    return f"{place}: {said}" if place else said


def _check_report(folder: Path) -> None:
    """Raise UserFacing when the lines, each a result, don't make a report together."""
    try:
        build_report(folder)
    except UserFacing as fault:  # its own words name a folder of the server and a command
        raise UserFacing(
            f"None of the lines is of a model, revision and protocol that {RUN_FILE} names, or one can't be "
            "read again.",
            f"Leave {RUN_FILE} out, or export the results again. Nothing was imported.",
        ) from fault
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise UserFacing(
            "The lines can be read, but no report can be made from them together.",
            f"Leave {RUN_FILE} out, or export the results again. Nothing was imported.",
        ) from error


def _title(folder: Path, uploaded: str) -> str:
    """A short name: that of the items in `run.json`, else that of the zip."""
    run = json.loads((folder / RUN_FILE).read_bytes()) if (folder / RUN_FILE).is_file() else {}
    items = run.get("items")
    name = items.get("name") if isinstance(items, dict) else None
    stem = PurePosixPath(uploaded).name.split(".")[0]
    return re.sub(r"[^\w-]+", "-", str(name or stem)).strip("-")[:40] or "results"


def _free_name(folder: Path, wanted: str) -> str:
    taken = {path.name for path in folder.iterdir()}
    number = 1
    while (name := wanted if number == 1 else f"{wanted}-{number}") in taken:
        number += 1
    return name
