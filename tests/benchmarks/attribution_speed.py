"""Speed and memory of the attribution engine as ratios within one run.

`python tests/benchmarks/attribution_speed.py [--tokens 196 576 1600] [--answer 32] [--device cpu]`

Prints a table; nothing here is a test. Occlusion and generation are measured on the shipped pair, the rest on
a random Llava of the given numbers of image tokens (weights do not matter for speed). Every memory figure is
the growth of a fresh process, so that no measurement inherits another's.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

PROJECT_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT_ROOT))

from workbench.explain import Span, answer_span, gather_evidence, step_spans  # noqa: E402
from workbench.explain.contextual import explain_with_context  # noqa: E402
from workbench.explain.methods.context import AttributionContext, guarded, span_sums  # noqa: E402
from workbench.explain.methods.decoder_pass import capture  # noqa: E402
from workbench.explain.methods.pictures import prepared, without_boxes  # noqa: E402
from workbench.explain.methods.relevancy import span_relevance  # noqa: E402
from workbench.explain.methods.tiers import TIERS  # noqa: E402
from workbench.imaging import from_array  # noqa: E402
from workbench.models.answer import Answer, Decoding, Question  # noqa: E402
from workbench.models.loading import load_model  # noqa: E402
from workbench.models.session import LoadedModel  # noqa: E402
from workbench.settings import Settings  # noqa: E402
from workbench.traces import locate_tokens, parse_trace  # noqa: E402
from workbench.training.architecture import Size, build_model, build_processor, train_tokenizer  # noqa: E402
from workbench.training.phantoms import draw_phantom  # noqa: E402

RUNS = 5
QUESTION = Question("What abnormality is shown?")
TEXTS = ["The image shows a small round bright spot. USER: ASSISTANT: Reason step by step. What abnormality?"]
Row = tuple[str, float, str, str]


def seconds_once(action: Callable[[], object]) -> float:
    """Wall time of one call; the device has finished by then."""
    began = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def seconds(action: Callable[[], object], runs: int = RUNS) -> float:
    """Median wall time after one warm-up."""
    action()
    return statistics.median(seconds_once(action) for _ in range(runs))


def shipped() -> AttributionContext:
    """The tuned model's own answer about a phantom, with a span a step and one for the answer."""
    model = load_model("tuned")
    image = from_array(draw_phantom(900_000_002, "chest").pixels)
    prompt = model.prepare(QUESTION, image)
    answer = model.generate(prompt)
    trace = locate_tokens(parse_trace(answer.text), answer.offsets)
    spans = (*step_spans(trace), *filter(None, [answer_span(trace, answer)]))
    return AttributionContext(model, prompt, image, answer, spans)


def captum_loop(context: AttributionContext, spans: tuple[Span, ...], *, features: bool) -> np.ndarray:
    """captum's FeatureAblation as it comes: a patch and a picture at a time, all over again for each span.

    Towards the pixels that enter the model, or towards the image features at the decoder (`features`), which
    spares captum the vision tower. Values `[S, P]`.
    """
    from captum.attr import FeatureAblation

    model, ids = context.model, context.answer.ids
    inputs = model.family.extend(context.prompt.inputs, torch.tensor(ids, device=model.device))
    side = int(len(context.prompt.boxes) ** 0.5)
    with guarded(model), torch.no_grad():
        passed = capture(context)

        def by_pixels(pixels: torch.Tensor) -> torch.Tensor:
            logits = model.model(**inputs | {"pixel_values": pixels}, use_cache=False).logits
            logp = logits[:, passed.rows].float().log_softmax(-1)
            return span_sums(logp.gather(-1, passed.targets[None, :, None])[..., 0], spans)

        def by_features(image: torch.Tensor) -> torch.Tensor:
            return span_sums(passed.logprobs(passed.with_image(image)), spans)

        number = torch.arange(side * side, device=model.device)
        if features:
            score, start, mask = by_features, passed.image, number[None, :, None]
        else:
            start = inputs["pixel_values"]
            score, cell = by_pixels, start.shape[-1] // side
            mask = number.view(1, 1, side, side).repeat_interleave(cell, 2).repeat_interleave(cell, 3)
        maps = [
            FeatureAblation(score).attribute(start, target=i, feature_mask=mask) for i in range(len(spans))
        ]
    return torch.stack([found.flatten()[: side * side] for found in maps]).cpu().numpy()


