"""Shapley values of coarse regions by sampled orders, each with its reverse.

A region's value is the mean over random orders of what it adds when it is shown after the regions before it
(Castro et al. 2009); the reverse of every order is used too (antithetic), which shrinks the error.
"""

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
from workbench.explain.methods.regions import coarse_regions, hidden_patches, over_patches
from workbench.explain.methods.tiers import (
    REPLACEMENT,
    TIER,
    hidden_scorer,
    overhead,
    tier_note,
    tier_share,
)
from workbench.models.answer import Prompt

ERROR_WARNING = 0.25


def antithetic_orders(count: int, pairs: int, seed: int) -> np.ndarray:
    """Random orders of `count` regions, each followed by its reverse, int64 `[2·pairs, count]`."""
    random = np.random.default_rng(seed)
    orders = [random.permutation(count) for _ in range(pairs)]
    return np.stack([order for found in orders for order in (found, found[::-1])])


def coalitions(orders: np.ndarray) -> np.ndarray:
    """Which regions are shown before each place of each order, bool `[orders, G + 1, G]`."""
    count = orders.shape[1]
    place = np.argsort(orders, axis=1)
    return place[:, None, :] < np.arange(count + 1)[None, :, None]


def shapley_values(orders: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and their standard error, both `[S, G]`.

    `orders` `[2·n, G]` in antithetic pairs; `scores` `[2·n, G + 1, S]` of their growing coalitions. The error
    is that of the n pair means, infinite for a single pair.
    """
    added = np.diff(scores, axis=1)
    where = np.argsort(orders, axis=1)[..., None]
    each = np.take_along_axis(added, where, axis=1)
    pairs = each.reshape(-1, 2, *each.shape[1:]).mean(1)
    error = np.full(pairs.shape[1:], np.inf)
    if len(pairs) > 1:
        error = pairs.std(0, ddof=1) / np.sqrt(len(pairs))
    return pairs.mean(0).T, error.T


def shapley(context: Attribution, params: Params) -> SpanMaps | Refusal:
    """Every coalition that occurs is scored once, whatever the number of orders and spans that need it."""
    tier, count = params["tier"], len(context.prompt.boxes)
    regions = coarse_regions(context.prompt.boxes, params["cells"], context.prompt.picture_of)
    orders = antithetic_orders(len(regions), params["pairs"], params["seed"])
    shown = coalitions(orders)
    flat = shown.reshape(-1, len(regions))
    distinct, back = np.unique(flat, axis=0, return_inverse=True)
    masks = [hidden_patches(regions, ~coalition, count) for coalition in distinct]
    with guarded(context.model):
        scorer = hidden_scorer(context, tier, params["replacement"])
        if isinstance(scorer, Refusal):
            return scorer
        scores = span_sums(scorer(masks, PassCounter(context, len(masks))), context.spans).double()
    values, error = shapley_values(orders, scores.numpy()[back.reshape(shown.shape[:2])])
    full, empty = (scores[int(np.flatnonzero((distinct == end).all(1))[0])] for end in (True, False))
    details = tuple(
        {"standard_error": _finite(e), "efficiency_gap": float(abs(v.sum() - (f - n))),
         "score": float(f), "score_replaced": float(n), "regions": len(regions)}
        for v, e, f, n in zip(values, error, full, empty, strict=True)
    )  # fmt: skip
    note = f"{len(regions)} regions in {len(orders)} orders: {tier_note(tier, params['replacement'])}"
    return SpanMaps(
        over_patches(values, regions, count), causal_share(full, empty), tier_share(tier),
        Cost(len(masks) + scorer.overhead), note, details, tuple(map(error_warning, values, error)),
    )  # fmt: skip


def _finite(error: np.ndarray) -> float | None:
    return float(error.mean()) if np.isfinite(error).all() else None


def error_warning(values: np.ndarray, error: np.ndarray) -> str:
    """A sentence when the mean standard error is above ERROR_WARNING of the largest value, else nothing."""
    if error.mean() <= ERROR_WARNING * np.abs(values).max():
        return ""
    return "The standard error is large beside the values: use more orders before telling regions apart."


def shapley_cost(prompt: Prompt, _spans: int, params: Params) -> Cost:
    """At most: every order's inner coalitions, both ends once; coalitions that occur twice are run once."""
    count = len(coarse_regions(prompt.boxes, params["cells"], prompt.picture_of))
    inner = 2 * params["pairs"] * max(count - 1, 0)
    return Cost(min(inner + 2, 2**count) + overhead(params["tier"]))


SHAPLEY = Method(
    "shapley", "Region Shapley",
    "Signed: what each region adds to the words' log probability, on average over orders of showing regions.",
    "Coarse by nature, and most of its pictures show only some regions, which the model never sees in life.",
    "log probability (nats) per patch", True, ("runs",), shapley_cost, shapley,
    (Param("cells", "Regions a side", 2, 8, 4), Param("pairs", "Pairs of orders", 1, 200, 10),
     Param("seed", "Seed", 0, 9999, 0), REPLACEMENT, TIER),
)  # fmt: skip
