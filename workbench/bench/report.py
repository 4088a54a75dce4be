"""From the result lines of a run folder to its report, as JSON and as a table in plain text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.calibration import calibration_of, calibration_rows
from workbench.bench.measure import KINDS, Groups, Measure, Number, baselines
from workbench.bench.results import PROTOCOL, Result, read_results, read_run
from workbench.errors import UserFacing
from workbench.traces import AXES

SLICES = ("dataset", "modality", "task", "question_type")


def build_report(folder: str | Path) -> dict[str, Any]:
    """The JSON-able report of a run folder. Raises UserFacing when it holds no results.

    A number is a fraction, `{value, low, high, n, n_clusters, method, origin: "measured", protocol}`; `value`
    is None where nothing could be measured. Lines of an earlier revision or protocol of a model are left out
    and counted in `stale_lines`. Keys: items, n_items, n_images, dropped, models, conditions, counts,
    accuracy, baselines, calibration, axes (macro), axes_pooled, slices, differences, image_effect,
    shuffle_consistency.
    """
    folder = Path(folder)
    run = read_run(folder)
    every = read_results(folder)
    lines = _current(every, run)
    if not lines:
        raise UserFacing(f"{str(folder)!r} holds no results yet.", "Run `bench run --out DIR` first.")
    groups = _grouped(lines, run)
    items = _items(groups)
    measure = Measure(groups, {model: _protocol(run, lines, model) for model, _ in groups})
    return {
        "schema": 1,
        "origin": "measured",
        "date": run.get("date"),
        "python": run.get("python"),
        "packages": run.get("packages", {}),
        "items": run.get("items", {}),
        "n_items": len(items),
        "n_images": len({line.image_group for line in items}),
        "dropped": run.get("items", {}).get("dropped", {}),
        "stale_lines": len(every) - len(lines),
        "judges": {line.judge: line.judge_protocol for line in lines if line.judge},
        "models": [_model(run, model, protocol) for model, protocol in measure.protocols.items()],
        "conditions": measure.conditions,
        "counts": measure.each(_counts),
        "accuracy": measure.accuracy(),
        "baselines": baselines(items, items),
        "calibration": measure.each(lambda model, part: calibration_of(part, measure.protocols[model])),
        "axes": measure.axes(),
        "axes_pooled": measure.axes_pooled(),
        "slices": {name: _slices(measure, name, items) for name in SLICES},
        "differences": measure.differences(),
        "image_effect": measure.image_effect(),
        "shuffle_consistency": measure.shuffle_consistency(),
    }


def _current(lines: Sequence[Result], run: Mapping[str, Any]) -> list[Result]:
    """Lines made by the models and protocols that `run.json` names; all of them without a `run.json`."""
    models = run.get("models")
    if not models:
        return list(lines)
    return [
        line
        for line in lines
        if line.model in models
        and all(models[line.model].get(name) == getattr(line, name) for name in PROTOCOL)
    ]


def _grouped(lines: Sequence[Result], run: Mapping[str, Any]) -> Groups:
    """Lines by model and condition, in the order of the run; a later line on an item replaces an earlier."""
    groups: dict[tuple[str, str], dict[str, Result]] = {
        (model, condition): {}
        for model, described in run.get("models", {}).items()
        for condition in described.get("conditions", ())
    }
    for line in lines:
        groups.setdefault((line.model, line.condition), {})[line.item_id] = line
    return {names: found for names, found in groups.items() if found}


def _items(groups: Groups) -> list[Result]:
    """One line for each item; it carries the gold answer. Shuffled lines come last: their letters differ."""
    found: dict[str, Result] = {}
    for names in sorted(groups, key=lambda names: names[1] == "shuffled_options"):
        for item_id, line in groups[names].items():
            found.setdefault(item_id, line)
    return list(found.values())


def _protocol(run: Mapping[str, Any], lines: Sequence[Result], model: str) -> str:
    line = next(line for line in lines if line.model == model)
    temperature = line.decoding.get("temperature", 0)
    length = line.decoding.get("max_new_tokens")
    dtype = str(run.get("models", {}).get(model, {}).get("dtype", ""))
    parts = (
        f"{line.mode} prompt",
        f"temperature {temperature:g}" if temperature else "greedy",
        f"at most {length} tokens" if length else "",
        dtype.removeprefix("torch."),
        f"judge {line.judge}" if line.mode == "trace" else "",
    )
    return ", ".join(part for part in parts if part)


def _model(run: Mapping[str, Any], model: str, protocol: str) -> dict[str, Any]:
    described = run.get("models", {}).get(model, {})
    stated = ("revision", "device", "dtype", "mode", "decoding", "judge")
    return {"name": model, "label": described.get("label", model), "protocol": protocol} | {
        name: described.get(name) for name in stated
    }


def _counts(_: str, lines: list[Result]) -> dict[str, Any]:
    answered = [line for line in lines if line.error is None]
    return {
        "n": len(lines),
        "failed": len(lines) - len(answered),
        "invalid": sum(line.invalid for line in answered),
        "parse_status": dict(sorted(Counter(line.parse_status for line in answered).items())),
        "seconds_per_answer": float(np.mean([line.seconds for line in answered])) if answered else None,
    }


def _slices(measure: Measure, name: str, items: Sequence[Result]) -> list[dict[str, Any]]:
    """One entry for each value of a field, the most frequent first: accuracy, trace score and baselines."""
    values = Counter(value for line in items if (value := getattr(line, name)))
    found = []
    for value, count in sorted(values.items(), key=lambda pair: (-pair[1], pair[0])):

        def keep(line: Result, value: str = value) -> bool:
            return getattr(line, name) == value

        part = [line for line in items if keep(line)]
        found.append(
            {
                "value": value,
                "n": count,
                "n_images": len({line.image_group for line in part}),
                "accuracy": measure.accuracy(keep),
                "trace_score": measure.trace_scores(keep),
                "baselines": baselines(part, items),
            }
        )
    return found


def bench_table_text(report: Mapping[str, Any]) -> str:
    """The report for a terminal: scores in per cent with 95 % intervals, baselines, differences, counts."""
    name, size = report["items"].get("name", "items"), f"{report['n_items']} questions"
    blocks = [
        [f"{name}: {size} on {report['n_images']} images; measured here, 95 % intervals"],
        _remarks(report),
        _accuracy_lines(report),
        _axis_lines(report),
        _difference_lines(report),
        _aligned(calibration_rows(report)),
        [
            f"{model['label']}: {model['protocol']}, revision {model['revision']}"
            for model in report["models"]
        ],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _remarks(report: Mapping[str, Any]) -> list[str]:
    lines = [f"Left out, {reason}: {count}" for reason, count in report["dropped"].items()]
    if report["stale_lines"]:
        lines.append(f"Left out, from an earlier model or protocol: {report['stale_lines']}")
    for model, conditions in report["counts"].items():
        for condition, count in conditions.items():
            if count["failed"] or count["invalid"]:
                lines.append(
                    f"{model}, {condition}: {count['failed']} failed, {count['invalid']} of {count['n']} "
                    "gave no answer that counts"
                )
    return lines


def _accuracy_lines(report: Mapping[str, Any]) -> list[str]:
    rows = [["Answer accuracy", *KINDS]]
    for model, conditions in report["accuracy"].items():
        for condition, found in conditions.items():
            rows.append([f"{model}, {condition}", *(_shown(found[kind]) for kind in KINDS)])
    for name, found in report["baselines"].items():
        rows.append([f"({name.replace('_', ' ')})", *(_shown(found[kind], False) for kind in KINDS)])
    return _aligned(rows)


def _axis_lines(report: Mapping[str, Any]) -> list[str]:
    rows = [["Reasoning", *AXES, "trace score"]]
    for model, conditions in report["axes"].items():
        for condition, found in conditions.items():
            if found:
                cells = [_shown(found[axis]["score"]) for axis in AXES]
                rows.append([f"{model}, {condition}", *cells, _shown(found["trace_score"])])
    return _aligned(rows) if len(rows) > 1 else []


def _difference_lines(report: Mapping[str, Any]) -> list[str]:
    rows = [["Difference in points", "value", "p", "p (Holm)", "n"]]
    for row in report["differences"]:
        name = f"{row['second']} - {row['first']}, {row['condition']}, {row['metric'].replace('_', ' ')}"
        rows.append([name, _shown(row), _p(row["p"]), _p(row["p_holm"]), str(row["n"])])
    for model, row in report["image_effect"].items():
        rows.append([f"{model}, image - blank, accuracy", _shown(row), _p(row["p"]), "", str(row["n"])])
    return _aligned(rows) if len(rows) > 1 else []


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _shown(number: Number, interval: bool = True) -> str:
    if number["value"] is None:
        return "-"
    value = f"{100 * number['value']:.1f}"
    if not interval or number["low"] is None:
        return value
    return f"{value} [{100 * number['low']:.1f}, {100 * number['high']:.1f}]"


def _aligned(rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
