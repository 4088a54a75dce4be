"""The one way that lines are kept: a file of JSON objects, one a line, that is only ever added to.

Results, grounding lines, judges' replies and verdicts, self-made labels and training logs are such files.
Each is written so that a crash, a kill or a power cut costs at most the batch being written, and read so that
a line which was cut short never counts.
"""

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from workbench.errors import UserFacing

try:
    import fcntl
except ImportError:  # Windows: without locks every process needs a file of its own, as sharded runs have it
    fcntl = None  # type: ignore[assignment]

Parsed = TypeVar("Parsed")
_BLOCK = 1 << 16
_UNPARSABLE = (ValueError, RecursionError)  # what json.loads raises; bytes that are no UTF-8 are a ValueError


class JsonLines:
    """An append-only file of JSON objects, which need not exist yet.

    Threads and processes may add to one file at the same time: a lock on the file (`fcntl.flock`) is held for
    the length of one write. Where the system or the file system has no such lock, nothing is locked, and each
    process has to be given a file of its own. A name that ends in `.gz` can be read, not added to.

    `unreadable` is how many lines the last reading by `objects` passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unreadable = 0

    def append(self, records: Iterable[Mapping[str, Any]], allow_nan: bool = False) -> None:
        """Add a batch in one write and force it to disk; its folder is made where it is missing.

        What an interrupted writer left of a last line is taken off first (one that lacks only its newline is
        ended). A batch that does not fit leaves nothing behind. Raises OSError, and ValueError for NaN and
        infinity, which JSON does not have, unless `allow_nan` (for a log, where a lost run must show).
        """
        block = "".join(json.dumps(record, allow_nan=allow_nan) + "\n" for record in records).encode()
        if not block:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered, so that a batch is one call and nothing is left to be written after the lock is gone.
        with self.path.open("ab+", buffering=0) as file, _locked(file):
            _mend_last_line(file)
            start = file.seek(0, os.SEEK_END)
            try:
                _write_all(file, block)
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(start)
                raise

    def raw(self) -> Iterator[tuple[int, bytes]]:
        """(number from 1, line) of every line that is not blank, one at a time; a cut last line is left out.

        A last line without its newline counts where it is whole. Raises UserFacing for a file that can't be
        read or unpacked.
        """
        opener = gzip.open if self.path.suffix == ".gz" else open
        try:
            with opener(self.path, "rb") as file:
                for number, line in enumerate(file, 1):
                    ended = line.endswith(b"\n")
                    if line.strip() and (ended or _is_json(line)):
                        yield number, line
                    if not ended:  # another process may be writing on: what follows would be half a line too
                        return
        except (OSError, EOFError, zlib.error) as error:
            # The words of an OSError name the whole path.
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise UserFacing(
                f"{self.path.name} can't be read ({why}).",
                "Copy it again, or delete it: what it held is then made again.",
            ) from error

    def objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number from 1, object) of every line that holds one; others are passed over and counted.

        Nothing without a file. Raises UserFacing as `raw` does.
        """
        self.unreadable = 0
        for number, line in self.raw() if self.path.is_file() else ():
            try:
                record = json.loads(line)
            except _UNPARSABLE:
                record = None
            if isinstance(record, dict):
                yield number, record
            else:
                self.unreadable += 1

    def parsed(
        self, parse: Callable[[Any], Parsed], *, what: str, hint: str = "Delete that line."
    ) -> Iterator[tuple[int, Parsed]]:
        """(number from 1, what `parse` makes of the line's JSON); nothing without a file.

        Raises UserFacing as `raw` does, and for the first line that is not JSON or that `parse` refuses by a
        ValueError, KeyError or TypeError: "Line 3 of f.jsonl is not {what} (…)."
        """
        for number, line in self.raw() if self.path.is_file() else ():
            try:
                found = parse(json.loads(line))
            except (*_UNPARSABLE, KeyError, TypeError) as error:
                raise UserFacing(
                    f"Line {number} of {self.path.name} is not {what} ({error}).", hint
                ) from error
            yield number, found


@contextmanager
def _locked(file: BinaryIO) -> Iterator[None]:
    """Nobody else who locks it writes meanwhile; closing the file lets go, and so does a process's death."""
    if fcntl is not None:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
    yield


def _write_all(file: BinaryIO, block: bytes) -> None:
    """A nearly full disk takes a part and refuses the rest only when it is asked again."""
    left = memoryview(block)
    while left:
        left = left[file.write(left) :]


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except _UNPARSABLE:
        return False
    return True


def _mend_last_line(file: BinaryIO) -> None:
    """Take off a last line that an interrupted writer did not finish; end a finished one with a newline."""
    start, tail = _last_line(file)
    if tail and _is_json(tail):
        _write_all(file, b"\n")
    elif tail:
        file.truncate(start)


def _last_line(file: BinaryIO) -> tuple[int, bytes]:
    """Where the last line without a newline starts, and what it holds; read from the end, block by block."""
    place, tail = file.seek(0, os.SEEK_END), b""
    step = 1  # a whole file ends in a newline, which one byte tells
    while place > 0:
        step = min(step, place)
        place = file.seek(place - step)
        block = _read_all(file, step)
        cut = block.rfind(b"\n") + 1
        tail = block[cut:] + tail
        if cut:
            return place + cut, tail
        step = _BLOCK
    return 0, tail


def _read_all(file: BinaryIO, size: int) -> bytes:
    """An unbuffered file may give less than it is asked for."""
    found = b""
    while len(found) < size and (part := file.read(size - len(found))):
        found += part
    return found
