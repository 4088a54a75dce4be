"""The lines of a grounding run: one an item and model, append-only, merged when methods were added later."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.bench.grounding.items import GroundingItem
from workbench.bench.store.jsonl import JsonLines
from workbench.explain.metrics.fills import Fill

LINES_FILE = "grounding.jsonl"
_DELETE = "Delete that line; it is measured again."


@dataclass(frozen=True)
class Protocol:
    """What decides the figures besides the items and the models."""

    steps: int = 8
    random_orders: int = 3
    fill: Fill = "blur"
    max_new_tokens: int = 160
    seed: int = 0
    version: int = 1


def line_key(item: GroundingItem, model: str, revision: str, protocol: Protocol) -> str:
    """Names everything that decides a line's figures, methods apart."""
    parts = [
        item.item_id, item.image.pixels.tobytes().hex(), item.question.text, *item.question.options,
        item.answer, item.region.tobytes().hex(), model, revision, json.dumps(asdict(protocol)),
    ]  # fmt: skip
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Lines of a run, those of one key merged; a half-written last line is left out.

    Raises UserFacing for a broken line elsewhere.
    """
    merged: dict[str, dict[str, Any]] = {}
    for _, line in JsonLines(path).parsed(_with_methods, what="a grounding line", hint=_DELETE):
        kept = merged.setdefault(line["key"], line)
        kept["methods"] = kept["methods"] | line["methods"]
    return list(merged.values())


def _with_methods(line: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(line["key"], str) or not isinstance(line["methods"], dict):
        raise ValueError("its key or its methods are of the wrong kind")
    return line


def measured_methods(path: Path) -> dict[str, dict[str, Any]]:
    """What each line already holds: its methods, and "skipped" where there was nothing to explain."""
    return {
        line["key"]: dict.fromkeys(line["methods"], True) | ({} if line["span"] else {"skipped": True})
        for line in read_lines(path)
    }


def append_line(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line as `JsonLines.append` does."""
    JsonLines(path).append([line])
