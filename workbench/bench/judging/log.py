"""Everything that a judging model was asked and said: one JSON object a line, which is also what is not asked
twice."""

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
        if self.path is not None and self.path.is_file():
            self._read(self.path)

    def __len__(self) -> int:
        return len(self._replies)

    def replies(self, key: str) -> tuple[str, ...] | None:
        """The replies on record under a key."""
        return self._replies.get(key)

    def add(self, key: str, entry: Mapping[str, Any], replies: Sequence[str]) -> None:
        """Put replies on record with what was asked; forced to disk. Raises UserFacing when it can't be."""
        line = json.dumps({"key": key, **entry, "replies": list(replies)}, ensure_ascii=False) + "\n"
        with self._lock:
            self._replies[key] = tuple(replies)
            if self.path is None:
                return
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as stream:
                    stream.write(line)
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError as error:
                raise UserFacing(
                    f"The judge's record {self.path} can't be written ({error.strerror}).",
                    "Make room or choose another folder, and run it again: what is on record is kept.",
                ) from error

    def _read(self, path: Path) -> None:
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):  # what comes next must not join the cut line
            with path.open("ab") as stream:
                stream.write(b"\n")
        for line in data.split(b"\n"):
            try:
                record = json.loads(line)
                self._replies[record["key"]] = tuple(record["replies"])
            except (ValueError, KeyError, TypeError):
                continue


def judgement_key(judge: str, prompt: str) -> str:
    """What names a judgement: the judge (model, protocol, prompt version) and the whole prompt."""
    return hashlib.sha256(f"{judge}\0{prompt}".encode()).hexdigest()[:32]