def unbatched_loop(context: AttributionContext) -> list[np.ndarray]:
    """Our own pixels tier a picture at a time, through the processor and the public pass."""
    pixels = context.image.pixels
    return [
        context.model.teacher_force(
            prepared(context, without_boxes(pixels, np.zeros_like(pixels), box[None])), context.answer.ids
        ).logprobs
        for box in context.prompt.boxes
    ]


def occlusion_rows() -> Iterator[Row]:
    """Every patch of the shipped pair taken away once."""
    context = shipped()
    count, spans = len(context.prompt.boxes), context.spans

    def ours(tier: int, wanted: tuple[Span, ...]) -> Callable[[], object]:
        settings = {"window": 1, "stride": 1, "tier": tier}
        parts = (context.model, context.prompt, context.image, context.answer, wanted, "occlusion", settings)
        return lambda: explain_with_context(*parts)

    captum = seconds(lambda: captum_loop(context, spans, features=False), 1)
    features = seconds(lambda: captum_loop(context, spans, features=True), 1)
    single = seconds(lambda: captum_loop(context, spans[:1], features=False), 1)
    plain = seconds(lambda: unbatched_loop(context), 1)
    what = f"{count} patches, {len(spans)} spans, {len(context.answer.ids)} tokens"
    for tier, name in enumerate(TIERS):
        mine = seconds(ours(tier, spans), 3)
        budget = ">= 8" if tier >= 2 else ""
        yield f"captum, all spans / occlusion: {name}", captum / mine, budget, f"{mine:.2f} s; {what}"
        yield "  captum on features, all spans / ours", features / mine, "", f"{features:.2f} s captum"
        yield "  captum, one span / ours, all spans", single / mine, "", f"{single:.2f} s captum"
        yield "  unbatched loop / ours", plain / mine, "", f"{plain:.2f} s the loop"


def generation_rows() -> Iterator[Row]:
    """The shipped pair through LoadedModel and through plain generate."""
    context = shipped()
    model, fixed = context.model, Decoding(max_new_tokens=len(context.answer.ids))

    def plain() -> torch.Tensor:
        with torch.inference_mode():
            return model.model.generate(
                **context.prompt.inputs, max_new_tokens=fixed.max_new_tokens, do_sample=False
            )

    pairs = [(seconds(plain, 3), seconds(lambda: model.generate(context.prompt, fixed), 3)) for _ in range(3)]
    theirs, mine = (statistics.median(part) for part in zip(*pairs, strict=True))
    yield "plain generate / through LoadedModel", theirs / mine, ">= 0.95", f"{mine:.3f} s ours"


def random_llava(tokens: int, device: str) -> LoadedModel:
    """A random Llava with `tokens` image tokens: 8 decoder layers of 8 heads, width 256."""
    grid = round(tokens**0.5)
    size = Size(image=8 * grid, patch=8, vision_width=64, vision_layers=1, text_width=256, text_layers=8,
                heads=8, vocabulary=400)  # fmt: skip
    torch.manual_seed(0)
    words = train_tokenizer(TEXTS, size.vocabulary)
    model = build_model(words, size)
    model.config.text_config.max_position_embeddings = 4 * tokens + 1024
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        build_processor(words, size).save_pretrained(folder)
        return load_model(folder, settings=Settings(device=device))


def random_case(model: LoadedModel, answer: int, tokens: int) -> AttributionContext:
    """A random picture and an answer of arbitrary ids, explained as a whole."""
    side = 8 * round(tokens**0.5)
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    ids = tuple(20 + i % 100 for i in range(answer))
    offsets = tuple((i, i + 1) for i in range(answer))
    given = Answer(ids, "x" * answer, offsets, (0.0,) * answer, "length")
    image = from_array(pixels)
    return AttributionContext(
        model, model.prepare(QUESTION, image), image, given, (Span("all", "all", tuple(range(answer))),)
    )


