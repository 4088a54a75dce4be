"""`run.json` beside the result lines: what was asked of whom, how, and with which versions."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import UserFacing

RUN_FILE = "run.json"
SCHEMA = 1
PROTOCOL = ("revision", "mode", "decoding", "judge")
PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pillow")


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


def require_items(folder: Path, name: str) -> None:
    """Raise UserFacing when the folder holds results on other items: their scores would be mixed."""
    before = read_run(folder).get("items", {}).get("name")
    if before not in (None, name):
        raise UserFacing(
            f"{str(folder)!r} holds results on {before!r}, not on {name!r}.", "Choose another folder."
        )


def merge_run(folder: Path, record: Mapping[str, Any]) -> None:
    """Put a run's items, models, protocol and the library versions into `run.json`; other models stay.

    `record` holds "items" {name, …}, "models" {name: {revision, mode, decoding, judge, conditions, …}} and
    perhaps "code". Conditions of an earlier run stay named while protocol and setup are the same. Raises
    UserFacing for a folder of other items (`require_items`), OSError when it can't be written.
    """
    require_items(folder, record["items"]["name"])
    models = read_run(folder).get("models", {})
    for model, described in record["models"].items():
        models[model] = _joined(models.get(model, {}), described)
    _write_run(
        folder,
        {
            "schema": SCHEMA,
            "code": record.get("code", ""),
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "python": platform.python_version(),
            "packages": {package: _version(package) for package in PACKAGES},
            "items": record["items"],
            "models": models,
        },
    )


def _joined(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A model's record with the conditions, and the sampling, of earlier runs of the same protocol."""
    if any(old.get(name) != new.get(name) for name in (*PROTOCOL, "setup")):
        return dict(new)
    kept = {name: old[name] for name in ("samples", "sampling") if old.get(name) and not new.get(name)}
    conditions = list(dict.fromkeys([*old.get("conditions", []), *new["conditions"]]))
    return dict(new) | kept | {"conditions": conditions}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _write_run(folder: Path, record: Mapping[str, Any]) -> None:
    """Replace `run.json` in one step, so that no reader sees half of it."""
    draft = folder / f".{RUN_FILE}.{os.getpid()}"
    draft.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    draft.replace(folder / RUN_FILE)
