"""Token Activation Map (TAM, arXiv 2506.23270): which patches look like the word."""

import numpy as np

from workbench.explain.evidence import Evidence, Likeness
from workbench.explain.methods.params import Params
from workbench.explain.methods.shared import TokenMaps, shared_method
from workbench.explain.patch_grid import patch_grids


def token_activation(evidence: Evidence, _: Params) -> TokenMaps:
    """TAM of every answer token, all tokens at once, in logits.

    The image share is the kept image activation over it plus the activation of earlier text tokens.
    """
    count = len(evidence.ids)
    kept = without_interference(evidence.likeness)[-count:]
    text = earlier_activations(evidence.likeness)[-count:].sum(-1)
    values = kept.copy()
    for grid in patch_grids(evidence.boxes, evidence.picture_of):
        values[:, grid] = rank_gaussian(kept[:, grid])
    image = values.sum(-1)
    return TokenMaps(values.astype(np.float32), image, image + text)


def earlier_activations(likeness: Likeness) -> np.ndarray:
    """B[k, i] = max(0, h_i · w_k) for earlier text tokens i < k of another word, float64 `[K, K]`."""
    earlier = np.tri(len(likeness.ids), k=-1, dtype=bool)
    other = likeness.ids[:, None] != likeness.ids[None]
    return np.where(earlier & other, np.maximum(likeness.text, 0).astype(np.float64), 0)


def without_interference(likeness: Likeness) -> np.ndarray:
    """max(0, M_k − s_k C_k) for all K text tokens, float64 `[K, P]`; equations 3 to 6 of the paper.

    M_k is the activation of word k at the image tokens, C_k the mean of the other maps weighted by how much
    earlier words activate k, and s_k = ⟨M_k, C_k⟩ / ⟨C_k, C_k⟩ the least-squares scale, in closed form.
    """
    maps = np.maximum(likeness.image, 0).astype(np.float64)
    weights = earlier_activations(likeness)
    total = weights.sum(-1, keepdims=True)
    interference = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0) @ maps
    power = (interference**2).sum(-1)
    scale = np.divide((maps * interference).sum(-1), power, out=np.zeros_like(power), where=power > 0)
    return np.maximum(maps - scale[:, None] * interference, 0)


def rank_gaussian(maps: np.ndarray) -> np.ndarray:
    """3×3 rank Gaussian filter (equation 7): each window is sorted and averaged around its median.

    `maps` `[K, rows, columns]`. The weight of rank r from the median is exp(−r² / 2σ²) with σ the window's
    standard deviation over its mean; a flat window (σ = 0) keeps its value. Edges are repeated outwards.
    """
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    ordered = np.sort(windows.reshape(*maps.shape, 9), axis=-1)
    mean = ordered.mean(-1, keepdims=True)
    spread = np.divide(ordered.std(-1, keepdims=True), mean, out=np.zeros_like(mean), where=mean > 0)
    steep = np.divide(1, 2 * spread**2, out=np.full_like(spread, np.inf), where=spread > 1e-6)
    away = np.arange(-4, 5) ** 2
    weights = np.exp(-np.multiply(away, steep, out=np.zeros_like(ordered), where=away > 0))
    return (ordered * weights).sum(-1) / weights.sum(-1)


TOKEN_ACTIVATION = shared_method(
    "token_activation",
    "Token activation map",
    "Which patches look like the word to the last layer, after taking off what earlier words explain.",
    "Likeness, not cause: a patch may look like the word and have had no part in choosing it.",
    "logits", False, "mean", token_activation,
    share_meaning="part of the word's activation that lies on image tokens rather than on earlier words",
)  # fmt: skip
