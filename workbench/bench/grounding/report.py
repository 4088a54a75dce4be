"""From the lines of a grounding run to one JSON and one CSV, and from the JSON to a table and a chart.

Read by the command line and the Methods screen; nothing here runs a model.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.grounding.lines import LINES_FILE, read_lines
from workbench.bench.scores.statistics import Interval, bootstrap_interval, proportion_interval
from workbench.errors import UserFacing

JSON_FILE, CSV_FILE = "grounding.json", "grounding.csv"
SCHEMA = 1
CENTRE = "centre_prior"
# Figure -> label, better direction, unit.
FIGURES = {
    "pointing": ("Pointing game", "higher", "share"),
    "energy": ("Energy inside", "higher", "share"),
    "auprc": ("Precision over recall", "higher", "share"),
    "deletion_gap": ("Deletion gap", "higher", "nats"),
    "insertion_gap": ("Insertion gap", "higher", "nats"),
}
COSTS = {"seconds": ("Seconds", "lower", "s"), "peak_bytes": ("Peak memory", "lower", "bytes")}
_KEYS = ("origin", "model", "span", "method")


def build_grounding(folder: Path) -> dict[str, Any]:
    """The report of a folder that `bench grounding` filled.

    `rows`: one an origin, model, kind of span and method (the centre prior is one), with `n` spans, `images`,
    `refused` and its `reasons`, and for each of FIGURES `{value, low, high, prior, difference,
    difference_low, difference_high}`; intervals are 95 %, resampled by picture; the difference is paired, map
    − prior on the same spans. Raises UserFacing when the folder holds no lines.
    """
    lines = read_lines(folder / LINES_FILE)
    if not lines:
        raise UserFacing(f"There are no grounding results in {str(folder)!r}.", "Make them without --report.")
    groups: dict[tuple[str, ...], list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    for line in lines:
        for method, figures in _measured(line):
            groups[line["origin"], line["model"], line["span"]["kind"], method].append((line, figures))
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "protocol": lines[0]["protocol"],
        "figures": {
            name: {"label": label, "direction": direction, "unit": unit}
            for name, (label, direction, unit) in (FIGURES | COSTS).items()
        },
        "models": {line["model"]: line["revision"] for line in lines},
        "answered": _answered(lines),
        "rows": [dict(zip(_KEYS, key, strict=True)) | _row(pairs) for key, pairs in groups.items()],
    }


def _measured(line: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if not line["span"]:
        return []
    return [(CENTRE, line[CENTRE]), *line["methods"].items()]


def _answered(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many items each model was asked, answered rightly, and how many of those could be explained."""
    found = []
    for origin, model in dict.fromkeys((line["origin"], line["model"]) for line in lines):
        mine = [line for line in lines if (line["origin"], line["model"]) == (origin, model)]
        counts = {
            "asked": len(mine),
            "right": sum(line["correct"] for line in mine),
            "explained": sum(line["span"] is not None for line in mine),
        }
        found.append({"origin": origin, "model": model} | counts)
    return found


