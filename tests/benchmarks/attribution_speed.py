"""Speed and memory of the attribution engine as ratios within one run.

`python tests/benchmarks/attribution_speed.py [--tokens 196 576 1600] [--answer 32] [--device cpu]`
`python tests/benchmarks/attribution_speed.py --config REF [--random-weights] [--side 448] [--device cuda]`

Prints a table; nothing here is a test. Occlusion and generation are measured on the shipped pair, the rest on
a random Llava of the given numbers of image tokens (weights do not matter for speed). With --config all but
occlusion is measured on the architecture of a folder or hub id, on a picture of --side × --side pixels; with
--random-weights only its config and processor are read. Every memory figure is the growth of a fresh process,
so that no measurement inherits another's.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

PROJECT_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT_ROOT))

from tests.benchmarks.occlusion_reference import occlusion_rows  # noqa: E402
from tests.benchmarks.speed_cases import (  # noqa: E402
    Row,
    configured,
    random_case,
    random_llava,
    seconds,
    seconds_once,
    shipped,
)
from tests.benchmarks.tam_reference import sequential_tam  # noqa: E402
from workbench.explain import gather_evidence  # noqa: E402
from workbench.explain.methods.attribution import Attribution, guarded  # noqa: E402
from workbench.explain.methods.decoder_pass import capture  # noqa: E402
from workbench.explain.methods.relevancy import span_relevance  # noqa: E402
from workbench.explain.methods.token_activation import token_activation  # noqa: E402
from workbench.models.answer import Decoding  # noqa: E402


def generation_rows(context: Attribution) -> Iterator[Row]:
    """As many tokens through LoadedModel as through plain generate."""
    model, fixed = context.model, Decoding(max_new_tokens=len(context.answer.ids))

    def plain() -> torch.Tensor:
        with torch.inference_mode():
            return model.model.generate(
                **context.prompt.inputs, max_new_tokens=fixed.max_new_tokens, do_sample=False
            )

    pairs = [(seconds(plain, 3), seconds(lambda: model.generate(context.prompt, fixed), 3)) for _ in range(3)]
    theirs, mine = (statistics.median(part) for part in zip(*pairs, strict=True))
    yield "plain generate / through LoadedModel", theirs / mine, ">= 0.95", f"{mine:.3f} s ours"


def tam_rows(context: Attribution) -> Iterator[Row]:
    """Token Activation Maps of all answer tokens from the same pass: vectorised against a word at a time.

    Raises ValueError when the two do not agree.
    """
    evidence = gather_evidence(context.model, context.prompt, context.answer)
    likeness, boxes, count = evidence.likeness, evidence.boxes, len(evidence.ids)
    ours, plain = token_activation(evidence, {}).values, sequential_tam(likeness, boxes, count)
    apart = float(np.abs(ours - plain).max() / max(plain.max(), 1e-12))
    if apart > 1e-5:
        raise ValueError(f"the vectorised and the sequential map differ by {apart:.1e} of the largest value")
    theirs = seconds(lambda: sequential_tam(likeness, boxes, count), 1)
    mine = seconds(lambda: token_activation(evidence, {}))
    note = f"{theirs:.2f} / {mine:.3f} s; maps equal to {apart:.0e}"
    yield f"sequential / vectorised TAM, {len(boxes)} image tokens", theirs / mine, "", note


def naive_relevancy(context: Attribution) -> torch.Tensor:
    """The published form: every layer's N × N attention and its gradient kept, N × N products."""
    with guarded(context.model):
        passed = capture(context)
        found, passed.text.config._attn_implementation = passed.text.config._attn_implementation, "eager"
        try:
            output = passed.text(
                inputs_embeds=passed.embeddings.requires_grad_(), output_attentions=True, use_cache=False,
                **passed.inputs(),
            )  # fmt: skip
        finally:
            passed.text.config._attn_implementation = found
        score = passed.chosen(output.last_hidden_state[:, passed.rows]).sum()
        gradients = torch.autograd.grad(score, output.attentions)
        relevance = torch.eye(passed.length, device=score.device)
        for attention, gradient in zip(output.attentions, gradients, strict=True):
            relevance = relevance + (attention.detach() * gradient)[0].relu().mean(0) @ relevance
        return relevance[passed.rows].sum(0)[passed.positions]


def streamed_relevancy(context: Attribution) -> torch.Tensor:
    """Ours: a few rows of one layer at a time."""
    with guarded(context.model):
        passed = capture(context)
        return next(span_relevance(passed, context))[passed.positions]


def eager_maps(context: Attribution) -> object:
    """What most viewers do: generation under eager with all attentions kept."""
    model = context.model.model
    model.set_attn_implementation({"text_config": "eager"})
    length = len(context.answer.ids)
    with torch.inference_mode():
        return model.generate(
            **context.prompt.inputs, max_new_tokens=length, min_new_tokens=length, do_sample=False,
            output_attentions=True, return_dict_in_generate=True,
        ).attentions  # fmt: skip


