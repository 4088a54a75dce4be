"""Sanity tests: a map that stays the same when it must change says nothing about this answer.

Most give rank correlations (Spearman) with the original map; near 1 means the test failed. Random token: Sixt
et al., When Explanations Lie, 2020 (random logit); parameter randomisation: Adebayo et al., Sanity Checks for
Saliency Maps, 2018, in a few cascading groups of decoder layers instead of one layer at a time, or in one
step by the map's complexity (efficient form: Hedström et al., Sanity Checks Revisited, 2024).
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import nn

from workbench.cases.answered import AnsweredCase
from workbench.explain.evidence import gather_evidence
from workbench.explain.explanations import explain, explain_spans, refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.methods.registry import METHODS
from workbench.explain.metrics.correlation import rank_correlation
from workbench.explain.metrics.metric import MapUnderTest, Metric, Score
from workbench.explain.metrics.scoring import as_image
from workbench.explain.spans import content_tokens
from workbench.imaging.medical_image import MedicalImage
from workbench.models.session import LoadedModel

Params = Mapping[str, int]
STAGES = 4
BINS = 100  # of the histogram whose entropy is a map's complexity, as in the paper


@dataclass(frozen=True)
class Cascade:
    """Parameter randomisation: with the last `layers[i]` decoder layers random, `correlations[i]` (None for
    a constant map)."""

    layers: tuple[int, ...]
    correlations: tuple[float | None, ...]


def swapped_image(
    case: AnsweredCase,
    span: Span,
    method: str,
    other: MedicalImage,
    params: Params | None = None,
    stop: threading.Event | None = None,
) -> float | None | Refusal:
    """Correlation of the span's map with its map on another picture, same answer ids; two passes.

    The other picture is brought to the size of each of the case's own, so that patches correspond.
    """
    original = explain(case, span, method, params, stop=stop)
    if isinstance(original, Refusal):
        return original
    shown = tuple(
        as_image(cv2.resize(other.pixels, (own.width, own.height), interpolation=cv2.INTER_AREA), own)
        for own in case.images
    )
    swapped = replace(case, images=shown, prompt=case.model.prepare(case.question, shown))
    changed = explain(swapped, span, method, params, stop=stop)
    return changed if isinstance(changed, Refusal) else rank_correlation(original.values, changed.values)


def random_token(
    case: AnsweredCase,
    span: Span,
    method: str,
    params: Params | None = None,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> float | None | Refusal:
    """Correlation of the span's map with that of as many random other tokens of the same answer."""
    others = sorted(set(content_tokens(case.answer)) - set(span.tokens))
    if not others:
        return Refusal("The answer has no other words to compare with.", "Choose a shorter span.")
    count = min(len(span.tokens), len(others))
    drawn = np.random.default_rng(seed).choice(others, count, replace=False)
    control = Span("all", "random words", tuple(sorted(int(token) for token in drawn)), "random words")
    maps = explain_spans(case, [span, control], method, params, stop=stop)
    return maps if isinstance(maps, Refusal) else rank_correlation(maps[0].values, maps[1].values)


