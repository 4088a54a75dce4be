"""From result lines to a report: every number with its n, interval, method and protocol."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.baselines import baseline_hits
from workbench.bench.results import PROTOCOL, Result, read_results, read_run
from workbench.bench.statistics import Interval, holm, mcnemar, mean_interval, paired_test
from workbench.errors import UserFacing
from workbench.traces import AXES

SLICES = ("dataset", "modality", "task", "question_type")
PARTS = ("presence", "correctness", "score")
ANSWER_TYPES = ("overall", "closed", "open")
Groups = dict[tuple[str, str], dict[str, Result]]  # (model, condition) -> item id -> line
Number = dict[str, Any]


def build_report(folder: str | Path) -> dict[str, Any]:
    """The JSON-able report of a run folder. Raises UserFacing when it holds no results.

    A number is `{value, low, high, n, n_clusters, method, origin: "measured", protocol}`; `value` is None where
    nothing could be measured. Lines of an earlier revision or protocol of a model are left out and counted.
    """
    folder = Path(folder)
    run = read_run(folder)
    lines, stale = _current(read_results(folder), run)
    if not lines:
        raise UserFacing(f"{str(folder)!r} holds no results yet.", "Run `bench run --out DIR` first.")
    groups = _grouped(lines, run)
    models = list(dict.fromkeys(model for model, _ in groups))
    conditions = list(dict.fromkeys(condition for _, condition in groups))
    items = _items(groups)
    protocols = {model: _protocol(run, groups, model) for model in models}
    measure = _Measure(groups, models, conditions, protocols)
    return {
        "schema": 1,
        "origin": "measured",
        "items": run.get("items", {}),
        "date": run.get("date"),
        "python": run.get("python"),
        "packages": run.get("packages", {}),
        "n_items": len(items),
        "n_images": len({line.image_group for line in items}),
        "dropped": run.get("items", {}).get("dropped", {}),
        "stale_lines": stale,
        "models": [_model(run, model, protocols[model]) for model in models],
        "conditions": conditions,
        "counts": measure.counts(),
        **measure.scores(lambda line: True, items),
        "axes": measure.axes(),
        "slices": {name: measure.slices(name, items) for name in SLICES},
        "differences": measure.differences(),
        "image_effect": measure.image_effect(),
        "shuffle_consistency": measure.shuffle_consistency(),
    }


def _current(lines: Sequence[Result], run: Mapping[str, Any]) -> tuple[list[Result], int]:
    """Lines made by the models and protocols that `run.json` names (all without one), and how many were not."""
    models = run.get("models")
    if not models:
        return list(lines), 0
    kept = [
        line
        for line in lines
        if line.model in models and all(models[line.model][name] == getattr(line, name) for name in PROTOCOL)
    ]
    return kept, len(lines) - len(kept)


def _grouped(lines: Sequence[Result], run: Mapping[str, Any]) -> Groups:
    """Lines by model and condition in the order they were run; a later line on an item replaces an earlier."""
    groups: Groups = {
        (model, condition): {}
        for model, described in run.get("models", {}).items()
        for condition in described["conditions"]
    }
    for line in lines:
        groups.setdefault((line.model, line.condition), {})[line.item_id] = line
    return {names: found for names, found in groups.items() if found}


def _items(groups: Groups) -> list[Result]:
    """One line per item that was asked: it carries the gold answer and the item's kind."""
    found: dict[str, Result] = {}
    for (_, condition), lines in sorted(groups.items(), key=lambda group: group[0][1] == "shuffled_options"):
        for item_id, line in lines.items():
            found.setdefault(item_id, line)
    return list(found.values())


def _protocol(run: Mapping[str, Any], groups: Groups, model: str) -> str:
    line = next(iter(next(found for (name, _), found in groups.items() if name == model).values()))
    decoding = line.decoding
    temperature = decoding.get("temperature", 0)
    way = f"sampled at temperature {temperature}" if temperature else "greedy"
    dtype = run.get("models", {}).get(model, {}).get("dtype", "")
    length = f"at most {decoding['max_new_tokens']} tokens" if "max_new_tokens" in decoding else ""
    parts = [f"{line.mode} prompt", way, length, dtype.removeprefix("torch."), f"judge {line.judge}"]
    return ", ".join(part for part in parts if part)


def _model(run: Mapping[str, Any], model: str, protocol: str) -> dict[str, Any]:
    described = run.get("models", {}).get(model, {})
    return {"name": model, "label": described.get("label", model), "protocol": protocol} | {
        name: described.get(name) for name in ("revision", "device", "dtype", "mode", "decoding", "judge")
    }


def _of_type(lines: Iterable[Result], answer_type: str) -> list[Result]:
    return [line for line in lines if answer_type in ("overall", line.answer_type)]


def _score_of(line: Result, axis: str, part: str) -> float | None:
    """An axis score of a line; None where the axis has no units or nothing was judged."""
    if not line.axes:
        return None
    found = line.axes.get(axis)
    return found.get(part) if isinstance(found, dict) else found


class _Measure:
    """Numbers over the lines of one report."""

    def __init__(
        self, groups: Groups, models: list[str], conditions: list[str], protocols: Mapping[str, str]
    ) -> None:
        self.groups, self.models, self.conditions, self.protocols = groups, models, conditions, protocols

    def each(self, number: Callable[[str, list[Result]], Any], keep: Callable[[Result], bool]) -> dict[str, Any]:
        """model -> condition -> what `number` says about the lines kept."""
        return {
            model: {
                condition: number(model, [line for line in self.groups[model, condition].values() if keep(line)])
                for condition in self.conditions
                if (model, condition) in self.groups
            }
            for model in self.models
        }

    def counts(self) -> dict[str, Any]:
        def count(_: str, lines: list[Result]) -> dict[str, Any]:
            seconds = [line.seconds for line in lines if line.error is None]
            return {
                "n": len(lines),
                "failed": sum(line.error is not None for line in lines),
                "invalid": sum(line.invalid for line in lines),
                "parse_status": dict(Counter(line.parse_status for line in lines if line.error is None)),
                "seconds_per_answer": float(np.mean(seconds)) if seconds else None,
            }

        return self.each(count, lambda line: True)

    def scores(self, keep: Callable[[Result], bool], items: Sequence[Result]) -> dict[str, Any]:
        """Accuracy by model, condition and answer type, and the baselines on the same items."""

        def accuracy(model: str, lines: list[Result]) -> dict[str, Number]:
            answered = [line for line in lines if line.correct is not None]
            return {
                kind: self.number([(line.image_group, line.correct) for line in _of_type(answered, kind)], model)
                for kind in ANSWER_TYPES
            }

        kept = [line for line in items if keep(line)]
        return {"accuracy": self.each(accuracy, keep), "baselines": self.baselines(kept, items)}
