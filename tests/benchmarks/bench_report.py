"""How long a report takes on N lines: `python tests/benchmarks/bench_report.py [N ...]` (10,000 and 100,000).

Lines are synthetic: two models, several conditions, three questions a picture, rubric units and confidences.
Each size is built and opened in a process of its own, so that its peak memory is its own. Goal: a stored
report opens in at most 2 s at 100,000 lines. Nothing here is a test.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

PROJECT_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT_ROOT))

SIZES = (10_000, 100_000)
GOAL_SECONDS = 2.0
MODELS = ("base", "tuned")
CONDITIONS = ("image", "blank", "shuffled_image", "shuffled_options", "short_prompt", "sampled")
SAMPLES = 4
OPTIONS = ("left", "right", "both", "neither")
LETTERS = "ABCD"
AXES = ("perception", "knowledge", "rationale")
MODALITIES = ("X-ray", "CT", "MRI", "ultrasound", "dermoscopy", "histology")
TYPES = ("side", "presence", "count", "size", "organ")
PARTS = ("chest", "brain", "abdomen", "skin")
SENTENCE = "The image shows a bright spot on one side of the field, clearly brighter than the other side. "
WORKER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from tests.benchmarks.bench_report import timed
print(timed(sys.argv[2], sys.argv[3]))
"""


def synthetic_lines(count: int) -> Iterator[dict[str, Any]]:
    """`count` result lines as the runner writes them; the same for the same count."""
    rng = np.random.default_rng(0)
    slots = [(m, c, s) for m in MODELS for c in CONDITIONS for s in range(SAMPLES if c == "sampled" else 1)]
    for number in range(count):
        item, slot = divmod(number, len(slots))
        yield _line(rng, item, *slots[slot])


def _line(rng: np.random.Generator, item: int, model: str, condition: str, sample: int) -> dict[str, Any]:
    gold = item % 4
    skill = 0.5 + 0.2 * (model == "tuned") - 0.2 * (condition in ("blank", "shuffled_image"))
    picked = gold if rng.random() < skill else int(rng.integers(4))
    judged = condition != "short_prompt"
    units = [
        {"unit_id": f"u{i}", "axis": axis, "presence": presence, "correctness": min(presence, 1)}
        for i, (axis, presence) in enumerate(zip(AXES * 2, rng.integers(3, size=6).tolist(), strict=True))
    ]
    scores = {axis: _axis([unit for unit in units if unit["axis"] == axis]) for axis in AXES}
    mean = sum(score["score"] for score in scores.values()) / len(AXES)
    return {
        "key": f"{item}-{model}-{condition}-{sample}", "item_id": f"item-{item:06d}", "model": model,
        "condition": condition, "question": f"Where is the spot? (form {item % 40})", "gold": OPTIONS[gold],
        "answer": OPTIONS[picked], "correct": picked == gold,
        "axes": scores | {"trace_score": mean} if judged else None, "seconds": 0.1,
        "text": f"<think>{SENTENCE * 5}</think><answer>{OPTIONS[picked]}</answer>", "parse_status": "ok",
        "answer_letter": LETTERS[picked], "gold_letter": LETTERS[gold], "options": OPTIONS, "error": None,
        "finish": "stop", "tokens": 90, "mode": "trace" if judged else "short",
        "decoding": {"max_new_tokens": 256, "temperature": 0.6 if condition == "sampled" else 0.0},
        "revision": "1", "judge": "rubric-rules-2", "judge_protocol": "rules", "units": units * judged,
        "image_group": f"image-{item // 3}", "modality": MODALITIES[item // 3 % 6],
        "body_part": PARTS[item % 4], "task": TYPES[item % 5], "question_type": TYPES[item % 5],
        "answer_type": "closed", "dataset": "synthetic",
        "probability": {"answer": float(rng.random()), "text": float(rng.random())}, "sample": sample,
    }  # fmt: skip


def _axis(units: list[dict[str, Any]]) -> dict[str, Any]:
    presence = sum(unit["presence"] for unit in units) / (2 * len(units))
    correctness = float(any(unit["presence"] for unit in units))
    return {
        "presence": presence,
        "correctness": correctness,
        "score": presence * correctness,
        "n_units": len(units),
    }


def write_folder(folder: Path, count: int) -> None:
    """A run folder of `count` synthetic lines with its run.json."""
    with (folder / "results.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in synthetic_lines(count))
    described = {
        "revision": "1", "mode": "trace", "decoding": {"max_new_tokens": 256, "temperature": 0.0},
        "judge": "rubric-rules-2", "judge_protocol": "rules", "conditions": list(CONDITIONS),
        "sampling": {"max_new_tokens": 256, "temperature": 0.6}, "samples": SAMPLES,
    }  # fmt: skip
    run = {
        "items": {"name": "synthetic", "n": count, "n_images": count // 3, "dropped": {}},
        "models": dict.fromkeys(MODELS, described),
    }
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")


def timed(what: str, folder: str) -> str:
    """Open (or first build) the report of a folder; JSON of seconds, CPU seconds and peak memory in MB."""
    from workbench.bench.reports.stored import open_report

    start, used = time.perf_counter(), time.process_time()
    report = open_report(folder)
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"what": what, "seconds": seconds, "cpu": cpu, "peak_mb": peak, "n_items": report["n_items"]}
    return json.dumps(found)


def _measured(what: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-c", WORKER, str(PROJECT_ROOT), what, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT_ROOT)
    return json.loads(done.stdout)


def main(arguments: list[str]) -> int:
    """Print the table; 1 when a stored report opens more slowly than the goal."""
    slow = False
    columns = ("lines", "items", "build s", "CPU s", "peak MB", "open s", "peak MB")
    print("  ".join(f"{column:>8}" for column in columns))
    for count in map(int, arguments or map(str, SIZES)):
        with tempfile.TemporaryDirectory() as name:
            write_folder(Path(name), count)
            built, opened = _measured("build", Path(name)), _measured("open", Path(name))
        slow |= opened["seconds"] > GOAL_SECONDS
        cells = [f"{count:,}", f"{built['n_items']:,}", f"{built['seconds']:.1f}", f"{built['cpu']:.1f}"]
        cells += [f"{built['peak_mb']:.0f}", f"{opened['seconds']:.2f}", f"{opened['peak_mb']:.0f}"]
        print("  ".join(f"{cell:>8}" for cell in cells), flush=True)
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
