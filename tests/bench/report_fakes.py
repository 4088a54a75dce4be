"""Result lines and reports made by hand, and a run folder, for the tests of what a report says."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.bench.reports.model import Report
from workbench.bench.scores.numbers import Number
from workbench.bench.store.results import RESULTS_FILE, RUN_FILE, Result

GREEDY = {"max_new_tokens": 256, "temperature": 0.0}
SAMPLING = {"max_new_tokens": 256, "temperature": 0.6}
OPTIONS = ("left", "right")


def line(item: str, says: str | None, model: str = "m", condition: str = "image", **other: Any) -> Result:
    """A line on "Which side?" with the options left and right; gold is "left", `says` None is no answer."""
    options = other.pop("options", OPTIONS)
    gold = other.pop("gold", "left")
    letters = {option: "ABCD"[place] for place, option in enumerate(options)}
    own = {
        "key": f"{item}-{model}-{condition}-{other.get('sample', 0)}-{other.get('revision', '1')}",
        "question": "Which side?",
        "correct": says == gold,
        "axes": None,
        "seconds": 0.1,
        "answer_letter": letters.get(says or ""),
        "gold_letter": letters.get(gold),
        "mode": {"short_prompt": "short"}.get(condition, "trace"),
        "decoding": SAMPLING | {"seed": 7} if condition == "sampled" else GREEDY,
        "revision": "1",
        "judge": "rubric-rules-2",
        "image_group": item,
        "answer_type": "closed",
        "modality": "CT",
        "answer": says,
    }
    return Result(item_id=item, model=model, condition=condition, gold=gold, options=options, **own | other)


def scored(perception: float, **axes: float) -> dict[str, Any]:
    """The axes of a line with these scores; the trace score is their mean."""
    found = {"perception": perception, **axes}
    whole = {
        axis: {"presence": score, "correctness": 1.0, "score": score, "n_units": 1}
        for axis, score in found.items()
    }
    return whole | {"trace_score": sum(found.values()) / len(found)}


def number(value: float | None, low: float | None = None, high: float | None = None, n: int = 10) -> Number:
    """A number of a report."""
    return Number(
        value=value, low=low, high=high, n=n, n_clusters=n, method="Wilson", origin="measured", protocol="p"
    )


def bare_report(**parts: Any) -> Report:
    """A report of which nothing is known but these parts."""
    about: dict[str, Any] = {"origin": "measured", "n_items": 20, "n_images": 20}
    scores: dict[str, Any] = {"models": (), "conditions": (), "counts": {}, "accuracy": {}, "baselines": {}}
    return Report(**about | scores | {"axes": {}} | parts)


def write_run(
    folder: Path, lines: Iterable[Result], name: str = "sides", models: dict[str, Any] | None = None
) -> Path:
    """A run folder of these lines; `models` changes what run.json says about each."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = list(lines)
    (folder / RESULTS_FILE).write_text("".join(json.dumps(asdict(one)) + "\n" for one in lines))
    described = {
        model: {
            "revision": "1", "mode": "trace", "decoding": GREEDY, "judge": "rubric-rules-2",
            "label": model.upper(),
            "conditions": list(dict.fromkeys(one.condition for one in lines)), "sampling": SAMPLING,
        }
        | (models or {}).get(model, {})
        for model in dict.fromkeys(one.model for one in lines)
    }  # fmt: skip
    record = {"items": {"name": name, "dropped": {}}, "models": described, "packages": {"torch": "2.13"}}
    (folder / RUN_FILE).write_text(json.dumps(record))
    return folder
