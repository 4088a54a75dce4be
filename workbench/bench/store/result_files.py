"""The files that result lines lie in: their names, safe appending, and reading whole lines one at a time.

One process writes `results.jsonl`, each of several `results-RRRRR-of-NNNNN.jsonl`. Either may have been
compressed afterwards (`.gz` appended): such a file is read, never written.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from workbench.errors import UserFacing

RESULTS_FILE = "results.jsonl"
_NAME = re.compile(r"results(?:-(\d{5})-of-(\d{5}))?\.jsonl(?:\.gz)?")
_BLOCK = 1 << 16


def results_name(process: int = 0, processes: int = 1) -> str:
    """The name of one process's file; `process` counts from 0."""
    return RESULTS_FILE if processes == 1 else f"results-{process:05d}-of-{processes:05d}.jsonl"


def result_files(folder: Path) -> list[Path]:
    """The result files of a folder, in the order in which their lines count: later ones replace earlier.

    Files of one number of processes stay together, by name (a compressed one before the same name without
    `.gz`); the number of processes that wrote last comes last.
    """
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("results*"), key=lambda path: (path.suffix != ".gz", path.name)):
        if (match := _NAME.fullmatch(path.name)) and path.is_file():
            groups.setdefault(match[2] or "", []).append(path)
    ordered = sorted(groups.items(), key=lambda group: (max(map(_written, group[1])), group[0]))
    return [path for _, paths in ordered for path in paths]


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line) of every line that is not blank; a half-written last line is left out.

    Raises UserFacing for a file that can't be read or unpacked.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, 1):
                ended = line.endswith(b"\n")
                if line.strip() and (ended or is_json(line)):
                    yield number, line
                if not ended:  # another process may be writing on: what follows would be half a line too
                    return
    except (OSError, EOFError, zlib.error) as error:
        # The words of an OSError name the whole path.
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        what = f"{path.name} can't be read ({why})."
        raise UserFacing(what, "Copy it again, or delete it: its items are then answered again.") from error


def is_json(line: bytes) -> bool:
    """Whether a line is one whole JSON value."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def mend_last_line(path: Path) -> None:
    """Take off a last line that an interrupted run did not finish; end a finished one with a newline."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        start, tail = _last_line(file)
        if not tail:
            return
        if is_json(tail):
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        else:
            file.truncate(start)


def _last_line(file: BinaryIO) -> tuple[int, bytes]:
    """Where the last line without a newline starts, and what it holds; read from the end, block by block."""
    place, tail = file.seek(0, os.SEEK_END), b""
    while place > 0:
        step = min(_BLOCK, place)
        place = file.seek(place - step)
        block = file.read(step)
        cut = block.rfind(b"\n") + 1
        tail = block[cut:] + tail
        if cut:
            return place + cut, tail
    return 0, tail
