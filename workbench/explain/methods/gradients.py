"""Gradients at the image embeddings: input × gradient, SmoothGrad, integrated gradients.

The target is the summed log probability of a span's tokens. A patch's value is the sum over the embedding
dimension, signed. The projected image tokens are the input: no gradient runs through the vision tower.

A decoder that normalises what it reads (RMS norm) hardly notices how long an embedding is, so embedding ×
gradient nearly cancels over the dimensions. Hence the product takes the embedding from the mean patch on by
default, which asks what makes this patch unlike the rest; "zero" gives the plain product.
"""

import torch

from workbench.explain.heatmap import Refusal
from workbench.explain.methods.attribution import (
    CAUSAL_SHARE,
    Attribution,
    Cost,
    Method,
    SpanMaps,
    causal_share,
    guarded,
    span_sums,
)
from workbench.explain.methods.decoder_pass import DecoderPass, capture, capture_pass
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.passes import PassCounter, shrinking
from workbench.explain.methods.pictures import prepared, replacement
from workbench.models.answer import Prompt

UNIT = "log probability (nats)"
GRADIENT_SHARE = "image tokens' part of Σ |embedding × gradient| over all tokens that the decoder read"
GAP_WARNING = 0.05
IG_BATCH = 4
BASELINES = ("blurred picture", "mean patch")
REFERENCES = ("mean patch", "zero")


def span_gradients(passed: DecoderPass, embeddings: torch.Tensor, context: Attribution) -> torch.Tensor:
    """∂(span log probability)/∂embeddings of every span, float32 `[S, N, d]`; one forward, S backwards."""
    leaf = embeddings.detach().requires_grad_()
    scores = span_sums(passed.logprobs(leaf), context.spans)[0]
    last = len(scores) - 1
    return torch.stack(
        [
            torch.autograd.grad(score, leaf, retain_graph=index < last)[0][0].float()
            for index, score in enumerate(scores)
        ]
    )


def input_times_gradient(context: Attribution, params: Params) -> SpanMaps:
    """Σ_d (embedding − reference) · gradient for every image token: 1 forward, a backward a span."""
    with guarded(context.model):
        passed = capture(context)
        gradients = span_gradients(passed, passed.embeddings, context)
    return _product_maps(passed, gradients, params["reference"], Cost(1, len(context.spans)))


def smooth_gradient(context: Attribution, params: Params) -> SpanMaps:
    """Input × the mean gradient over noisy copies of the image embeddings (SmoothGrad, arXiv 1706.03825).

    The noise is Gaussian with its own seed, `noise` per cent of the image embeddings' standard deviation.
    """
    random = torch.Generator().manual_seed(params["seed"])
    with guarded(context.model):
        passed = capture(context)
        image = passed.image
        width = params["noise"] / 100 * float(image.float().std())
        total = torch.zeros(())
        counter = PassCounter(context, params["samples"])
        for _ in range(params["samples"]):
            noise = torch.randn(image.shape, generator=random).to(image) * width
            gradients = span_gradients(passed, passed.with_image(image + noise), context)
            total = total.to(gradients) + gradients / params["samples"]
            counter.add(1)
    spent = Cost(params["samples"], params["samples"] * len(context.spans))
    return _product_maps(passed, total, params["reference"], spent)


def _product_maps(passed: DecoderPass, gradients: torch.Tensor, reference: int, spent: Cost) -> SpanMaps:
    size = (gradients * passed.embeddings[0].float()).abs().sum(-1)
    share = size[:, passed.positions].sum(-1) / size.sum(-1).clamp(min=1e-12)
    image = passed.image[0].float()
    start = image.mean(0) if reference == 0 else torch.zeros_like(image[0])
    values = (gradients[:, passed.positions] * (image - start)).sum(-1)
    return SpanMaps(values.cpu().numpy(), share.cpu().numpy(), GRADIENT_SHARE, spent)


