"""Occlusion: take windows of patches away and watch the words' probability (Zeiler and Fergus, 2014)."""

from collections.abc import Iterator

import numpy as np

from workbench.explain.heatmap import Refusal
from workbench.explain.methods.attribution import (
    Attribution,
    Cost,
    Method,
    SpanMaps,
    causal_share,
    guarded,
    span_sums,
)
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.passes import PassCounter
from workbench.explain.methods.regions import visible_patches
from workbench.explain.methods.tiers import (
    REPLACEMENT,
    TIER,
    hidden_scorer,
    overhead,
    tier_note,
    tier_share,
)
from workbench.explain.patch_grid import by_picture
from workbench.models.answer import Prompt


def windows(
    boxes: np.ndarray, size: int, stride: int, picture_of: np.ndarray | None = None
) -> list[np.ndarray]:
    """Patch indices of every window of size × size patches, moved by `stride`; windows cover every patch.

    With `picture_of` int64 `[P]` no window reaches over two pictures. Rows and columns are told apart by the
    boxes' corners, so no grid shape is assumed. A window that would hang over the edge is pushed back in; a
    stride above the size acts as the size.
    """
    if picture_of is not None and len(picture_of) and picture_of.max() > 0:
        return [own[w] for own in by_picture(picture_of) for w in windows(boxes[own], size, stride)]
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


def occlusion(context: Attribution, params: Params) -> SpanMaps | Refusal:
    """Drop of every span's log probability for each window taken away; the same passes serve all spans."""
    count, tier = len(context.prompt.boxes), params["tier"]
    prompt = context.prompt
    found = windows(prompt.boxes, params["window"], params["stride"], prompt.picture_of)

    def masks() -> Iterator[np.ndarray]:
        yield np.zeros(count, bool)
        yield np.ones(count, bool)
        for window in found:
            hidden = np.zeros(count, bool)
            hidden[window] = True
            yield hidden

    with guarded(context.model):
        scorer = hidden_scorer(context, tier, params["replacement"])
        if isinstance(scorer, Refusal):
            return scorer
        counter = PassCounter(context, len(found) + 2)
        scores = span_sums(scorer(masks(), counter), context.spans).double()
    drops = (scores[0] - scores[2:]).numpy()
    details = tuple({"score": float(a), "score_replaced": float(b)} for a, b in zip(*scores[:2], strict=True))
    side = params["window"]
    note = f"{len(found)} windows of {side} × {side} patches: {tier_note(tier, params['replacement'])}"
    return SpanMaps(
        spread(drops, found, count), causal_share(scores[0], scores[1]), tier_share(tier),
        Cost(len(scores) + scorer.overhead), note, details,
    )  # fmt: skip


def occlusion_cost(prompt: Prompt, _spans: int, params: Params) -> Cost:
    """One pass a window, the picture itself, and without any of it; spans cost nothing."""
    count = len(windows(prompt.boxes, params["window"], params["stride"], prompt.picture_of))
    return Cost(count + 2 + overhead(params["tier"]))


OCCLUSION = Method(
    "occlusion", "Occlusion",
    "Signed: how much log probability the words lose when this part of the picture is taken away.",
    "What is shown twice in the picture (two lungs) hides its worth: taking one away changes nothing.",
    "log probability (nats) per patch", True, ("runs",), occlusion_cost, occlusion,
    (Param("window", "Window (patches)", 1, 8, 3), Param("stride", "Step (patches)", 1, 8, 2),
     REPLACEMENT, TIER),
)  # fmt: skip
