"""From the result lines of a run folder to its report, as JSON."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.report.text import bench_table_text
from workbench.bench.scores.baselines import Baselines, letters
from workbench.bench.scores.calibration import calibration_of
from workbench.bench.scores.composite import WEIGHTS
from workbench.bench.scores.consistency import self_consistency
from workbench.bench.scores.effects import image_effect, image_sensitivity, prompt_effect, shuffle_consistency
from workbench.bench.scores.measure import Measure
from workbench.bench.scores.numbers import number
from workbench.bench.scores.slices import slices_of
from workbench.bench.scores.text_scores import text_scores_of
from workbench.bench.scores.warnings import warnings_of
from workbench.bench.store.results import Result
from workbench.bench.store.run_lines import RunLines, answered, load_lines, one_line_an_item, regrouped

__all__ = ["REPORT_SCHEMA", "bench_table_text", "build_report"]
REPORT_SCHEMA = 2  # raise it with every change to what a report holds: stored ones are then made anew


def build_report(folder: str | Path) -> dict[str, Any]:
    """The JSON-able report of a run folder. Raises UserFacing when it holds no results.

    A number is a fraction, `{value, low, high, n, n_clusters, method, origin: "measured", protocol}`; `value`
    is None where nothing could be measured. Lines of an earlier revision or protocol of a model are left out
    and counted in `stale_lines`; those of condition "sampled" count in `self_consistency` only.

    Keys since schema 1: items, n_items, n_images, dropped, stale_lines, judges, models, conditions, counts,
    accuracy, baselines, calibration, axes (macro), axes_pooled, slices, differences, image_effect,
    shuffle_consistency. Keys since schema 2, which an older stored report lacks (use `.get`): letters,
    regrouped_items, shuffled_image_effect, image_sensitivity, prompt_effect, self_consistency, text_scores,
    composite, warnings; and the slices body_part, answer_type, rare.
    """
    lines = load_lines(Path(folder))
    items = one_line_an_item(lines)
    measure = Measure(lines.groups, {names: lines.protocol(*names) for names in lines.groups})
    report = _about(lines, items) | _scores(lines, measure, items)
    return report | {"warnings": warnings_of(report)}


def _about(lines: RunLines, items: Sequence[Result]) -> dict[str, Any]:
    run = lines.run
    return {
        "schema": REPORT_SCHEMA,
        "origin": "measured",
        "date": run.get("date"),
        "python": run.get("python"),
        "packages": run.get("packages", {}),
        "items": run.get("items", {}),
        "n_items": len(items),
        "n_images": len({line.image_group for line in items}),
        "dropped": run.get("items", {}).get("dropped", {}),
        "stale_lines": lines.stale,
        "regrouped_items": regrouped(lines.groups),
        "judges": lines.judges,
        "models": [_model(lines, model) for model in lines.models],
    }


def _scores(lines: RunLines, measure: Measure, items: Sequence[Result]) -> dict[str, Any]:
    guesses = Baselines(items)
    return {
        "conditions": measure.conditions,
        "counts": measure.each(_counts),
        "accuracy": measure.accuracy(),
        "baselines": guesses.on(items),
        "letters": letters(items),
        "calibration": measure.each(lambda protocol, part: calibration_of(part, protocol)),
        "axes": measure.axes(),
        "axes_pooled": measure.axes_pooled(),
        "text_scores": measure.each(text_scores_of),
        "composite": measure.each(lambda protocol, part: _composite(lines, protocol, part)),
        "slices": slices_of(measure, items, guesses),
        "differences": measure.differences(),
        "image_effect": image_effect(measure),
        "shuffled_image_effect": image_effect(measure, "shuffled_image"),
        "image_sensitivity": image_sensitivity(measure),
        "shuffle_consistency": shuffle_consistency(measure),
        "prompt_effect": prompt_effect(measure),
        "self_consistency": _self_consistency(lines),
    }


def _model(lines: RunLines, model: str) -> dict[str, Any]:
    described = lines.described(model)
    stated = ("revision", "device", "dtype", "mode", "decoding", "judge")
    label = described.get("label", model)
    return {"name": model, "label": label, "protocol": lines.protocol(model)} | {
        name: described.get(name) for name in stated
    }


def _counts(_: str, lines: list[Result]) -> dict[str, Any]:
    done = answered(lines)
    return {
        "n": len(lines),
        "failed": len(lines) - len(done),
        "invalid": sum(line.invalid for line in done),
        "parse_status": dict(sorted(Counter(line.parse_status for line in done).items())),
        "seconds_per_answer": float(np.mean([line.seconds for line in done])) if done else None,
    }


def _composite(lines: RunLines, protocol: str, part: Sequence[Result]) -> dict[str, Any]:
    """`{total, components: {name: number}, weights}` of MediX-R1's reward; {} where nothing was answered.

    A part that was not computed on a line counts on none of its numbers, so their n may differ.
    """
    used = answered(part)
    if not used:
        return {}

    def mean(name: str) -> dict[str, Any]:
        found = [
            (value, line.image_group)
            for line in used
            if (value := lines.composites[line.key].get(name)) is not None
        ]
        values, images = [value for value, _ in found], [image for _, image in found]
        if name != "total":
            values = [value == 1 for value in values]
        return number(values, images, f"{protocol}; composite reward with offline stand-ins")

    return {
        "total": mean("total"),
        "components": {name: mean(name) for name in WEIGHTS},
        "weights": dict(WEIGHTS),
    }


def _self_consistency(lines: RunLines) -> dict[str, Any]:
    found = {
        model: self_consistency(items, lines.sampled_protocol(model))
        for model, items in lines.samples.items()
    }
    return {model: about for model, about in found.items() if about}