def probe_maps(context: Attribution) -> object:
    """Ours: plain generation of as many tokens, then one shared pass."""
    length = len(context.answer.ids)
    with torch.inference_mode():
        context.model.model.generate(
            **context.prompt.inputs, max_new_tokens=length, min_new_tokens=length, do_sample=False
        )
    return gather_evidence(context.model, context.prompt, context.answer).attention


MEASURED: dict[str, Callable[[Attribution], object]] = {
    "eager_maps": eager_maps, "probe_maps": probe_maps,
    "naive_relevancy": naive_relevancy, "streamed_relevancy": streamed_relevancy,
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """What is measured on: a random Llava of so many image tokens, or the architecture of `config`."""

    tokens: int
    answer: int
    device: str
    config: str
    random_weights: bool
    side: int

    def case(self) -> Attribution:
        """The model and its question."""
        if self.config:
            model = configured(self.config, self.device, random_weights=self.random_weights)
            return random_case(model, self.answer, self.side)
        return random_case(random_llava(self.tokens, self.device), self.answer, 8 * round(self.tokens**0.5))

    @property
    def flags(self) -> list[str]:
        """The command line that gives this again."""
        numbers = [f"--{name}={getattr(self, name)}" for name in ("tokens", "answer", "side")]
        given = [f"--config={self.config}"] if self.config else []
        return [*numbers, *given, f"--device={self.device}", *["--random-weights"] * self.random_weights]


def peak_bytes(device: str) -> int:
    """Peak memory so far: of the device, or of this process where there is none."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(name: str, bench: Bench) -> None:
    """Run one measurement alone in this process and print its seconds and growth as JSON."""
    small = random_case(random_llava(16, bench.device), 4, 32)
    MEASURED[name](small)  # imports and kernels are warm; its arrays are tiny
    context = bench.case()
    if bench.device != "cpu":
        torch.cuda.reset_peak_memory_stats()  # making the weights took more than holding them does
    before = peak_bytes(bench.device)
    kept = MEASURED[name](context)
    grown = peak_bytes(bench.device) - before
    del kept  # held until here: what a viewer keeps belongs to its peak
    times = [seconds_once(lambda: MEASURED[name](context)) for _ in range(3)]
    found = {"seconds": statistics.median(times), "bytes": grown, "patches": len(context.prompt.boxes)}
    print(json.dumps(found))


def alone(name: str, bench: Bench) -> tuple[float, float, int]:
    """Median seconds, MB of growth and image tokens of one measurement in a fresh process."""
    call = [sys.executable, __file__, "--child", name, *bench.flags]
    done = subprocess.run(call, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr.strip()[-2000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found["seconds"], found["bytes"] / 1e6, found["patches"]


def against(bench: Bench) -> Iterator[Row]:
    """Attention maps and relevancy: the usual way against ours, time and memory."""
    for usual, ours, title, budgets in (
        ("eager_maps", "probe_maps", "eager with attentions / generate + probe", ("", "")),
        ("naive_relevancy", "streamed_relevancy", "naive / streamed relevancy", (">= 1", ">= 3")),
    ):
        theirs, mine = alone(usual, bench), alone(ours, bench)
        note = f"{theirs[0]:.2f} / {mine[0]:.2f} s"
        yield f"{title}, {mine[2]} image tokens: time", theirs[0] / mine[0], budgets[0], note
        note = f"{theirs[1]:.0f} / {mine[1]:.0f} MB"
        yield "  the same: peak memory", theirs[1] / max(mine[1], 1), budgets[1], note


def groups(benches: list[Bench]) -> Iterator[Iterator[Row]]:
    """All rows, in groups that are measured one after another."""
    if not benches[0].config:
        yield generation_rows(shipped())
        yield occlusion_rows()
    for bench in benches:
        context = bench.case()
        if bench.config:
            yield generation_rows(context)
        yield tam_rows(context)
        del context  # its memory is wanted by the measurements in processes of their own
        yield against(bench)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[196, 576, 1600])
    parser.add_argument("--answer", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--config", default="", metavar="REF", help="a folder or hub id")
    parser.add_argument("--random-weights", action="store_true", help="of --config, read no weights")
    parser.add_argument("--side", type=int, default=448, help="pixels of the picture for --config")
    parser.add_argument("--child", choices=MEASURED, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.random_weights and not given.config:
        parser.error("--random-weights needs --config")
    rest = (given.answer, given.device, given.config, given.random_weights, given.side)
    benches = [Bench(tokens, *rest) for tokens in (given.tokens[:1] if given.config else given.tokens)]
    if given.child:
        child(given.child, benches[0])
        return
    print(f"{torch.get_num_threads()} thread(s), {given.answer} answer tokens, {given.device}")
    for group in groups(benches):
        for name, value, budget, note in group:
            print(f"{name:66} {value:8.2f}  {budget:8} {note}", flush=True)


if __name__ == "__main__":
    main()
