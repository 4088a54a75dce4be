"""What each training stage changed: the same held-out questions asked of the weights after every stage."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.items import ItemSet
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import Report
from workbench.bench.scores.numbers import Number
from workbench.models.loading import load_model
from workbench.settings import Settings
from workbench.traces import AXES

STAGES_FILE = "stages.json"


def stage_cells(report: Report, model: str) -> dict[str, Any]:
    """The numbers of one report that the stage table shows, each with value, low, high and n."""
    kept = ("value", "low", "high", "n", "origin", "protocol")

    def short(number: Number) -> dict[str, Any]:
        return {name: getattr(number, name) for name in kept}

    kinds = report.accuracy[model]["image"].items()
    cells = {kind: short(number) for kind, number in kinds if number.value is not None}
    axes = report.axes[model]["image"]
    return cells | {axis: short(axes.of(axis).score) for axis in AXES if axes}


def measure_stages(
    stages: Sequence[tuple[str, Path]],
    sets: Mapping[str, ItemSet],
    work: Path,
    results: Path,
    progress: Callable[..., None] | None = None,
    measured: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Ask every set of the weights in each folder, in the order of training; writes and returns the table.

    Answers are kept under `work/LABEL/SET` and taken up again; the table goes to `results/stages.json`.
    Weights whose revision is a key of `measured` are not asked again: it holds their cells by set.
    """
    table = []
    for label, folder in stages:
        model = load_model(str(folder), settings=Settings())
        row: dict[str, Any] = {"stage": label, "revision": model.revision, "sets": {}}
        known = (measured or {}).get(model.revision, {})
        for name, items in sets.items():
            if name not in known:
                target = work / label / name
                run_bench(items, [model], target, progress=progress)
                row["sets"][name] = stage_cells(build_report(target), model.name)
            else:
                row["sets"][name] = known[name]
        table.append(row)
    results.mkdir(parents=True, exist_ok=True)
    (results / STAGES_FILE).write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    return table


def stage_table_text(table: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: one row a stage, one column a set and kind, per cent with 95 % intervals."""
    columns = [(name, kind) for name, cells in table[0]["sets"].items() for kind in cells]
    head = ["stage", *(f"{name}, {kind} (n {table[0]['sets'][name][kind]['n']})" for name, kind in columns)]
    lines = [head, ["---"] * len(head)]
    for row in table:
        cells = [row["sets"][name].get(kind) for name, kind in columns]
        lines.append([row["stage"], *(_cell_text(cell) for cell in cells)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell_text(cell: Mapping[str, Any] | None) -> str:
    if cell is None or cell["value"] is None:
        return "–"
    if cell["low"] is None:
        return f"{100 * cell['value']:.1f}"
    return f"{100 * cell['value']:.1f} ({100 * cell['low']:.0f}–{100 * cell['high']:.0f})"
