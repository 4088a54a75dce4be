"""A report as a table in plain text, for the terminal and for model cards."""

from collections.abc import Mapping
from typing import Any

from workbench.bench.scores.calibration import calibration_rows
from workbench.bench.scores.numbers import KINDS, Number, p_text
from workbench.traces import AXES


def bench_table_text(report: Mapping[str, Any]) -> str:
    """The report for a terminal, what speaks against believing it first; stored reports of any schema.

    Scores are in per cent with 95 % intervals, then differences, reliance, text scores, samples, calibration.
    """
    name, size = report["items"].get("name", "items"), f"{report['n_items']} questions"
    blocks = [
        [f"{name}: {size} on {report['n_images']} images; measured here, 95 % intervals"],
        [f"{warned['level'].capitalize()}: {warned['text']}" for warned in report.get("warnings", ())],
        _remarks(report),
        _accuracy_lines(report),
        _axis_lines(report),
        _difference_lines(report),
        _reliance_lines(report),
        _text_lines(report),
        _sample_lines(report),
        _aligned(calibration_rows(report)),
        [
            f"{model['label']}: {model['protocol']}, revision {model['revision']}"
            for model in report["models"]
        ],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _remarks(report: Mapping[str, Any]) -> list[str]:
    lines = []
    if "warnings" not in report:  # else they tell of what was left out
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
        rows.append([name, _shown(row), p_text(row["p"]), p_text(row["p_holm"]), str(row["n"])])
    effects = {
        "image - blank": report["image_effect"],
        "image - another patient's": report.get("shuffled_image_effect", {}),
        "reasoning asked for - answer only": report.get("prompt_effect", {}),
    }
    for told, found in effects.items():
        for model, row in found.items():
            rows.append([f"{model}, {told}, accuracy", _shown(row), p_text(row["p"]), "", str(row["n"])])
    return _aligned(rows) if len(rows) > 1 else []


def _reliance_lines(report: Mapping[str, Any]) -> list[str]:
    rows = [["Answers", "per cent", "n"]]
    shares = {
        "change with another patient's picture": report.get("image_sensitivity", {}),
        "stay with the options in another order": report["shuffle_consistency"],
    }
    for told, found in shares.items():
        rows += [[f"{model}: {told}", _shown(number), str(number["n"])] for model, number in found.items()]
    return _aligned(rows) if len(rows) > 1 else []


def _text_lines(report: Mapping[str, Any]) -> list[str]:
    """Overlap with the gold answers, and the composite reward, with the picture shown."""
    rows = [["With the picture", "token F1", "BLEU-1", "macro-F1, closed", "composite reward"]]
    for model, conditions in report.get("text_scores", {}).items():
        found = conditions.get("image")
        if found:
            reward = report.get("composite", {}).get(model, {}).get("image", {}).get("total")
            cells = [_shown(found[score]) for score in ("token_f1", "bleu1", "macro_f1")]
            rows.append([model, *cells, _shown(reward) if reward else "-"])
    return _aligned(rows) if len(rows) > 1 else []


def _sample_lines(report: Mapping[str, Any]) -> list[str]:
    rows = [["Several samples", "mean", "SD", "majority vote", "agreement", "unanimous", "invalid", "items"]]
    for model, found in report.get("self_consistency", {}).items():
        spread = "-" if found["sd"] is None else f"{100 * found['sd']:.1f}"
        shown = [_shown(found[name]) for name in ("majority_accuracy", "agreement", "unanimous")]
        invalid = _shown(found["invalid_rate"], False)
        drawn = f"{found['n_items']} x {found['n_samples']}"
        rows.append([model, _shown(found["mean"]), spread, *shown, invalid, drawn])
    return _aligned(rows) if len(rows) > 1 else []


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