def integrated_gradients(context: Attribution, params: Params) -> SpanMaps | Refusal:
    """Gauss-Legendre integrated gradients from a baseline's image embeddings (arXiv 1703.01365), by captum.

    Values sum to f(picture) − f(baseline) up to the completeness gap, which stands in the details.
    """
    from captum.attr import IntegratedGradients  # takes seconds to import: not for the start of the page

    if params["baseline"] == 0 and context.image is None:
        return Refusal("The blurred baseline needs the picture itself.", "Choose the mean patch as baseline.")
    with guarded(context.model):
        passed = capture(context)
        image, base = passed.image, _baseline(context, passed, params["baseline"])

        def score(embeddings: torch.Tensor) -> torch.Tensor:
            return span_sums(passed.logprobs(passed.with_image(embeddings)), context.spans)

        def counted(embeddings: torch.Tensor) -> torch.Tensor:
            counter.add(len(embeddings))
            return score(embeddings)

        counter = PassCounter(context, params["steps"] * len(context.spans))
        with torch.no_grad():
            full, empty = score(torch.cat([image, base])).double()
        captum, batch = IntegratedGradients(counted), IG_BATCH
        found = []
        for index in range(len(context.spans)):

            def attribute(size: int, index: int = index) -> torch.Tensor:
                steps = params["steps"]
                return captum.attribute(image, base, target=index, n_steps=steps, internal_batch_size=size)

            value, batch = shrinking(batch, attribute)
            found.append(value.detach().float().sum(-1))
        values = torch.cat(found)
    spent = integrated_cost(context.prompt, len(context.spans), params)
    return _integrated_maps(values, full, empty, spent)


def _integrated_maps(values: torch.Tensor, full: torch.Tensor, empty: torch.Tensor, spent: Cost) -> SpanMaps:
    details = [
        completeness(float(row.double().sum()), float(difference))
        for row, difference in zip(values, full - empty, strict=True)
    ]
    warnings = tuple(gap_warning(detail["completeness_gap"]) for detail in details)
    share = causal_share(full, empty)
    return SpanMaps(
        values.cpu().numpy(), share, CAUSAL_SHARE, spent, details=tuple(details), warnings=warnings
    )


def gap_warning(gap: float) -> str:
    """A sentence when the completeness gap is above GAP_WARNING, else nothing."""
    if gap <= GAP_WARNING:
        return ""
    miss = f"{gap:.0%}" if gap < 10 else "more than ten times its size"
    return f"The patches should add up to the score difference but miss it by {miss}: use more steps."


def completeness(total: float, difference: float) -> dict[str, float]:
    """How far the values' sum is from f(picture) − f(baseline), relative to that difference."""
    gap = abs(total - difference) / max(abs(difference), 1e-6)
    return {"sum": total, "score_difference": difference, "completeness_gap": gap}


def _baseline(context: Attribution, passed: DecoderPass, choice: int) -> torch.Tensor:
    """Image embeddings `[1, P, d]` of a picture that shows nothing."""
    if choice == 1:
        return passed.image.mean(1, keepdim=True).expand_as(passed.image)
    blurred = prepared(context, context.sheet.each(lambda picture: replacement(picture, 0)))
    return capture_pass(context.model, blurred, context.answer.ids).image


def integrated_cost(_prompt: Prompt, spans: int, params: Params) -> Cost:
    """Both ends of the path once for all spans, then a forward and a backward a step and span."""
    return Cost(2 + params["steps"] * spans, params["steps"] * spans)


SAMPLES = Param("samples", "Noisy copies", 1, 64, 16)
NOISE = Param("noise", "Noise (% of spread)", 1, 100, 15)
SEED = Param("seed", "Seed", 0, 9999, 0)
STEPS = Param("steps", "Steps on the path", 4, 256, 16)
REFERENCE = Param("reference", "Measured from", 0, len(REFERENCES) - 1, 0, REFERENCES)
BASELINE = Param("baseline", "Baseline", 0, len(BASELINES) - 1, 0, BASELINES)

GRADIENT_METHODS = (
    Method(
        "input_gradient", "Input × gradient",
        "Signed: how a small change of each patch's embedding would move the words' log probability.",
        "Tells the slope at this picture only; where the model is sure the slope is flat and noisy.",
        UNIT, True, ("gradients",), lambda _prompt, spans, _params: Cost(1, spans), input_times_gradient,
        (REFERENCE,),
    ),
    Method(
        "smooth_gradient", "SmoothGrad",
        "Signed: input × gradient averaged over noisy copies of the patch embeddings.",
        "The noise makes embeddings that no picture has; the map gets smoother, not surely truer.",
        UNIT, True, ("gradients",),
        lambda _prompt, spans, params: Cost(params["samples"], params["samples"] * spans),
        smooth_gradient, (SAMPLES, NOISE, SEED, REFERENCE),
    ),
    Method(
        "integrated_gradients", "Integrated gradients",
        "Signed: each patch's part of the log probability gained on the way from a baseline to this picture.",
        "The parts depend on the baseline, and the way there runs through embeddings that no picture has.",
        UNIT, True, ("gradients",), integrated_cost, integrated_gradients, (STEPS, BASELINE),
    ),
)  # fmt: skip
