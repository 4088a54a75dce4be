"""From the result lines of a run folder to its report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.judging.judged import judged_numbers
from workbench.bench.judging.verdicts import read_verdicts
from workbench.bench.reports.model import (
    REPORT_SCHEMA,
    CompositeNumbers,
    Counts,
    ItemsFacts,
    ModelFacts,
    Report,
    TagNumbers,
)
from workbench.bench.reports.warnings import warnings_of
from workbench.bench.scores.anchoring import Anchoring, anchoring
from workbench.bench.scores.answer_metrics import answer_scores
from workbench.bench.scores.baselines import Baselines, letters
from workbench.bench.scores.calibration import calibration_of
from workbench.bench.scores.composite import WEIGHTS
from workbench.bench.scores.consistency import SelfConsistency, self_consistency
from workbench.bench.scores.effects import image_effect, image_sensitivity, prompt_effect, shuffle_consistency
from workbench.bench.scores.measure import Measure
from workbench.bench.scores.numbers import Number, number
from workbench.bench.scores.slices import slices_of
from workbench.bench.scores.tasks import task_numbers
from workbench.bench.store.records import from_json
from workbench.bench.store.results import Result
from workbench.bench.store.run_lines import RunLines, answered, load_lines, one_line_an_item, regrouped


def build_report(folder: str | Path) -> Report:
    """The report of a run folder. Raises UserFacing when it holds no results."""
    lines = load_lines(Path(folder))
    items = one_line_an_item(lines)
    measure = Measure(lines.groups, {names: lines.protocol(*names) for names in lines.groups})
    report = Report(**_about(lines, items), **_scores(lines, measure, items))
    report = replace(report, judged=judged_numbers(measure, read_verdicts(Path(folder))))
    return replace(report, warnings=tuple(warnings_of(report)))


def _about(lines: RunLines, items: Sequence[Result]) -> dict[str, Any]:
    run = lines.run
    asked = from_json(ItemsFacts, run.get("items", {}))
    return {
        "schema": REPORT_SCHEMA,
        "origin": "measured",
        "date": run.get("date"),
        "python": run.get("python"),
        "packages": run.get("packages", {}),
        "items": asked,
        "n_items": len(items),
        "n_images": _images(items, asked),
        "dropped": asked.dropped or {},
        "stale_lines": lines.stale,
        "regrouped_items": regrouped(lines.groups),
        "judges": lines.judges,
        "models": tuple(_model(lines, model) for model in lines.models),
    }


def _images(items: Sequence[Result], asked: ItemsFacts) -> int:
    """How many image groups the questions have, 0 where the run says that none has a picture."""
    return 0 if asked.n_images == 0 else len({line.image_group for line in items})


def _scores(lines: RunLines, measure: Measure, items: Sequence[Result]) -> dict[str, Any]:
    guesses = Baselines(items)
    return {
        "conditions": tuple(measure.conditions),
        "counts": measure.each(_counts),
        "accuracy": measure.accuracy(),
        "baselines": guesses.on(items),
        "letters": letters(items),
        "calibration": measure.each(lambda protocol, part: calibration_of(part, protocol)),
        "axes": measure.axes(),
        "axes_pooled": measure.axes_pooled(),
        "text_scores": measure.each(lambda protocol, part: answer_scores(answered(part), protocol)),
        "open_scores": measure.each(
            lambda protocol, part: answer_scores(
                [line for line in answered(part) if line.answer_type == "open"], f"{protocol}; open questions"
            )
        ),
        "composite": measure.each(lambda protocol, part: _composite(lines, protocol, part)),
        "modality_tags": measure.each(lambda protocol, part: _tags(lines, protocol, part)),
        "contradictions": measure.each(lambda protocol, part: _contradictions(lines, protocol, part)),
        "by_task": measure.each(
            lambda protocol, part: task_numbers(
                ((line, line.correct) for line in part if line.correct is not None), protocol
            )
        ),
        "slices": slices_of(measure, items, guesses),
        "differences": tuple(measure.differences()),
        "image_effect": image_effect(measure),
        "shuffled_image_effect": image_effect(measure, "shuffled_image"),
        "image_sensitivity": image_sensitivity(measure),
        "shuffle_consistency": shuffle_consistency(measure),
        "prompt_effect": prompt_effect(measure),
        "self_consistency": _self_consistency(lines),
        "anchoring": _anchoring(lines) or None,
    }


def _model(lines: RunLines, model: str) -> ModelFacts:
    described = lines.described(model)
    stated = ("revision", "device", "dtype", "mode", "decoding", "judge")
    facts = {"name": model, "label": described.get("label", model), "protocol": lines.protocol(model)}
    return from_json(ModelFacts, facts | {name: described.get(name) for name in stated})


def _counts(_: str, lines: list[Result]) -> Counts:
    done = answered(lines)
    recovered = sum(line.recovered for line in done)
    without = [bool(line.correct) and not line.recovered for line in done]
    return Counts(
        n=len(lines),
        failed=len(lines) - len(done),
        invalid=sum(line.invalid for line in done),
        recovered=recovered or None,
        accuracy_without_recovered=float(np.mean(without)) if recovered else None,
        parse_status=dict(sorted(Counter(line.parse_status for line in done).items())),
        seconds_per_answer=float(np.mean([line.seconds for line in done])) if done else None,
    )


def _composite(lines: RunLines, protocol: str, part: Sequence[Result]) -> CompositeNumbers | None:
    """MediX-R1's reward over the lines; None where nothing was answered."""
    used = answered(part)
    if not used:
        return None

    def mean(name: str) -> Number:
        found = [
            (value, line.image_group)
            for line in used
            if (value := lines.composites[line.key].get(name)) is not None
        ]
        values, images = [value for value, _ in found], [image for _, image in found]
        if name != "total":
            values = [value == 1 for value in values]
        return number(values, images, f"{protocol}; composite reward with offline stand-ins")

    return CompositeNumbers(mean("total"), {name: mean(name) for name in WEIGHTS}, dict(WEIGHTS))


def _tags(lines: RunLines, protocol: str, part: Sequence[Result]) -> TagNumbers | None:
    """Modality tags; None where no answer carries one."""
    marks = [(lines.marks[line.key], line.image_group) for line in answered(part)]
    states = dict(sorted(Counter(mark.modality for mark, _ in marks).items()))
    if not set(states) - {"no tag"}:
        return None
    known = [(mark.tag_right, image) for mark, image in marks if mark.tag_right is not None]
    note = f"{protocol}; tags of pictures whose kind is known"
    return TagNumbers(number([right for right, _ in known], [image for _, image in known], note), states)


def _contradictions(lines: RunLines, protocol: str, part: Sequence[Result]) -> Number:
    """Share of the answers that words of their reasoning disagree with."""
    marks = [(lines.marks[line.key].contradicts, line.image_group) for line in answered(part)]
    known = [(found, image) for found, image in marks if found is not None]
    note = f"{protocol}; answers with reasoning, by rules that rather stay silent"
    return number([found for found, _ in known], [image for _, image in known], note)


def _self_consistency(lines: RunLines) -> dict[str, SelfConsistency]:
    found = {
        model: self_consistency(items, lines.sampled_protocol(model))
        for model, items in lines.samples.items()
    }
    return {model: about for model, about in found.items() if about is not None}


def _anchoring(lines: RunLines) -> dict[str, Anchoring]:
    return {
        model: anchoring(items, lines.groups.get((model, "image"), {}), lines.sampled_protocol(model))
        for model, items in lines.anchored.items()
    }
