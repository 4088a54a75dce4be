"""Everything that a judging model was asked and said, which is also what is not asked twice."""

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.bench.store.jsonl import JsonLines
from workbench.errors import UserFacing

JUDGEMENTS_FILE = "judgements.jsonl"


class JudgeLog:
    """An append-only record, read at start; the last line of a key counts, those without replies don't.

    Without a folder it holds the record in memory only. Safe to use from several threads.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = folder / JUDGEMENTS_FILE if folder is not None else None
        self._lock = threading.Lock()
        self._replies: dict[str, tuple[str, ...]] = {}
        self._times: Counter[str] = Counter()
        if self.path is not None:
            self._read(self.path)

    def __len__(self) -> int:
        return len(self._replies)

    def replies(self, key: str) -> tuple[str, ...] | None:
        """The replies on record under a key."""
        return self._replies.get(key)

    def times(self, key: str) -> int:
        """How often a key is on record."""
        return self._times[key]

    def add(self, key: str, entry: Mapping[str, Any], replies: Sequence[str]) -> None:
        """Put replies on record with what was asked; forced to disk. Raises UserFacing when it can't be."""
        with self._lock:
            self._replies[key] = tuple(replies)
            self._times[key] += 1
            if self.path is not None:
                append_line(self.path, {"key": key, **entry, "replies": list(replies)})

    def _read(self, path: Path) -> None:
        for _, record in JsonLines(path).objects():
            try:
                self._replies[record["key"]] = tuple(record["replies"])
                self._times[record["key"]] += 1
            except (KeyError, TypeError):
                continue


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Add one record as `JsonLines.append` does; raises UserFacing when it can't be written."""
    try:
        JsonLines(path).append([record])
    except OSError as error:
        raise UserFacing(
            f"The judge's record {path} can't be written ({error.strerror}).",
            "Make room or choose another folder, and run it again: what is on record is kept.",
        ) from error


def judgement_key(judge: str, prompt: str) -> str:
    """What names a judgement: the judge (model, protocol, prompt version) and the whole prompt."""
    return hashlib.sha256(f"{judge}\0{prompt}".encode()).hexdigest()[:32]
