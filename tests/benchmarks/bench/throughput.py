"""Items a second of the runner against asking one by one: `python tests/benchmarks/bench/throughput.py [N]`.

Both get the same questions of the phantom benchmark (spread over the whole set) and the same shipped weights;
the answers must be the same, token for token text. The loop only prepares and generates; the runner also
parses, judges, scores and writes. Prints a table; only the ratios are worth comparing between machines: of
wall time, and of processor time, which means the same on a busy machine.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT_ROOT))

from workbench.bench.asking.runner import run_bench  # noqa: E402
from workbench.bench.questions.items import ItemSet, load_items  # noqa: E402
from workbench.bench.store.results import read_results  # noqa: E402
from workbench.imaging import load_image  # noqa: E402
from workbench.models.answer import Question  # noqa: E402
from workbench.models.loading import load_model  # noqa: E402
from workbench.models.session import LoadedModel  # noqa: E402
from workbench.settings import Settings  # noqa: E402

ITEMS = 96
BATCH_SIZES = (8, 16, 32, 64)


Timed = tuple[dict[str, str], float, float]  # answers by item id, seconds, seconds of the processor


def one_by_one(model: LoadedModel, items: ItemSet) -> Timed:
    """Each question alone."""
    began, worked, found = time.perf_counter(), time.process_time(), {}
    for item in items.items:
        image = load_image(item.image_path) if item.image_path is not None else None
        prompt = model.prepare(Question(item.question, item.options, "trace"), image)
        found[item.item_id] = model.generate(prompt).text
    return found, time.perf_counter() - began, time.process_time() - worked


def by_runner(model: LoadedModel, items: ItemSet, size: int) -> Timed:
    """The same, by the benchmark runner, from reading the items to the lines on disk."""
    with tempfile.TemporaryDirectory() as folder:
        began, worked = time.perf_counter(), time.process_time()
        out = run_bench(items, [model], folder, batch_size=size)
        took = time.perf_counter() - began, time.process_time() - worked
        return {line.item_id: line.text for line in read_results(out)}, *took


def main(count: int) -> None:
    whole = load_items("phantoms")
    step = max(1, len(whole.items) // count)
    items = replace(whole, items=tuple(whole.items)[::step][:count])
    warm = replace(items, items=items.items[:2])
    print(f"{len(items.items)} questions; items a second; times the loop (wall, processor)")
    print(f"{'model':8} {'one by one':>12}" + "".join(f"{f'batches of {n}':>22}" for n in BATCH_SIZES))
    for name in ("base", "tuned"):
        model = load_model(name, settings=Settings(device="cpu"))
        one_by_one(model, warm)
        texts, alone, loop = one_by_one(model, items)
        cells = [f"{len(texts) / alone:12.2f}"]
        for size in BATCH_SIZES:
            found, took, worked = by_runner(model, items, size)
            different = [item for item in texts if found[item] != texts[item]]
            assert not different, f"{len(different)} answers differ at {size}: {different[:5]}"
            cells.append(f"{len(found) / took:8.2f} ({alone / took:4.1f}x {loop / worked:4.1f}x)")
        print(f"{name:8} {' '.join(cells)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS)
