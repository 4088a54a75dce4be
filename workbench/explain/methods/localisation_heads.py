"""Localisation heads (arXiv 2503.06287), found from the answer; the grid of all heads."""

from dataclasses import dataclass

import cv2
import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Refusal, Span
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.shared import TokenMaps, shared_method
from workbench.explain.patch_grid import patch_grids

CANDIDATES = 10  # heads of lowest entropy that each row votes for, as in the paper
ROWS = 32  # rows that vote; more rows change little and cost time


@dataclass(frozen=True)
class RankedHead:
    """A head with `votes`, the part of the answer's rows that had it among their best, and its mean share."""

    layer: int
    head: int
    votes: float
    share: float


@dataclass(frozen=True)
class HeadGrid:
    """Every head's map of a span: `values` float32 `[L, H, P]`, `share` and `entropy` `[L, H]`.

    `entropy` is the spatial entropy in nats: 0 for one connected spot, NaN for a head that reads no patch.
    """

    values: np.ndarray
    share: np.ndarray
    entropy: np.ndarray
    boxes: np.ndarray


def elbow(sums: np.ndarray) -> float:
    """The value at the elbow of the sorted curve: its point farthest below the line between its ends.

    A value of attention and never a position: comparing head numbers with a position picks the wrong heads.
    """
    curve = np.sort(sums.ravel().astype(np.float64))
    line = np.linspace(curve[0], curve[-1], len(curve))
    return float(curve[np.argmax(line - curve)])


def spatial_entropy(values: np.ndarray, grids: list[np.ndarray]) -> float:
    """−Σ P(C) log P(C) over the 8-connected components C of patches above the mean, in nats.

    `values` `[P]`; P(C) is the component's part of their mass. NaN when no patch is above the mean.
    """
    inside = np.concatenate([grid.ravel() for grid in grids]) if grids else np.zeros(0, np.int64)
    mean = values[inside].mean() if len(inside) else 0.0
    masses = []
    for grid in grids:
        above = (values[grid] > mean).astype(np.uint8)
        count, labels = cv2.connectedComponents(above, connectivity=8)
        masses.append(np.bincount(labels.ravel(), values[grid].ravel(), count)[1:])
    mass = np.concatenate(masses) if masses else np.zeros(0)
    if mass.sum() <= 0:
        return float("nan")
    part = mass[mass > 0] / mass.sum()
    return float(-(part * np.log(part)).sum())


def row_choice(attention: np.ndarray, share: np.ndarray, grids: list[np.ndarray]) -> np.ndarray:
    """Heads that one row votes for, as flat indices into `[L, H]`, most concentrated first.

    `attention` `[L, H, P]`, `share` `[L, H]`. Heads at or above the elbow of the shares, then the CANDIDATES
    of lowest spatial entropy; of equals, the one that looks at the image more.
    """
    kept = np.flatnonzero(share.ravel() >= elbow(share))
    flat = attention.reshape(-1, attention.shape[-1])
    entropy = np.array([spatial_entropy(flat[head], grids) for head in kept])
    order = np.lexsort((-share.ravel()[kept], np.nan_to_num(entropy, nan=np.inf)))
    return kept[order[:CANDIDATES]]


def rank_heads(evidence: Evidence) -> list[RankedHead]:
    """Heads that any row voted for, most votes first; of equals, the one that looks at the image more.

    The paper counts votes over a calibration set; here the rows of this one answer vote, at most ROWS.
    """
    grids = patch_grids(evidence.boxes, evidence.picture_of)
    rows = np.unique(np.linspace(0, len(evidence.ids) - 1, ROWS).round().astype(int))
    votes = np.zeros(evidence.attention_share[:, :, 0].size)
    for row in rows:
        votes[row_choice(evidence.attention[:, :, row], evidence.attention_share[:, :, row], grids)] += 1
    share = evidence.attention_share.mean(-1).ravel()
    order = [head for head in np.lexsort((-share, -votes)) if votes[head] > 0]
    heads = evidence.attention.shape[1]
    return [
        RankedHead(int(i // heads), int(i % heads), float(votes[i] / len(rows)), float(share[i]))
        for i in order
    ]


def localisation_heads(evidence: Evidence, params: Params) -> TokenMaps | Refusal:
    """Mean attention of the best-ranked heads; not smoothed, so each patch shows what was read from it."""
    best = rank_heads(evidence)[: params["count"]]
    if not best:
        return Refusal("No head of this model looks at the image.", "Try direct logit attribution.")
    layers, heads = [head.layer for head in best], [head.head for head in best]
    share = evidence.attention_share[layers, heads].mean(0)
    values = evidence.attention[layers, heads].mean(0).astype(np.float32)
    note = "layer.head: " + ", ".join(f"{head.layer}.{head.head}" for head in best)
    return TokenMaps(values, share, np.ones_like(share), note)


def head_grid(evidence: Evidence, span: Span) -> HeadGrid:
    """Map of the span by every head of every layer, averaged over its tokens."""
    tokens, grids = list(span.tokens), patch_grids(evidence.boxes, evidence.picture_of)
    values = evidence.attention[:, :, tokens].mean(2).astype(np.float32)
    entropy = np.apply_along_axis(spatial_entropy, -1, values, grids)
    return HeadGrid(values, evidence.attention_share[:, :, tokens].mean(-1), entropy, evidence.boxes)


LOCALISATION_HEADS = shared_method(
    "attention_localisation_heads",
    "Attention, localisation heads",
    "The few heads that look at the image most and at one spot of it, found from this answer by themselves.",
    "Chosen because they look at one spot: a neat map is no proof that the spot decided the word.",
    "attention weight", False, "mean", localisation_heads,
    (Param("count", "Heads", default=3, minimum=1, maximum=CANDIDATES),),
    "attention that the chosen heads give to the image",
)  # fmt: skip
