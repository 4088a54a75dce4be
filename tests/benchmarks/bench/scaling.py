"""Cost per item and peak memory of the runner by size of the benchmark: `python …/bench/scaling.py [SIZES]`.

Synthetic items in the test schema with three rubric units each, on 50 small pictures; a model that answers at
once, so that what is measured is the runner. Each size runs in a process of its own; "before" is the memory
of that process with everything imported. Prints a table: milliseconds of processor time an item (reading the
items, answering them twice, finding that all is done, reading the lines) and megabytes. Flat columns are what
it should show; processor time is told because it means the same on a busy machine.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT_ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from workbench.bench.asking.runner import run_bench  # noqa: E402
from workbench.bench.questions.items import load_items  # noqa: E402
from workbench.bench.store.results import iter_results  # noqa: E402
from workbench.imaging.medical_image import MedicalImage  # noqa: E402
from workbench.models.answer import Answer, Decoding, Prompt, Question  # noqa: E402

SIZES = (100, 1_000, 10_000, 100_000)
PICTURES = 50
TEXT = (
    "<think>The image shows a bright spot on the left side. Bright spots typically are dense. "
    "Therefore the side of the spot is left.</think><answer>left</answer>"
)


class Instant:
    """Answers at once, always the same."""

    name, revision = "instant", "1"

    def prepare(self, question: Question, image: MedicalImage | None) -> Prompt:
        return Prompt(question, {}, np.zeros(0, np.int64), np.zeros((0, 4), np.float32), None)

    def generate_batch(self, prompts: Sequence[Prompt], decoding: Decoding | None = None) -> list[Answer]:
        return [Answer((1, 2), TEXT, ((0, 1), (1, 2)), (-0.1, -0.2), "stop") for _ in prompts]


def write_items(folder: Path, count: int) -> None:
    """`items.jsonl` and its pictures."""
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    claims = {
        "perception": "The image shows a bright spot on the left side.",
        "knowledge": "Bright spots typically are dense.",
        "rationale": "Therefore the side of the spot is left.",
    }
    units = {
        axis: [{"unit_id": axis, "topic": "bright spot", "claim": claim, "source_quote": claim}]
        for axis, claim in claims.items()
    }
    with (folder / "items.jsonl").open("w") as file:
        for number in range(count):
            question = f"On which side of picture {number} is the bright spot?\nA. left\nB. right"
            line = {
                "id": str(number),
                "image": f"{number % PICTURES}.png",
                "question": question,
                "answer": "A",
            }
            file.write(json.dumps(line | {"modality": "X-ray"} | units) + "\n")


def peak() -> float:
    """Highest memory of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int) -> dict[str, float]:
    """Milliseconds an item of each part, and memory, for one size."""
    with tempfile.TemporaryDirectory() as name:
        folder, before = Path(name), peak()
        write_items(folder, count)
        times = [time.process_time()]
        items = load_items(folder)
        times.append(time.process_time())
        for _ in range(2):
            out = run_bench(items, [Instant()], folder / "out", conditions=("image", "shuffled_image"))
            times.append(time.process_time())
        lines = sum(1 for _ in iter_results(out))
        times.append(time.process_time())
        assert lines == 2 * count
        parts = [1000 * (after - start) / count for start, after in zip(times, times[1:], strict=False)]
        names = ("load", "answer", "resume", "read")
        return dict(zip(names, parts, strict=True)) | {"before": before, "peak": peak()}


def main(sizes: Sequence[int]) -> None:
    columns = ("load", "answer", "resume", "read", "before", "peak")
    print(f"{'items':>8} " + "".join(f"{name:>9}" for name in columns) + "   (ms an item; MB)")
    for size in sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"{size:8,} " + "".join(f"{found[name]:9.2f}" for name in columns), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main([int(size) for size in sys.argv[1:]] or SIZES)
