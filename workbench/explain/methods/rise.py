"""RISE (arXiv 1806.07421): random coarse masks over the picture, until the map's standard error is small."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
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
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.passes import PassCounter, in_batches
from workbench.explain.methods.pictures import BATCH, REPLACEMENTS, mixed, replacement, score_pictures
from workbench.explain.methods.regions import visible_patches
from workbench.explain.methods.tiers import NO_PICTURE, REPLACEMENT
from workbench.models.answer import Prompt

SHOWN = 0.5  # probability that a coarse cell shows the picture
CHECK_EVERY = 64  # masks between two looks at the standard error; fewer can't be trusted with one


def random_mask(random: np.random.Generator, grid: int, height: int, width: int) -> np.ndarray:
    """A smooth mask in 0..1, float32 `[height, width]`: a grid of coins, enlarged, shifted in a cell."""
    cell_y, cell_x = int(np.ceil(height / grid)), int(np.ceil(width / grid))
    coins = (random.random((grid + 1, grid + 1)) < SHOWN).astype(np.float32)
    size = ((grid + 1) * cell_x, (grid + 1) * cell_y)
    large = cv2.resize(coins, size, interpolation=cv2.INTER_LINEAR)
    top, left = random.integers(0, cell_y + 1), random.integers(0, cell_x + 1)
    return large[top : top + height, left : left + width]


def box_means(mask: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Mean of a mask `[H, W]` over each box, float64 `[P]`; an empty box gives 0."""
    summed = cv2.integral(mask)
    x0, y0, x1, y1 = boxes.round().astype(int).T
    x1, y1 = np.maximum(x1, x0 + 1).clip(max=mask.shape[1]), np.maximum(y1, y0 + 1).clip(max=mask.shape[0])
    x0, y0 = np.minimum(x0, x1 - 1), np.minimum(y0, y1 - 1)
    total = summed[y1, x1] - summed[y0, x1] - summed[y1, x0] + summed[y0, x0]
    empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
    return np.where(empty, 0, total / ((x1 - x0) * (y1 - y0)))


def estimate(masks: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope of the score on each patch's visibility and its standard error, both `[S, P]`.

    `masks` `[n, P]`, `scores` `[n, S]`. cov(f, m) / var(m): the RISE sum with the mean score taken off, which
    leaves the expectation as it is and shrinks the error. A patch that no mask changes gets 0 and 0.
    """
    centred = masks - masks.mean(0)
    variance = centred.var(0)
    slopes, errors = [], []
    for score in (scores - scores.mean(0)).T:
        terms = score[:, None] * centred / np.where(variance > 0, variance, 1)
        slopes.append(terms.mean(0))
        errors.append(terms.std(0, ddof=1) / np.sqrt(len(masks)))
    return np.stack(slopes), np.stack(errors)


def settled(values: np.ndarray, error: np.ndarray, tolerance: float) -> np.ndarray:
    """Whether each span's mean standard error is at most `tolerance` of its map's largest value, `[S]`."""
    return error.mean(-1) <= tolerance * np.abs(values).max(-1)


@dataclass
class _Draws:
    """Masks drawn so far, seen at the patches."""

    masks: list[np.ndarray]
    scores: list[np.ndarray]

    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        return estimate(np.stack(self.masks), np.concatenate(self.scores))


def rise(context: Attribution, params: Params) -> SpanMaps | Refusal:
    """Draw masks in batches until the standard error is within the tolerance or the limit is reached."""
    if context.image is None:
        return NO_PICTURE
    sheet, boxes = context.sheet, context.sheet_boxes
    pixels = sheet.pixels
    other = sheet.each(lambda picture: replacement(picture, params["replacement"]))
    empty = np.zeros(pixels.shape[:2], np.float32)
    draws, patches = _Draws([], []), visible_patches(boxes)

    def pictures(random: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(params["masks"]):
            mask = sheet.each(lambda part: random_mask(random, params["grid"], *part.shape), empty)
            yield box_means(mask, boxes[patches]), mixed(pixels, other, mask)

    def score(group: list[tuple[np.ndarray, np.ndarray]]) -> torch.Tensor:
        scores = score_pictures(context, [picture for _, picture in group])
        draws.masks.extend(visible for visible, _ in group)
        return scores

    counter = PassCounter(context, params["masks"] + 2)
    with guarded(context.model):
        both = in_batches((pixels, other), BATCH, partial(score_pictures, context), counter)
        ends = span_sums(torch.cat([*both]), context.spans).double()
        looked = 0
        for batch in in_batches(pictures(np.random.default_rng(params["seed"])), BATCH, score, counter):
            draws.scores.append(span_sums(batch, context.spans).double().numpy())
            due = len(draws.masks) // CHECK_EVERY > looked  # a halved batch may step over the exact number
            looked = len(draws.masks) // CHECK_EVERY
            if due and settled(*draws.maps(), params["tolerance"] / 100).all():
                break
    return _rise_maps(draws, ends, patches, len(boxes), params)


def _rise_maps(
    draws: _Draws, ends: torch.Tensor, patches: np.ndarray, count: int, params: Params
) -> SpanMaps:
    found, error = draws.maps()
    tolerance, used = params["tolerance"], len(draws.masks)
    values = np.zeros((len(found), count))
    values[:, patches] = found
    unsettled = (
        f"After {used} masks the standard error is still above {tolerance} % of the largest value: "
        "small differences between patches mean nothing."
    )
    warnings = tuple("" if done else unsettled for done in settled(found, error, tolerance / 100))
    details = tuple(
        {"standard_error": float(row.mean()), "score": float(full), "score_replaced": float(empty)}
        for row, full, empty in zip(error, *ends, strict=True)
    )
    note = f"{used} random masks; hidden parts replaced by the {REPLACEMENTS[params['replacement']]}"
    return SpanMaps(values, causal_share(*ends), CAUSAL_SHARE, Cost(used + 2), note, details, warnings)


def rise_cost(_prompt: Prompt, _spans: int, params: Params) -> Cost:
    """At most: every mask, the picture itself, and the picture replaced altogether."""
    return Cost(params["masks"] + 2)


RISE = Method(
    "rise", "RISE",
    "Signed: log probability that the words gain when this part of the picture shows, the rest being random.",
    "Half of the picture is hidden in every pass, so it asks about pictures that the model never sees.",
    "log probability (nats)", True, ("runs",), rise_cost, rise,
    (Param("masks", "Masks at most", 16, 8000, 512), Param("grid", "Cells a side", 2, 16, 7),
     Param("tolerance", "Standard error (% of largest)", 1, 50, 15),
     Param("seed", "Seed", 0, 9999, 0), REPLACEMENT),
)  # fmt: skip
