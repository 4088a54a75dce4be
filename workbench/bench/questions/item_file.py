"""Items that stay on disk: a sequence that knows where each one stands and reads it when it is asked for."""

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, overload

from workbench.bench.questions.item_lines import Dropped, Item, questions
from workbench.errors import UserFacing


class ItemFile(Sequence[Item]):
    """The usable items of a file of JSON lines, read again each time; 24 bytes an item are held.

    Slices are tuples of items. Raises UserFacing when the file has changed since it was first read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places = array("Q")  # of each item: where its line starts, which line and which question it is

    def add(self, start: int, line: int, position: int) -> None:
        """Note the next item: its line starts at byte `start`; `position` counts the questions of a line."""
        self._places.extend((start, line, position))

    def __len__(self) -> int:
        return len(self._places) // 3

    def __iter__(self) -> Iterator[Item]:
        return self._read(range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        wanted = range(len(self))[index]
        return tuple(self._read(wanted)) if isinstance(wanted, range) else next(self._read([wanted]))

    def _read(self, wanted: Sequence[int]) -> Iterator[Item]:
        try:
            with self.path.open("rb") as file:
                for number in wanted:
                    yield self._item(file, *self._places[3 * number : 3 * number + 3])
        except OSError as error:
            raise self._changed() from error

    def _item(self, file: BinaryIO, start: int, line: int, position: int) -> Item:
        file.seek(start)
        try:
            found = list(questions(json.loads(file.readline()), self.path.parent, line))[position]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise self._changed() from error
        if isinstance(found, Dropped):
            raise self._changed()
        return found

    def _changed(self) -> UserFacing:
        return UserFacing(
            f"{self.path} or its pictures changed while they were read.", "Run the same command again."
        )


def json_lines(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(where it starts, number from 1, object) of every line that is not blank, one at a time.

    Raises UserFacing for a file that can't be read as text and for a line that is no JSON object.
    """
    start = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield start, number, _object(line.decode("utf-8"), path, number)
                start += len(line)
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacing(f"{path} can't be read as text.", "Give a UTF-8 file of JSON lines.") from error


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    hint = "Put one JSON object on each line."
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserFacing(f"Line {number} of {path.name} is not JSON.", hint) from error
    if not isinstance(record, dict):
        raise UserFacing(f"Line {number} of {path.name} is not a JSON object.", hint)
    return record


def short_hash(text: str) -> bytes:
    """16 bytes that stand for a text, to hold a million of them."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
