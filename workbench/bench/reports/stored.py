"""A report kept beside the lines that it was made from, and made anew when they have changed."""

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from workbench.bench.judging.verdicts import VERDICTS_FILE
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import REPORT_SCHEMA, Report
from workbench.bench.store.result_files import result_files
from workbench.bench.store.results import RUN_FILE
from workbench.errors import UserFacing

REPORT_FILE = "report.json"


def open_report(folder: str | Path) -> Report:
    """The stored report of a folder where it still holds, else `build_report`'s, stored for the next time.

    It holds while the lines and `run.json` are those it was made from: the same sizes, and either older than
    it or of the same content (a copied folder has new times). `sources` in it says which they were. Without
    lines, or with lines but no `run.json`, it came with the project and is opened as it is: such a report may
    be of an older schema (see `report.model`). A folder that can't be written to is no fault.

    Raises UserFacing when there are neither lines nor a readable report.
    """
    folder = Path(folder)
    path, inputs = folder / REPORT_FILE, _inputs(folder)
    stored = _read(path)
    if stored is not None and _holds(stored, path, inputs):
        return stored
    if not inputs and path.is_file():
        raise UserFacing(f"The report of {folder.name!r} can't be read.", "Copy it again.")
    sources = {
        source.name: _fingerprint(source) for source in inputs
    }  # before reading: a run may still be writing
    report = replace(build_report(folder), sources=sources)
    with suppress(OSError):
        _write(path, report)
    return report


def _inputs(folder: Path) -> list[Path]:
    """The files that a report is made from; none without result lines."""
    lines = result_files(folder)
    if not lines:
        return []
    beside = (folder / RUN_FILE, folder / VERDICTS_FILE)
    return [*lines, *(file for file in beside if file.is_file())]


def _read(path: Path) -> Report | None:
    try:
        report = Report.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return report if report.origin == "measured" else None


def _holds(report: Report, path: Path, inputs: Iterable[Path]) -> bool:
    found = {source.name: source for source in inputs}
    if not found:
        return True
    sources = report.sources
    if sources is None:
        if RUN_FILE not in found:
            return True
        return report.schema == REPORT_SCHEMA and not _newer(found.values(), path)
    if report.schema != REPORT_SCHEMA:
        return False
    sizes = {name: source.stat().st_size for name, source in found.items()}
    if sizes != {name: stated[0] for name, stated in sources.items()}:
        return False
    if not _newer(found.values(), path):
        return True
    return all(_fingerprint(source) == sources[name] for name, source in found.items())


def _newer(sources: Iterable[Path], path: Path) -> bool:
    made = path.stat().st_mtime_ns
    return any(source.stat().st_mtime_ns >= made for source in sources)


def _fingerprint(source: Path) -> tuple[int, str]:
    """Size in bytes and BLAKE2 digest of a file, the size taken first."""
    size = source.stat().st_size
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
    return size, digest.hexdigest()


def _write(path: Path, report: Report) -> None:
    """Replace the file in one step, so that no reader sees half of it."""
    draft = path.with_name(f".{REPORT_FILE}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(report.to_json(), allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
