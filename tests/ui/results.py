"""A result folder of ten questions, two models and two conditions, written by hand."""

import json
from pathlib import Path

from workbench.bench.store.results import Result, ResultFile

RIGHT = {
    ("base", "image"): range(4),
    ("tuned", "image"): range(8),
    ("base", "blank"): range(3),
    ("tuned", "blank"): range(3),
}
GOLD = "AAAAAABBCD"  # the letter A is right 6 times in 10
DECODING = {"temperature": 0.0, "max_new_tokens": 64}
PROTOCOL = {"revision": "r1", "mode": "trace", "decoding": DECODING, "judge": "rubric"}


def write_results(folder: Path) -> Path:
    """Write `results.jsonl` and `run.json`; returns the folder. Items 0-5 are films, 6-9 MR slices."""
    folder.mkdir(parents=True)
    lines = [
        _line(model, condition, item, item in right)
        for (model, condition), right in RIGHT.items()
        for item in range(len(GOLD))
    ]
    ResultFile(folder).append(lines)
    models = {
        name: {"label": f"Mini {name}", "conditions": ["image", "blank"], "device": "cpu", **PROTOCOL}
        for name in ("base", "tuned")
    }
    run = {"schema": 1, "date": "2026-01-02", "items": {"name": "phantoms", "dropped": {}}, "models": models}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def _line(model: str, condition: str, item: int, right: bool) -> Result:
    gold = GOLD[item]
    part = 1.0 if model == "tuned" else 0.5
    score = {"presence": part, "correctness": 0.5, "score": part * 0.5, "n_units": 2}
    axes = {axis: dict(score) for axis in ("perception", "knowledge", "rationale")}
    return Result(
        key=f"{model}-{condition}-{item}",
        item_id=f"item-{item}",
        model=model,
        condition=condition,
        question="What is shown?",
        gold=f"option {gold}",
        answer=f"option {gold}" if right else "nothing",
        correct=right,
        axes={**axes, "trace_score": part * 0.5},
        seconds=0.1,
        text="text",
        parse_status="ok",
        answer_letter=gold if right else None,
        gold_letter=gold,
        options=("option A", "option B", "option C", "option D"),
        finish="stop",
        tokens=5,
        image_group=f"image-{item}",
        modality="X-ray" if item < 6 else "MRI",
        question_type="finding",
        answer_type="closed",
        dataset="phantoms",
        **PROTOCOL,
    )
