"""Result lines on disk: one JSON object a line, appended safely, read tolerantly; `run.json` beside them."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import UserFacing

RESULTS_FILE, RUN_FILE = "results.jsonl", "run.json"
SCHEMA = 1
PROTOCOL = ("revision", "mode", "decoding", "judge")
PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pillow")


@dataclass(frozen=True)
class Result:
    """One model's record on one item under one condition (seeds dossier 7.3).

    `correct` is None only when the item failed (`error` says why); no answer counts as false.
    `axes` holds `{axis: {presence, correctness, score, n_units}, "trace_score"}` or None where nothing was
    judged; `units` the verdicts behind it. `options` are in the order shown to the model, `key` names
    everything that decides the answer. `probability` holds `calibration.confidences`.
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

    @property
    def invalid(self) -> bool:
        """An answer that names none of the options, or no answer at all."""
        if self.error is not None:
            return False
        return self.answer_letter is None if self.options else not (self.answer or "").strip()


_NAMES = {field_.name for field_ in fields(Result)}
_REQUIRED = {
    "key",
    "item_id",
    "model",
    "condition",
    "question",
    "gold",
    "answer",
    "correct",
    "axes",
    "seconds",
}


class ResultFile:
    """The append-only result file of one run folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / RESULTS_FILE
        _mend_last_line(self.path)

    def append(self, results: Iterable[Result]) -> None:
        """Write the lines and force them to disk: what was written survives a power cut."""
        block = "".join(json.dumps(asdict(result), allow_nan=False) + "\n" for result in results)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(block)
            file.flush()
            os.fsync(file.fileno())


def read_results(folder: Path) -> list[Result]:
    """Lines of a run folder in order, each key once: the first line without an error wins.

    A half-written last line is left out. Raises UserFacing for a missing file, or a broken line elsewhere.
    """
    path = folder / RESULTS_FILE
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserFacing(
            f"There are no results in {str(folder)!r}.", "Make them with `bench run --out DIR`."
        ) from error
    kept: dict[str, Result] = {}
    if not _is_json(lines[-1]):
        lines.pop()
    for number, line in enumerate(lines, 1):
        if line.strip():
            result = _parsed(line, number, path)
            if result.key not in kept or (kept[result.key].error and not result.error):
                kept[result.key] = result
    return list(kept.values())


def _parsed(line: bytes, number: int, path: Path) -> Result:
    try:
        record = json.loads(line)
        if not set(record) >= _REQUIRED:
            raise ValueError("fields are missing")
        record = {name: value for name, value in record.items() if name in _NAMES}
        record |= {name: tuple(record.get(name) or ()) for name in ("options", "units")}
        return Result(**record)
    except (ValueError, TypeError) as error:
        raise UserFacing(
            f"Line {number} of {path.name} is not a result ({error}).",
            "Delete that line; it is answered again.",
        ) from error


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _mend_last_line(path: Path) -> None:
    """Take off a last line that an interrupted run did not finish; end a finished one with a newline."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole == len(content):
        return
    with path.open("r+b") as file:
        if _is_json(content[whole:]):
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        else:
            file.truncate(whole)


def read_run(folder: Path) -> dict[str, Any]:
    """The `run.json` of a folder; empty when there is none. Raises UserFacing when it is broken."""
    path = folder / RUN_FILE
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserFacing(
            f"{path} is not JSON.", "Delete it and run the benchmark again: answers are kept."
        ) from error
    return record if isinstance(record, dict) else {}


def merge_run(folder: Path, record: Mapping[str, Any]) -> None:
    """Put a run's items, models, protocol and the library versions into `run.json`; other models stay.

    Raises UserFacing when the folder holds results on other items: their scores would be mixed.
    """
    before = read_run(folder)
    name = before.get("items", {}).get("name")
    if name not in (None, record["items"]["name"]):
        raise UserFacing(
            f"{str(folder)!r} holds results on {name!r}, not on {record['items']['name']!r}.",
            "Choose another folder.",
        )
    models = before.get("models", {})
    for model, described in record["models"].items():
        old = models.get(model, {})
        same = all(old.get(field_) == described[field_] for field_ in PROTOCOL)
        earlier = old.get("conditions", []) if same else []
        conditions = list(dict.fromkeys([*earlier, *described["conditions"]]))
        models[model] = described | {"conditions": conditions}
    versions = {package: _version(package) for package in PACKAGES}
    _write_run(
        folder,
        {
            "schema": SCHEMA,
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "python": platform.python_version(),
            "packages": versions,
            "items": record["items"],
            "models": models,
        },
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _write_run(folder: Path, record: Mapping[str, Any]) -> None:
    """Replace `run.json` in one step, so that no reader sees half of it."""
    draft = folder / f".{RUN_FILE}.new"
    draft.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    draft.replace(folder / RUN_FILE)
