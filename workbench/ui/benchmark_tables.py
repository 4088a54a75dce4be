"""Reports and published figures as tables for the screen; numbers are rounded here and nowhere before."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.bench.published import PublishedTable
from workbench.bench.report import build_report
from workbench.bench.results import RESULTS_FILE
from workbench.errors import UserFacing
from workbench.settings import PROJECT_ROOT
from workbench.traces import AXES

REPORT_FILE = "report.json"
AGAIN = "Remove it; it is then made anew from the result lines."
RESULTS_FOLDER = PROJECT_ROOT / "assets" / "bench" / "results"
SCORE_COLUMNS = (
    "What", "Who", "Pictures", "Per cent", "95 % interval", "n", "Images", "Origin",
    "Prompt, decoding, judge",
)  # fmt: skip
CONDITION_NAMES = {"image": "shown", "blank": "blanked", "shuffled_options": "shown, options shuffled"}
BASELINE_NAMES = {
    "majority_letter": "always the most frequent letter",
    "majority_answer": "always the most frequent answer",
    "question_majority": "most frequent answer to the question, other images",
    "question_majority_generous": "most frequent answer to the question, this image included",
}
Report = Mapping[str, Any]
Table = dict[str, Any]


def result_folders(folder: Path = RESULTS_FOLDER) -> dict[str, Path]:
    """Name of each stored result → its folder, the phantom benchmark first."""
    files = (*folder.glob(f"*/{REPORT_FILE}"), *folder.glob(f"*/{RESULTS_FILE}"))
    found = {file.parent.name: file.parent for file in sorted(files)}
    return dict(sorted(found.items(), key=lambda entry: entry[0] != "phantoms"))


def read_report(folder: Path) -> Report:
    """The stored report of a result, else one made from its lines. Raises UserFacing when neither works."""
    file = folder / REPORT_FILE
    if not file.is_file():
        lines = folder / RESULTS_FILE
        return _made(folder, lines.stat().st_mtime_ns if lines.is_file() else 0)
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise UserFacing(f"The report of {folder.name!r} can't be read.", AGAIN) from fault
    if not isinstance(report, dict) or report.get("origin") != "measured":
        raise UserFacing(f"The file {REPORT_FILE} of {folder.name!r} is not a report.", AGAIN)
    return report


@lru_cache(maxsize=8)
def _made(folder: Path, changed: int) -> Report:
    """A report takes seconds to make (its bootstrap), so it is kept until the lines change."""
    return build_report(folder)


def about_report(report: Report) -> str:
    """One paragraph: what was asked, when, of which models, and what was left out."""
    items = report["items"]
    parts = [
        f"{items.get('name', 'items')}: {report['n_items']:,} questions on {report['n_images']:,} images",
        f"measured {report['date']}" if report.get("date") else "measured here",
    ]
    parts += [f"{model['label']} (revision {model['revision']})" for model in report["models"]]
    left_out = sum(report["dropped"].values()) + report["stale_lines"]
    parts += [f"{left_out} left out"] if left_out else []
    return ". ".join(parts) + "."


def score_table(report: Report) -> Table:
    """Accuracy, baselines and axis scores, one row a number."""
    rows = [*_accuracy_rows(report), *_baseline_rows(report), *_axis_rows(report)]
    caption = "Every number with its interval, its n, and how it was made."
    return {"caption": caption, "columns": list(SCORE_COLUMNS), "rows": rows, "numeric": [3, 4, 5, 6]}


def difference_table(report: Report) -> Table:
    """Second − first model by metric, and each model with its picture − without."""
    columns = ["Difference", "Metric", "Points", "95 % interval", "n", "p", "p (Holm)", "Test"]
    names = {model["name"]: model["label"] for model in report["models"]}
    rows = [
        [
            f"{names.get(row['second'], row['second'])} − {names.get(row['first'], row['first'])}, "
            f"picture {CONDITION_NAMES.get(row['condition'], row['condition'])}",
            row["metric"].replace("_", " "), _percent(row["value"], True), _interval(row), row["n"],
            _p(row["p"]), _p(row["p_holm"]), row["test"],
        ]
        for row in report["differences"]
    ]  # fmt: skip
    rows += [
        [
            f"{names.get(model, model)}: picture shown − blanked", "accuracy", _percent(row["value"], True),
            _interval(row), row["n"], _p(row["p"]), "", row["test"],
        ]
        for model, row in report["image_effect"].items()
    ]  # fmt: skip
    caption = "Paired on the same questions; Holm corrects over the three axes."
    return {"caption": caption, "columns": columns, "rows": rows, "numeric": [2, 3, 4, 5, 6]}


def slice_table(report: Report, name: str) -> Table:
    """Accuracy of each model, and of the most frequent letter, by one field of the questions."""
    models = [model["name"] for model in report["models"]]
    labels = [model["label"] for model in report["models"]]
    rows = []
    for entry in report["slices"].get(name, ()):
        numbers = [entry["accuracy"].get(model, {}).get("image", {}).get("overall") for model in models]
        guess = entry["baselines"]["majority_letter"]["overall"]
        cells = [
            f"{_percent(number['value'])} {_interval(number)}".strip() if number else "" for number in numbers
        ]
        rows.append([entry["value"], entry["n"], entry["n_images"], *cells, _percent(guess["value"])])
    columns = [name.replace("_", " "), "n", "Images", *labels, "Most frequent letter"]
    caption = (
        "Answer accuracy in per cent [95 % interval]. With a small n an interval is wide: claim nothing."
    )
    return {"caption": caption, "columns": columns, "rows": rows, "numeric": list(range(1, len(columns)))}


def published_rows(table: PublishedTable) -> Table:
    """A published table as its source prints it."""
    rows = [
        [system, *("" if cell is None else str(cell) for cell in cells), table.origin]
        for system, cells in table.rows.items()
    ]
    columns = ["System", *(column.replace("_", " ") for column in table.columns), "Origin"]
    caption = (
        f"{table.title}, {table.metric.replace('_', ' ')} in {table.unit}. {table.protocol}. {table.source}"
    )
    return {"caption": caption, "columns": columns, "rows": rows, "numeric": list(range(1, len(columns) - 1))}


def _accuracy_rows(report: Report) -> Iterator[list[Any]]:
    names = {model["name"]: model["label"] for model in report["models"]}
    for model, conditions in report["accuracy"].items():
        for condition, kinds in conditions.items():
            for kind, number in kinds.items():
                if number["n"]:
                    yield _row(f"Answer accuracy, {kind}", names.get(model, model), condition, number)


def _baseline_rows(report: Report) -> Iterator[list[Any]]:
    for name, kinds in report["baselines"].items():
        if kinds["overall"]["n"]:
            yield _row("Answer accuracy, overall", BASELINE_NAMES.get(name, name), None, kinds["overall"])


def _axis_rows(report: Report) -> Iterator[list[Any]]:
    names = {model["name"]: model["label"] for model in report["models"]}
    for model, conditions in report["axes"].items():
        for condition, found in conditions.items():
            for axis in AXES if found else ():
                for part, number in found[axis].items():
                    yield _row(f"{axis.capitalize()}, {part}", names.get(model, model), condition, number)
            if found:
                yield _row("Trace score", names.get(model, model), condition, found["trace_score"])


def _row(what: str, who: str, condition: str | None, number: Mapping[str, Any]) -> list[Any]:
    shown = "not used" if condition is None else CONDITION_NAMES.get(condition, condition)
    return [
        what, who, shown, _percent(number["value"]), _interval(number), number["n"], number["n_clusters"],
        number["origin"], number["protocol"],
    ]  # fmt: skip


def _percent(value: float | None, signed: bool = False) -> str:
    if value is None:
        return "–"
    return f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"


def _interval(number: Mapping[str, Any]) -> str:
    return "" if number["low"] is None else f"[{100 * number['low']:.1f}, {100 * number['high']:.1f}]"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
