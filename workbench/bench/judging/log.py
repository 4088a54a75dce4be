"""Everything that a judging model was asked and said: one JSON object a line, which is also what is not asked
twice. And the lines of such a record: forced to disk, read past a cut one."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from workbench.errors import UserFacing

JUDGEMENTS_FILE = "judgements.jsonl"


class JudgeLog:
    """An append-only record, read at start; a line that a crash cut short is passed over.

    Without a folder it holds the record in memory only. Safe to use from several threads.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = folder / JUDGEMENTS_FILE if folder is not None else None
        self._lock = threading.Lock()
        self._replies: dict[str, tuple[str, ...]] = {}
        if self.path is not None:
            self._read(self.path)

    def __len__(self) -> int:
        return len(self._replies)

    def replies(self, key: str) -> tuple[str, ...] | None:
        """The replies on record under a key."""
        return self._replies.get(key)

    def add(self, key: str, entry: Mapping[str, Any], replies: Sequence[str]) -> None:
        """Put replies on record with what was asked; forced to disk. Raises UserFacing when it can't be."""
        with self._lock:
            self._replies[key] = tuple(replies)
            if self.path is not None:
                append_line(self.path, {"key": key, **entry, "replies": list(replies)})

    def _read(self, path: Path) -> None:
        for record in json_lines(path):
            try:
                self._replies[record["key"]] = tuple(record["replies"])
            except (KeyError, TypeError):
                continue


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Put one JSON object at the end of a record, forced to disk; raises UserFacing when that fails.

    A line that a crash cut short stays alone on its line.
    """
    line = json.dumps(record, ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as stream:
            if stream.tell() and _last_byte(stream) != b"\n":
                line = "\n" + line
            stream.write(line.encode("utf-8", "replace"))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise UserFacing(
            f"The judge's record {path} can't be written ({error.strerror}).",
            "Make room or choose another folder, and run it again: what is on record is kept.",
        ) from error


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a record, one a line, in order; none without a file, broken lines left out."""
    if not path.is_file():
        return
    with path.open("rb") as stream:
        for line in stream:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def _last_byte(stream: IO[bytes]) -> bytes:
    stream.seek(-1, os.SEEK_END)
    return stream.read(1)


def judgement_key(judge: str, prompt: str) -> str:
    """What names a judgement: the judge (model, protocol, prompt version) and the whole prompt."""
    return hashlib.sha256(f"{judge}\0{prompt}".encode()).hexdigest()[:32]
