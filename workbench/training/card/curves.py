"""Loss curves of the training stages, from the logs that they write, as a table for the model card."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.bench.store.jsonl import JsonLines
from workbench.errors import UserFacing

HISTORY_FILE = "history.json"
POINTS = 5  # columns of the table; the file keeps every line


def read_log(path: Path) -> list[dict[str, float]]:
    """Lines `{step, loss, seconds}` of a stage's log.jsonl, in order; others are left out.

    Raises UserFacing for a file that is missing or holds no such line.
    """
    if not path.is_file():
        raise UserFacing(f"There is no training log at {path}.", "Give the log.jsonl of a stage.")
    rows = []
    for _, row in JsonLines(path).objects():
        if {"step", "loss"} <= row.keys():
            rows.append({name: row[name] for name in ("step", "loss", "seconds") if name in row})
    if not rows:
        raise UserFacing(f"The training log {path} holds no step.", "Let the stage run for a while.")
    return rows


def write_history(parts: Sequence[tuple[str, Path]], results: Path) -> list[dict[str, Any]]:
    """Read the log of every (label, file) in the order of training; writes `results/history.json`."""
    history = [{"part": label, "log": read_log(path)} for label, path in parts]
    results.mkdir(parents=True, exist_ok=True)
    (results / HISTORY_FILE).write_text(json.dumps(history, indent=1) + "\n")
    return history


def history_text(history: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: one row a part with steps, minutes and the logged loss at evenly spaced lines."""
    head = ["part", "steps", "minutes", *(f"loss at {100 * n // (POINTS - 1)} %" for n in range(POINTS))]
    lines = [head, ["---"] * len(head)]
    for part in history:
        log = part["log"]
        seconds = log[-1].get("seconds")
        at = [round(n * (len(log) - 1) / (POINTS - 1)) for n in range(POINTS)]
        minutes = "–" if seconds is None else f"{seconds / 60:.0f}"
        lines.append([part["part"], str(log[-1]["step"]), minutes, *(f"{log[n]['loss']:.3f}" for n in at)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
