"""Occlusion as libraries and plain loops do it, against the workbench's tiers, on the shipped pair."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from tests.benchmarks.speed_cases import Row, seconds, shipped
from workbench.explain import Span, explain_spans
from workbench.explain.methods.attribution import Attribution, guarded, span_sums
from workbench.explain.methods.decoder_pass import capture
from workbench.explain.methods.pictures import prepared, without_boxes
from workbench.explain.methods.tiers import TIERS


def captum_loop(context: Attribution, spans: tuple[Span, ...], *, features: bool) -> np.ndarray:
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


def unbatched_loop(context: Attribution) -> list[np.ndarray]:
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
        return lambda: explain_spans(context.case, wanted, "occlusion", settings)

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
