"""Result lines: one JSON object a line, appended safely, read tolerantly and one at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from workbench.bench.store.jsonl import JsonLines
from workbench.bench.store.result_files import RESULTS_FILE, result_files, results_name
from workbench.bench.store.run_file import PROTOCOL, RUN_FILE, SCHEMA, merge_run, read_run
from workbench.errors import UserFacing

__all__ = [
    "PROTOCOL", "RESULTS_FILE", "RUN_FILE", "SCHEMA", "Result", "ResultFile", "has_results", "iter_results",
    "known_keys", "merge_run", "read_results", "read_run",
]  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One model's record on one item under one condition.

    `correct` is None only when the item failed (`error` says why); no answer counts as false.
    `axes` holds `{axis: {presence, correctness, score, n_units}, "trace_score"}` or None where nothing was
    judged; `units` the verdicts behind it. `options` are in the order shown to the model, `key` names
    everything that decides the answer. `probability` holds `calibration.confidences`. `sample` counts the
    answers of conditions "sampled" and "anchored" from 0; `image` is the item's own picture as seen from its
    items file ("" for none); `setup` is `run_key.setup_of` the model: a model's lines of another setup are of
    another run. `recovered`: the model was asked again for a letter.
    """

    key: str
    item_id: str
    model: str
    condition: str
    question: str
    gold: str
    answer: str | None
    correct: bool | None
    axes: dict[str, Any] | None
    seconds: float
    text: str = ""
    parse_status: str = ""
    answer_letter: str | None = None
    gold_letter: str | None = None
    options: tuple[str, ...] = ()
    error: str | None = None
    finish: str = ""
    tokens: int = 0
    mode: str = "trace"
    decoding: dict[str, Any] = field(default_factory=dict)
    revision: str = ""
    judge: str = ""
    judge_protocol: str = ""
    units: tuple[dict[str, Any], ...] = ()
    image_group: str = ""
    modality: str = ""
    body_part: str = ""
    task: str = ""
    question_type: str = ""
    answer_type: str = ""
    dataset: str = ""
    probability: dict[str, float] = field(default_factory=dict)
    sample: int = 0
    image: str = ""
    setup: str = ""
    alternatives: tuple[str, ...] = ()
    recovered: bool = False

    @property
    def golds(self) -> tuple[str, ...]:
        """Every answer that counts as right, `gold` first."""
        return (self.gold, *self.alternatives)

    @property
    def invalid(self) -> bool:
        """An answer that names none of the options, or no answer at all."""
        if self.error is not None:
            return False
        return self.answer_letter is None if self.options else not (self.answer or "").strip()


_DELETE = "Delete that line; it is answered again."
_NAMES = {field_.name for field_ in fields(Result)}
_REQUIRED = {
    "key", "item_id", "model", "condition", "question", "gold", "answer", "correct", "axes", "seconds",
}  # fmt: skip


class ResultFile:
    """The append-only result file of one process of a run; `process` counts from 0."""

    def __init__(self, folder: Path, process: int = 0, processes: int = 1) -> None:
        self.path = folder / results_name(process, processes)

    def append(self, results: Iterable[Result]) -> None:
        """Write the lines as `JsonLines.append` does. Raises OSError."""
        JsonLines(self.path).append(map(vars, results))


def has_results(folder: Path) -> bool:
    """Whether a folder holds a result file, empty or not."""
    return bool(result_files(folder))


def read_results(folder: Path) -> list[Result]:
    """All lines of a run folder, as `iter_results` gives them."""
    return list(iter_results(folder))


def iter_results(folder: Path) -> Iterator[Result]:
    """Lines of all files of a run folder in order, each key once; lines with an error come last.

    A line with an error counts only where no line of its key has an answer. One line is held at a time, the
    keys, and those with errors. A half-written last line of a file is left out. Raises UserFacing for a
    folder without results, a broken line elsewhere, and a file that can't be unpacked.
    """
    if not has_results(folder):
        raise UserFacing(f"There are no results in {str(folder)!r}.", "Make them with `bench run --out DIR`.")
    seen: set[bytes] = set()
    failed: dict[bytes, Result] = {}
    for record, number, path in _records(folder):
        key = _short(record["key"])
        if key in seen:
            continue
        if record.get("error"):
            failed.setdefault(key, _parsed(record, number, path))
        else:
            seen.add(key)
            yield _parsed(record, number, path)
    yield from (line for key, line in failed.items() if key not in seen)


def known_keys(folder: Path, retry_failed: bool = False) -> set[str]:
    """Keys of the lines of a folder; with `retry_failed` not those of which every line has an error.

    Empty without results. Raises UserFacing as `iter_results` does.
    """
    answered, failed = _outcomes(folder)
    return {key.decode() for key in (answered if retry_failed else answered | failed)}


def _outcomes(folder: Path) -> tuple[set[bytes], set[bytes]]:
    """Keys with a line that holds an answer, and keys with a line that holds an error."""
    found: tuple[set[bytes], set[bytes]] = set(), set()
    for record, _, _ in _records(folder):
        found[bool(record.get("error"))].add(_short(record["key"]))
    return found


def _short(key: str) -> bytes:
    """Bytes take half the memory of text, and there may be millions of keys."""
    return key.encode()


def _records(folder: Path) -> Iterator[tuple[dict[str, Any], int, Path]]:
    """Every line of every file as (its fields, its number, its file)."""
    for path in result_files(folder):
        for number, record in JsonLines(path).parsed(_whole, what="a result", hint=_DELETE):
            yield record, number, path


def _whole(record: dict[str, Any]) -> dict[str, Any]:
    if not set(record) >= _REQUIRED:
        raise ValueError("fields are missing")
    return record


def _parsed(record: dict[str, Any], number: int, path: Path) -> Result:
    try:
        known = {name: value for name, value in record.items() if name in _NAMES}
        known |= {name: tuple(record.get(name) or ()) for name in ("options", "units", "alternatives")}
        return Result(**known)
    except TypeError as error:
        raise UserFacing(f"Line {number} of {path.name} is not a result ({error}).", _DELETE) from error