def naive_relevancy(context: AttributionContext) -> torch.Tensor:
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


def streamed_relevancy(context: AttributionContext) -> torch.Tensor:
    """Ours: a few rows of one layer at a time."""
    with guarded(context.model):
        passed = capture(context)
        return next(span_relevance(passed, context))[passed.positions]


def eager_maps(context: AttributionContext) -> object:
    """What most viewers do: generation under eager with all attentions kept."""
    model = context.model.model
    model.set_attn_implementation({"text_config": "eager"})
    length = len(context.answer.ids)
    with torch.inference_mode():
        return model.generate(
            **context.prompt.inputs, max_new_tokens=length, min_new_tokens=length, do_sample=False,
            output_attentions=True, return_dict_in_generate=True,
        ).attentions  # fmt: skip


def probe_maps(context: AttributionContext) -> object:
    """Ours: plain generation of as many tokens, then one shared pass."""
    length = len(context.answer.ids)
    with torch.inference_mode():
        context.model.model.generate(
            **context.prompt.inputs, max_new_tokens=length, min_new_tokens=length, do_sample=False
        )
    return gather_evidence(context.model, context.prompt, context.answer).attention


MEASURED: dict[str, Callable[[AttributionContext], object]] = {
    "eager_maps": eager_maps, "probe_maps": probe_maps,
    "naive_relevancy": naive_relevancy, "streamed_relevancy": streamed_relevancy,
}  # fmt: skip


def peak_bytes(device: str) -> int:
    """Peak memory so far: of the device, or of this process where there is none."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(name: str, tokens: int, answer: int, device: str) -> None:
    """Run one measurement alone in this process and print its seconds and growth as JSON."""
    small = random_case(random_llava(16, device), 4, 16)
    MEASURED[name](small)  # imports and kernels are warm; its arrays are tiny
    context = random_case(random_llava(tokens, device), answer, tokens)
    before = peak_bytes(device)
    kept = MEASURED[name](context)
    grown = peak_bytes(device) - before
    del kept  # held until here: what a viewer keeps belongs to its peak
    times = [seconds_once(lambda: MEASURED[name](context)) for _ in range(3)]
    print(json.dumps({"seconds": statistics.median(times), "bytes": grown}))


def alone(name: str, tokens: int, answer: int, device: str) -> tuple[float, float]:
    """Median seconds and MB of growth of one measurement in a fresh process."""
    call = [sys.executable, __file__, "--child", name, "--tokens", str(tokens), "--answer", str(answer)]
    done = subprocess.run([*call, "--device", device], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found["seconds"], found["bytes"] / 1e6


def against(tokens: int, answer: int, device: str) -> Iterator[Row]:
    """Attention maps and relevancy: the usual way against ours, time and memory."""
    for usual, ours, title, budgets in (
        ("eager_maps", "probe_maps", "eager with attentions / generate + probe", ("", "")),
        ("naive_relevancy", "streamed_relevancy", "naive / streamed relevancy", (">= 1", ">= 3")),
    ):
        theirs, mine = alone(usual, tokens, answer, device), alone(ours, tokens, answer, device)
        note = f"{theirs[0]:.2f} / {mine[0]:.2f} s"
        yield f"{title}, {tokens} image tokens: time", theirs[0] / mine[0], budgets[0], note
        note = f"{theirs[1]:.0f} / {mine[1]:.0f} MB"
        yield "  the same: peak memory", theirs[1] / max(mine[1], 1), budgets[1], note


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[196, 576, 1600])
    parser.add_argument("--answer", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--child", choices=MEASURED, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.tokens[0], options.answer, options.device)
        return
    print(f"{torch.get_num_threads()} thread(s), {options.answer} answer tokens, {options.device}")
    groups = [generation_rows(), occlusion_rows()]
    groups += [against(tokens, options.answer, options.device) for tokens in options.tokens]
    for group in groups:
        for name, value, budget, note in group:
            print(f"{name:66} {value:8.2f}  {budget:8} {note}", flush=True)


if __name__ == "__main__":
    main()
