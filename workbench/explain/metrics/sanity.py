"""Sanity tests: a map that stays the same when it must change says nothing about this answer.

Each gives rank correlations (Spearman) with the original map; near 1 means the test failed. Swapped image:
explain dossier 2.E; random token: Sixt et al., When Explanations Lie, 2020 (random logit); parameter
randomisation: Adebayo et al., Sanity Checks for Saliency Maps, 2018, in a few cascading groups of decoder
layers instead of one layer at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from workbench.explain.evidence import gather_evidence
from workbench.explain.explain import explain, explain_spans, refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.metrics.scoring import as_image
from workbench.explain.spans import content_tokens
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Prompt
from workbench.models.session import LoadedModel

Params = Mapping[str, int]
STAGES = 4


@dataclass(frozen=True)
class Cascade:
    """Parameter randomisation: with the last `layers[i]` decoder layers random, `correlations[i]` (None for
    a constant map)."""

    layers: tuple[int, ...]
    correlations: tuple[float | None, ...]


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties share their mean rank, float64 `[P]`."""
    _, where, count = np.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum()
    return (last - (count - 1) / 2)[where.ravel()]


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's correlation of two maps `[P]`; None when one of them is constant.

    Raises ValueError for maps of different lengths.
    """
    if first.shape != second.shape:
        raise ValueError(f"maps of {first.shape} and {second.shape} patches can't be compared")
    a, b = ranks(first), ranks(second)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return None if size == 0 else float(a @ b) / size


def swapped_image(
    model: LoadedModel,
    prompt: Prompt,
    image: MedicalImage,
    other: MedicalImage,
    answer: Answer,
    span: Span,
    method: str,
    params: Params | None = None,
) -> float | None | Refusal:
    """Correlation of the span's map with its map on another picture, same answer ids; two passes.

    The other picture is brought to the size of `image`, so that patches correspond.
    """
    original = explain(model, prompt, answer, span, method, params)
    if isinstance(original, Refusal):
        return original
    resized = cv2.resize(other.pixels, (image.width, image.height), interpolation=cv2.INTER_AREA)
    swapped = model.prepare(prompt.question, as_image(resized, image))
    changed = explain(model, swapped, answer, span, method, params)
    return _compare(original, changed)


def random_token(
    model: LoadedModel,
    prompt: Prompt,
    answer: Answer,
    span: Span,
    method: str,
    params: Params | None = None,
    seed: int = 0,
) -> float | None | Refusal:
    """Correlation of the span's map with that of as many random other tokens of the same answer; one pass."""
    refused = refusal_before_pass(prompt, answer)
    if refused:
        return refused
    others = sorted(set(content_tokens(answer)) - set(span.tokens))
    if not others:
        return Refusal("The answer has no other words to compare with.", "Choose a shorter span.")
    count = min(len(span.tokens), len(others))
    drawn = np.random.default_rng(seed).choice(others, count, replace=False)
    control = Span("all", "random words", tuple(sorted(int(token) for token in drawn)))
    maps = explain_spans(gather_evidence(model, prompt, answer), [span, control], method, params)
    return maps if isinstance(maps, Refusal) else rank_correlation(maps[0].values, maps[1].values)


def randomise_parameters(
    model: LoadedModel,
    prompt: Prompt,
    answer: Answer,
    span: Span,
    method: str,
    params: Params | None = None,
    stages: int = STAGES,
    seed: int = 0,
) -> Cascade | Refusal:
    """Correlation of the span's map with its maps while more and more last decoder layers are random.

    The weights come back bit for bit, also after a failure; the model's lock is held all the while, so no
    forward pass of another question runs on random weights. Needs memory for a copy of the decoder layers on
    the CPU.
    """
    original = explain(model, prompt, answer, span, method, params)
    if isinstance(original, Refusal):
        return original
    layers = list(model.decoder.layers)
    if any(weight.is_meta for layer in layers for weight in layer.parameters()):
        return Refusal("Some weights of this model are off the device.", "Use a device that holds them all.")
    depths = sorted({-(-len(layers) * stage // stages) for stage in range(1, stages + 1)})
    generator = torch.Generator().manual_seed(seed)
    found: list[float | None] = []
    with model.lock, restored(layers):
        done = 0
        for depth in depths:
            for layer in layers[len(layers) - depth : len(layers) - done]:
                _redraw(layer, generator)
            done = depth
            changed = explain(model, prompt, answer, span, method, params)
            if isinstance(changed, Refusal):
                return changed
            found.append(rank_correlation(original.values, changed.values))
    return Cascade(tuple(depths), tuple(found))


@contextmanager
def restored(layers: Sequence[nn.Module]) -> Iterator[None]:
    """Put every parameter of these layers back bit for bit when the block ends, however it ends."""
    saved = [(weight, weight.detach().cpu().clone()) for layer in layers for weight in layer.parameters()]
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, before in saved:
                weight.copy_(before)


def _redraw(layer: nn.Module, generator: torch.Generator) -> None:
    """Normal numbers of each weight's own mean and spread, so that activations keep their size."""
    with torch.no_grad():
        for weight in layer.parameters():
            values = weight.detach().float()
            drawn = torch.randn(weight.shape, generator=generator)
            weight.copy_(drawn * values.std(unbiased=False).cpu() + values.mean().cpu())


def _compare(original: HeatMap, changed: HeatMap | Refusal) -> float | None | Refusal:
    if isinstance(changed, Refusal):
        return changed
    return rank_correlation(original.values, changed.values)
