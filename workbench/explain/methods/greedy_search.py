"""Lazy greedy search for the regions that carry the words, after EAGLE (arXiv 2509.22496).

A set of regions is worth insight + necessity: p(words | only these shown) + 1 − p(words | these taken away),
p being the geometric mean over the span's tokens. Regions are added greedily. Gains are kept in a heap and
only the best few are looked at anew (Minoux's lazy evaluation): exact when gains can only shrink, which a
model doesn't promise, so the order may differ from the exact greedy one.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np

from workbench.explain.heatmap import Refusal, Span
from workbench.explain.methods.attribution import (
    Attribution,
    Cost,
    Method,
    SpanMaps,
    guarded,
)
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.passes import PassCounter
from workbench.explain.methods.regions import coarse_regions, hidden_patches, over_patches
from workbench.explain.methods.tiers import (
    REPLACEMENT,
    TIER,
    HiddenScorer,
    hidden_scorer,
    overhead,
    tier_note,
    tier_share,
)
from workbench.models.answer import Prompt

KEPT = 0.9  # part of the span's probability that the minimal set keeps
LOOK = 4  # candidates that are looked at anew together


@dataclass
class RegionScores:
    """Summed log p of one span's tokens for sets of shown regions; every set is run once.

    Sets of other spans are shared through `cache`, which maps a set to log p of every token.
    """

    scorer: HiddenScorer
    regions: list[np.ndarray]
    patches: int
    counter: PassCounter
    cache: dict[bytes, np.ndarray] = field(default_factory=dict)

    def fetch(self, sets: list[np.ndarray]) -> list[np.ndarray]:
        """log p of every answer token `[T]` for each set of shown regions (bool `[G]`)."""
        missing = {shown.tobytes(): shown for shown in sets if shown.tobytes() not in self.cache}
        if missing:
            hidden = [hidden_patches(self.regions, ~shown, self.patches) for shown in missing.values()]
            found = self.scorer(hidden, self.counter)
            self.cache.update(zip(missing, found.double().numpy(), strict=True))
        return [self.cache[shown.tobytes()] for shown in sets]


@dataclass(frozen=True)
class GreedyPath:
    """Regions in the order in which they were added, each one's gain in worth, and the span's log p when
    only the first k are shown (`[G + 1]`, from none to all)."""

    order: list[int]
    gains: list[float]
    shown_logprob: list[float]

    def minimal(self) -> int:
        """How many regions from the front keep KEPT of the span's probability; all of them if need be."""
        wanted = self.shown_logprob[-1] + np.log(KEPT)
        enough = (k for k, value in enumerate(self.shown_logprob) if value >= wanted)
        return next(enough, len(self.order))  # numbers that are none reach nothing


def worth(only: np.ndarray, without: np.ndarray, tokens: list[int]) -> float:
    """Insight + necessity from log p of the tokens when only a set is shown and when it is taken away."""
    return float(np.exp(only[tokens].mean()) + 1 - np.exp(without[tokens].mean()))


def lazy_greedy(scores: RegionScores, span: Span) -> GreedyPath:
    """Order all regions for one span."""
    count, tokens = len(scores.regions), list(span.tokens)
    shown = np.zeros(count, bool)

    def values(sets: list[np.ndarray]) -> list[float]:
        found = scores.fetch([part for one in sets for part in (one, ~one)])
        return [worth(found[2 * i], found[2 * i + 1], tokens) for i in range(len(sets))]

    have = values([shown])[0]
    heap = [(-np.inf, region, -1) for region in range(count)]  # gain, region, step in which it was measured
    order: list[int] = []
    gains: list[float] = []
    while heap:
        stale = [heapq.heappop(heap) for _ in range(min(LOOK if order else count, len(heap)))]
        if stale[0][2] == len(order):
            for entry in stale[1:]:
                heapq.heappush(heap, entry)
            order.append(stale[0][1])
            gains.append(-stale[0][0])
            shown[stale[0][1]] = True
            have += gains[-1]
            continue
        tried = [shown | (np.arange(count) == region) for _, region, _ in stale]
        for (_, region, _), value in zip(stale, values(tried), strict=True):
            heapq.heappush(heap, (have - value, region, len(order)))
    growing = [np.isin(np.arange(count), order[:k]) for k in range(count + 1)]
    return GreedyPath(order, gains, [float(found[tokens].sum()) for found in scores.fetch(growing)])


def greedy_search(context: Attribution, params: Params) -> SpanMaps | Refusal:
    """Half of each region's gain, so that a map adds up to p(whole picture) − p(no picture)."""
    tier, count = params["tier"], len(context.prompt.boxes)
    regions = coarse_regions(context.prompt.boxes, params["cells"], context.prompt.picture_of)
    limit = greedy_cost(context.prompt, len(context.spans), params).forwards - overhead(tier)
    with guarded(context.model):
        scorer = hidden_scorer(context, tier, params["replacement"])
        if isinstance(scorer, Refusal):
            return scorer
        scores = RegionScores(scorer, regions, count, PassCounter(context, limit))
        paths = [lazy_greedy(scores, span) for span in context.spans]
    values = np.zeros((len(paths), len(regions)))
    for row, path in zip(values, paths, strict=True):
        row[path.order] = np.array(path.gains) / 2
    drop = [max(path.shown_logprob[-1] - path.shown_logprob[0], 0) for path in paths]
    note = f"{len(regions)} regions added one by one: {tier_note(tier, params['replacement'])}"
    return SpanMaps(
        over_patches(values, regions, count), 1 - np.exp(-np.array(drop)), tier_share(tier),
        Cost(len(scores.cache) + scorer.overhead), note, tuple(_details(path, regions) for path in paths),
    )  # fmt: skip


def _details(path: GreedyPath, regions: list[np.ndarray]) -> dict[str, object]:
    """The order, and the smallest set from its front that keeps KEPT of the span's probability."""
    minimal = path.order[: path.minimal()]
    return {
        "order": path.order,
        "gains": path.gains,
        "shown_logprob": path.shown_logprob,
        "minimal_regions": minimal,
        "minimal_patches": sorted(int(patch) for region in minimal for patch in regions[region]),
        "minimal_keeps": KEPT,
    }


def greedy_cost(prompt: Prompt, spans: int, params: Params) -> Cost:
    """At most what the exact greedy search takes: G(G + 1) sets a span; looking lazily takes far fewer."""
    count = len(coarse_regions(prompt.boxes, params["cells"], prompt.picture_of))
    return Cost(min(spans * count * (count + 1) + 2, 2**count) + overhead(params["tier"]))


GREEDY_SEARCH = Method(
    "greedy_search", "Greedy search",
    "Signed: what each region adds when the regions that carry the words are gathered one by one.",
    "A region that repeats what an earlier one showed gets little; the order is greedy, not the best of all.",
    "probability per token, shared out per patch", True, ("runs",), greedy_cost, greedy_search,
    (Param("cells", "Regions a side", 2, 8, 4), REPLACEMENT, TIER),
)  # fmt: skip