def _row(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    kept = [(line, figures) for line, figures in pairs if "refused" not in figures]
    reasons = [figures["refused"] for _, figures in pairs if "refused" in figures]
    images = [line["group"] for line, _ in kept]
    row: dict[str, Any] = {
        "n": len(kept), "images": len(set(images)), "refused": len(reasons),
        "reasons": sorted(set(reasons)), "seconds": None, "peak_bytes": None,
    }  # fmt: skip
    timed = [figures for _, figures in kept if "seconds" in figures]
    if timed:
        row["seconds"] = float(np.median([figures["seconds"] for figures in timed]))
        row["peak_bytes"] = int(max(figures["peak_bytes"] for figures in timed))
    for name in FIGURES:
        values = [figures[name] for _, figures in kept]
        prior = [line[CENTRE][name] for line, _ in kept]
        row[name] = _figure(values, prior, images) if kept else None
    return row


def _figure(values: Sequence[float], prior: Sequence[float], images: Sequence[str]) -> dict[str, Any]:
    away = [value - other for value, other in zip(values, prior, strict=True)]
    of_value, of_away = _interval(values, images), bootstrap_interval(away, images)
    return {
        "value": float(np.mean(values)), "low": _low(of_value), "high": _high(of_value),
        "prior": float(np.mean(prior)), "difference": float(np.mean(away)),
        "difference_low": _low(of_away), "difference_high": _high(of_away),
    }  # fmt: skip


def _interval(values: Sequence[float], images: Sequence[str]) -> Interval | None:
    """Of the mean; for hits and misses the interval of a share, which has a width at 0 and at 1 too."""
    if set(values) <= {0.0, 1.0}:
        return proportion_interval([value == 1 for value in values], list(images))
    return bootstrap_interval(list(values), list(images))


def _low(found: Interval | None) -> float | None:
    return None if found is None else found.low


def _high(found: Interval | None) -> float | None:
    return None if found is None else found.high


def write_grounding(folder: Path) -> dict[str, Any]:
    """Write `grounding.json` and `grounding.csv` beside the lines; returns the report."""
    report = build_grounding(folder)
    text = json.dumps(report, indent=1, allow_nan=False) + "\n"
    (folder / JSON_FILE).write_text(text, encoding="utf-8")
    (folder / CSV_FILE).write_text(as_csv(report), encoding="utf-8")
    return report


def load_grounding(path: str | Path) -> dict[str, Any]:
    """A report from its JSON file or its folder; see `build_grounding` for the fields.

    Raises UserFacing for a missing file, or one that is no such report.
    """
    file = Path(path)
    file = file / JSON_FILE if file.is_dir() else file
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserFacing(
            f"{str(file)!r} can't be read as a grounding report.", "Make it with `bench grounding --out DIR`."
        ) from error
    if not isinstance(report, dict) or report.get("schema") != SCHEMA or "rows" not in report:
        raise UserFacing(
            f"{str(file)!r} is no grounding report.", "Make it with `bench grounding --out DIR`."
        )
    return report


def table_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and cells for people: value, its interval, and the difference to the centre prior."""
    header = ["pictures", "model", "span", "method", "n"]
    for label, _, unit in FIGURES.values():
        header += [label if unit == "share" else f"{label} ({unit})", "minus centre"]
    header += ["seconds", "peak MB"]
    return header, [_cells(row) for row in report["rows"]]


def _cells(row: Mapping[str, Any]) -> list[str]:
    cells = [row["origin"], row["model"], row["span"], row["method"], str(row["n"])]
    if not row["n"]:
        return [*cells, f"no map: {'; '.join(row['reasons'])}"] + [""] * (2 * len(FIGURES) + 1)
    for name in FIGURES:
        found, signed = row[name], FIGURES[name][2] == "nats"
        cells.append(_span(found["value"], found["low"], found["high"], signed))
        away = (found["difference"], found["difference_low"], found["difference_high"])
        cells.append("" if row["method"] == CENTRE else _span(*away, True))
    spent = (
        ["", ""] if row["seconds"] is None else [f"{row['seconds']:.2f}", f"{row['peak_bytes'] / 1e6:.0f}"]
    )
    return cells + spent


def _span(value: float, low: float | None, high: float | None, signed: bool) -> str:
    sign = "+" if signed else ""
    shown = f"{value:{sign}.2f}"
    return shown if low is None or high is None else f"{shown} [{low:{sign}.2f}, {high:{sign}.2f}]"


def chart_input(report: Mapping[str, Any], figure: str = "pointing") -> list[dict[str, Any]]:
    """Bars with error bars for a plotly chart: one dict a model, origin and span, ready for `go.Bar(**bar)`.

    `x` methods in the order of the report (the centre prior first), `y` means, `error_y` from the interval.
    Raises ValueError for an unknown figure.
    """
    if figure not in FIGURES:
        raise ValueError(f"there is no figure {figure!r}; use one of {', '.join(FIGURES)}")
    bars: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in report["rows"]:
        if row["n"]:
            bars[row["model"], row["origin"], row["span"]].append(row)
    out = []
    for key, rows in bars.items():
        found = [row[figure] for row in rows]
        up = [0.0 if f["high"] is None else f["high"] - f["value"] for f in found]
        down = [0.0 if f["low"] is None else f["value"] - f["low"] for f in found]
        out.append(
            {
                "name": ", ".join(key),
                "x": [row["method"] for row in rows],
                "y": [f["value"] for f in found],
                "error_y": {"type": "data", "symmetric": False, "array": up, "arrayminus": down},
            }
        )
    return out


def as_csv(report: Mapping[str, Any]) -> str:
    """One line a row of the report, a column a number."""
    parts = ("value", "low", "high", "prior", "difference", "difference_low", "difference_high")
    fixed = (*_KEYS, "n", "images", "refused", "reasons", "seconds", "peak_bytes")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = [*fixed, *(f"{name}_{part}" for name in FIGURES for part in parts)]
    writer.writerow([*header, "revision", "date"])
    for row in report["rows"]:
        cells = [row[name] for name in fixed if name != "reasons"]
        cells.insert(fixed.index("reasons"), "; ".join(row["reasons"]))
        for name in FIGURES:
            cells += [(row[name] or {}).get(part) for part in parts]
        writer.writerow([*cells, report["models"][row["model"]], report["date"]])
    return text.getvalue()


def as_text(report: Mapping[str, Any]) -> str:
    """The table in plain text, and what it was measured on."""
    header, rows = table_rows(report)
    lines = [
        f"{one['model']} on {one['origin']} pictures: {one['asked']} asked, {one['right']} answered rightly, "
        f"{one['explained']} explained."
        for one in report["answered"]
    ]
    widths = [
        max(len(line[at]) for line in [header, *(r for r in rows if r[-2])]) for at in range(len(header))
    ]
    for cells in [header, *rows]:
        lines.append("  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip())
    return "\n".join(
        [*lines, "95 % intervals in brackets, resampled by picture. Wrong answers are not explained."]
    )