def randomise_parameters(
    case: AnsweredCase,
    span: Span,
    method: str,
    params: Params | None = None,
    *,
    stages: int = STAGES,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> Cascade | Refusal:
    """Correlation of the span's map with its maps while more and more last decoder layers are random.

    The weights come back bit for bit, also after a failure; the model's lock is held all the while, so no
    forward pass of another question runs on random weights. Needs memory for a copy of the decoder layers on
    the CPU.
    """
    found = _randomised_maps(case, span, method, params, stages, seed, stop)
    if isinstance(found, Refusal):
        return found
    original, changed = found
    return Cascade(
        tuple(changed), tuple(rank_correlation(original.values, heat.values) for heat in changed.values())
    )


@dataclass(frozen=True)
class Randomised:
    """Complexity (entropy in bits) of a map `before` and `after` all decoder layers are random."""

    before: float
    after: float

    @property
    def rise(self) -> float | None:
        """(after − before) / before; None for a map without any complexity. Below 0 the test failed."""
        return None if self.before == 0 else (self.after - self.before) / self.before


def efficient_randomisation(
    case: AnsweredCase,
    span: Span,
    method: str,
    params: Params | None = None,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> Randomised | Refusal:
    """Parameter randomisation in one step: two maps instead of a cascade, compared by their complexity.

    Weights and lock as in `randomise_parameters`.
    """
    found = _randomised_maps(case, span, method, params, 1, seed, stop)
    if isinstance(found, Refusal):
        return found
    original, (changed,) = found[0], found[1].values()
    return Randomised(complexity(original.values), complexity(changed.values))


def _randomised_maps(
    case: AnsweredCase,
    span: Span,
    method: str,
    params: Params | None,
    stages: int,
    seed: int,
    stop: threading.Event | None,
) -> tuple[HeatMap, dict[int, HeatMap]] | Refusal:
    """The span's map, and by number of random last decoder layers its maps with so many of them redrawn.

    The weights are back bit for bit afterwards; nobody else gets the model in between.
    """
    layers = list(case.model.decoder.layers)
    refused = _unrandomisable(case.model, layers)
    original = refused or _fresh_map(case, span, method, params, stop)
    if isinstance(original, Refusal):
        return original
    depths = sorted({-(-len(layers) * stage // stages) for stage in range(1, stages + 1)})
    generator, maps, done = torch.Generator().manual_seed(seed), {}, 0
    with case.model.lock, restored(layers):
        for depth in depths:
            for layer in layers[len(layers) - depth : len(layers) - done]:
                _redraw(layer, generator)
            done = depth
            changed = _fresh_map(case, span, method, params, stop)
            if isinstance(changed, Refusal):
                return changed
            maps[depth] = changed
    return original, maps


def _fresh_map(
    case: AnsweredCase, span: Span, method: str, params: Params | None, stop: threading.Event | None
) -> HeatMap | Refusal:
    """The map by the weights of this moment: a kept shared pass was made by other ones."""
    refused = refusal_before_pass(case.prompt, case.answer)
    if refused:
        return refused
    shared = METHODS.get_or_raise(method).is_shared
    evidence = gather_evidence(case.model, case.prompt, case.answer) if shared else None
    return explain(case, span, method, params, evidence=evidence, stop=stop)


def complexity(values: np.ndarray) -> float:
    """Entropy in bits of the histogram of a map `[P]` over its own range, in BINS bins; 0 when constant."""
    counts, _ = np.histogram(values, BINS)
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0


def _unrandomisable(model: LoadedModel, layers: Sequence[nn.Module]) -> Refusal | None:
    """Why random numbers can't stand in for these layers' weights, if so."""
    if any(weight.is_meta for layer in layers for weight in layer.parameters()):
        return Refusal("Some weights of this model are off the device.", "Use a device that holds them all.")
    if not model.can_backpropagate:
        return Refusal(
            "This model's weights are quantised: random numbers in their place would be no random weights.",
            "Load the model unquantised for this test.",
        )
    return None


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


def _swapped(test: MapUnderTest) -> Score | Refusal:
    if test.other is None:
        return Refusal("There is no other picture to compare with.", "Give another picture.")
    found = swapped_image(test.case, test.span, test.method, test.other, test.params, test.stop)
    return found if isinstance(found, Refusal) else Score(found, len(test.heat.values))


def _other_words(test: MapUnderTest) -> Score | Refusal:
    found = random_token(test.case, test.span, test.method, test.params, test.seed, test.stop)
    return found if isinstance(found, Refusal) else Score(found, len(test.heat.values))


def _random_weights(test: MapUnderTest) -> Score | Refusal:
    """The correlation with all layers random; the curve is the whole cascade."""
    found = randomise_parameters(
        test.case, test.span, test.method, test.params, seed=test.seed, stop=test.stop
    )
    if isinstance(found, Refusal):
        return found
    return Score(found.correlations[-1], len(test.heat.values), curve=found)


def _complexity_rise(test: MapUnderTest) -> Score | Refusal:
    found = efficient_randomisation(test.case, test.span, test.method, test.params, test.seed, test.stop)
    return found if isinstance(found, Refusal) else Score(found.rise, len(test.heat.values))


SANITY = (
    Metric(
        "swapped_image", "Swapped picture", "Rank correlation with the map of the same words on another "
        "picture.", "lower", -1.0, 1.0, "correlation", _swapped, "sanity", "patches", cost="two maps",
        needs=("other picture",), remakes_maps=True,
    ),
    Metric(
        "random_token", "Other words", "Rank correlation with the map of as many other words of the answer.",
        "lower", -1.0, 1.0, "correlation", _other_words, "sanity", "patches", cost="two maps",
        remakes_maps=True,
    ),
    Metric(
        "random_weights", "Random weights", "Rank correlation with the map of a model whose decoder layers "
        "are all random.", "lower", -1.0, 1.0, "correlation", _random_weights, "sanity", "patches",
        cost=f"{STAGES + 1} maps, and a copy of the decoder layers", remakes_maps=True,
    ),
    Metric(
        "complexity_rise", "Rise of complexity", "How much more disordered the map gets when all decoder "
        "layers are random, as a part of what it was.", "higher", -1.0, np.inf, "share", _complexity_rise,
        "sanity", "patches", cost="two maps, and a copy of the decoder layers", remakes_maps=True,
    ),
)  # fmt: skip
