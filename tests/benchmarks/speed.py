"""Speed and memory of the main job as ratios within one run: `python tests/benchmarks/speed.py`.

Prints a table; nothing here is a test. Baselines: plain `model.generate` on the same weights, and eager
generation that stores all attentions (what most viewers do).
"""

import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

PROJECT_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT_ROOT))

from workbench.cases import case_maps, run_case  # noqa: E402
from workbench.explain import METHODS, Evidence, gather_evidence  # noqa: E402
from workbench.imaging import from_array  # noqa: E402
from workbench.models.answer import Decoding, Question  # noqa: E402
from workbench.models.loading import load_model  # noqa: E402
from workbench.models.session import LoadedModel  # noqa: E402
from workbench.phantoms import draw_phantom  # noqa: E402

RUNS = 9
QUESTION = Question("What abnormality is shown?")


def seconds(action: Callable[[], object]) -> float:
    """Median wall time of RUNS runs after one warm-up."""
    action()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def first_token(model: LoadedModel, prompt: object) -> float:
    """Seconds until the first streamed token."""
    began = time.perf_counter()
    stream = model.stream(prompt)
    next(stream)
    waited = time.perf_counter() - began
    stream.close()
    return waited


def both_columns(pair: list[LoadedModel], image: object) -> None:
    """Both models streaming at the same time."""
    workers = [threading.Thread(target=lambda m=m: list(run_case(m, image, QUESTION))) for m in pair]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def main() -> None:
    """Measure and print."""
    base, tuned = load_model("base"), load_model("tuned")
    image = from_array(draw_phantom(900_000_002, "chest").pixels)
    prompt = tuned.prepare(QUESTION, image)
    column = list(run_case(tuned, image, QUESTION))[-1]
    fixed = Decoding(max_new_tokens=len(column.answer.ids))
    plain_inputs = dict(prompt.inputs)

    def plain() -> torch.Tensor:
        with torch.inference_mode():
            return tuned.model.generate(**plain_inputs, max_new_tokens=fixed.max_new_tokens, do_sample=False)

    def eager() -> object:
        with torch.inference_mode():
            return tuned.model.generate(
                **plain_inputs,
                max_new_tokens=fixed.max_new_tokens,
                do_sample=False,
                output_attentions=True,
                return_dict_in_generate=True,
            )

    ours, bare = seconds(lambda: tuned.generate(prompt, fixed)), seconds(plain)
    streamed = seconds(lambda: list(tuned.stream(prompt, fixed)))
    case = column.case

    def passed() -> Evidence:
        return gather_evidence(tuned, case.prompt, case.answer)

    evidence = passed()
    maps = seconds(lambda: case_maps(case, "logit_attribution", evidence=passed()))
    other = seconds(lambda: case_maps(case, "attention_mean", evidence=evidence))
    slower = max(seconds(lambda m=m: list(run_case(m, image, QUESTION))) for m in (base, tuned))
    together = seconds(lambda: both_columns([base, tuned], image))
    waits = statistics.median(first_token(tuned, prompt) for _ in range(RUNS))
    tuned.model.set_attn_implementation({"text_config": "eager"})
    eager_seconds, kept = seconds(eager), eager()
    stored = sum(t.numel() * t.element_size() for step in kept.attentions for t in step)
    rows = [
        ("generate: plain model.generate / ours", bare / ours, ">= 0.95", f"{ours * 1000:.0f} ms ours"),
        ("stream: plain model.generate / ours", bare / streamed, "", f"{streamed * 1000:.0f} ms ours"),
        ("first streamed token", waits, "<= 1 s", "seconds"),
        ("all maps of an answer / its generation", maps / ours, "<= 0.35", f"{maps * 1000:.0f} ms"),
        ("another method, evidence kept / generation", other / ours, "", f"{other * 1000:.0f} ms"),
        ("both columns / (2 x slower alone)", together / (2 * slower), "<= 1.3", f"{together * 1000:.0f} ms"),
        (
            "eager with attentions / ours + maps",
            eager_seconds / (ours + maps),
            "",
            f"{eager_seconds * 1000:.0f} ms",
        ),
        (
            "kept bytes: ours / all attentions",
            evidence.kept_bytes / stored,
            "<= 0.05",
            f"{stored / 1e6:.1f} MB stored",
        ),
    ]
    print(f"{len(column.answer.ids)} tokens, {len(METHODS)} methods, {torch.get_num_threads()} thread(s)")
    for name, value, budget, note in rows:
        print(f"{name:46} {value:8.3f}  {budget:8} {note}")


if __name__ == "__main__":
    main()
