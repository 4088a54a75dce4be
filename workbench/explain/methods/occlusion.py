"""Occlusion: replace windows of patches in the picture and watch the words' probability (dossier C1)."""

from collections.abc import Iterator

import numpy as np
import torch

from workbench.explain.heatmap import Refusal
from workbench.explain.methods.base import Params
from workbench.explain.methods.context import (
    CAUSAL_SHARE,
    AttributionContext,
    ContextMethod,
    ContextParam,
    Cost,
    SpanMaps,
    causal_share,
    guarded,
    span_sums,
)
from workbench.explain.methods.pictures import REPLACEMENTS, replacement, score_pictures, without_box
from workbench.models.answer import Prompt

NO_PICTURE = Refusal("This method changes the picture, and the picture is no longer at hand.", "Ask again.")


def visible_patches(boxes: np.ndarray) -> np.ndarray:
    """Indices of the patches that show some of the picture, int64; padding has empty boxes."""
    return np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


def windows(boxes: np.ndarray, size: int, stride: int) -> list[np.ndarray]:
    """Patch indices of every window of size × size patches, moved by `stride`; windows cover every patch.

    Rows and columns are told apart by the boxes' corners, so no grid shape is assumed. A window that would
    hang over the edge is pushed back in; a stride above the size acts as the size.
    """
    patches = visible_patches(boxes)
    column, row = (np.unique(boxes[patches, axis], return_inverse=True)[1] for axis in (0, 1))
    if len(patches) == 0:
        return []
    found = [
        patches[(row >= top) & (row < top + size) & (column >= left) & (column < left + size)]
        for top in _starts(int(row.max()) + 1, size, stride)
        for left in _starts(int(column.max()) + 1, size, stride)
    ]
    return [window for window in found if len(window)]


def _starts(count: int, size: int, stride: int) -> list[int]:
    last = max(count - size, 0)
    return sorted({*range(0, last, min(stride, size)), last})


def spread(drops: np.ndarray, found: list[np.ndarray], patches: int) -> np.ndarray:
    """Window drops `[W, S]` → patch values `[S, patches]`: each window's drop shared out evenly among its
    patches; a patch under several windows gets the mean of its parts; one under none stays zero."""
    total, count = np.zeros((drops.shape[1], patches)), np.zeros(patches)
    for drop, window in zip(drops, found, strict=True):
        total[:, window] += drop[:, None] / len(window)
        count[window] += 1
    return total / np.maximum(count, 1)


def outline(boxes: np.ndarray) -> np.ndarray:
    """Smallest box x0, y0, x1, y1 around some boxes `[n, 4]`."""
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def occlusion(context: AttributionContext, params: Params) -> SpanMaps | Refusal:
    """Drop of every span's log probability for each replaced window; the same passes serve all spans."""
    if context.image is None:
        return NO_PICTURE
    pixels, boxes = context.image.pixels, context.prompt.boxes
    other = replacement(pixels, params["replacement"])
    found = windows(boxes, params["window"], params["stride"])

    def pictures() -> Iterator[np.ndarray]:
        yield pixels
        yield other
        for window in found:
            yield without_box(pixels, other, outline(boxes[window]))

    with guarded(context.model):
        scores = span_sums(torch.cat([*score_pictures(context, pictures())]), context.spans).double()
    drops = (scores[0] - scores[2:]).numpy()
    details = tuple({"score": float(a), "score_replaced": float(b)} for a, b in zip(*scores[:2], strict=True))
    note = f"{len(found)} windows of {params['window']} × {params['window']} patches, each replaced by the "
    return SpanMaps(
        spread(drops, found, len(boxes)), causal_share(scores[0], scores[1]), CAUSAL_SHARE,
        Cost(len(scores)), note + REPLACEMENTS[params["replacement"]], details,
    )  # fmt: skip


def occlusion_cost(prompt: Prompt, _spans: int, params: Params) -> Cost:
    """One pass a window, the picture itself, and the picture replaced altogether; spans cost nothing."""
    return Cost(len(windows(prompt.boxes, params["window"], params["stride"])) + 2)


REPLACEMENT = ContextParam("replacement", "Replaced by", 0, len(REPLACEMENTS) - 1, 0, REPLACEMENTS)

OCCLUSION = ContextMethod(
    "occlusion", "Occlusion",
    "Signed: how much log probability the words lose when this part of the picture is replaced.",
    "What is shown twice in the picture (two lungs) hides its worth: taking one away changes nothing.",
    "log probability (nats) per patch", True, "forwards", occlusion_cost, occlusion,
    (ContextParam("window", "Window (patches)", 1, 8, 3), ContextParam("stride", "Step (patches)", 1, 8, 2),
     REPLACEMENT),
)  # fmt: skip
