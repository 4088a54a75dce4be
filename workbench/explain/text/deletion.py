"""How far a text map can be believed: what its strongest units, blanked, cost against random ones."""

import math
from dataclasses import dataclass

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import Refusal
from workbench.explain.text.maps import TextMap
from workbench.explain.text.replaced import BlankedText
from workbench.explain.text.units import reached

FRACTIONS = (0.1, 0.2, 0.3, 0.5)
ORDERS = 19  # the best of 19 random orders and the map's own: chance can go down to 1 in 20
FEWEST_UNITS = 4
BELIEVED = 0.05


@dataclass(frozen=True)
class TextTrust:
    """Deletion of the strongest units first, in nats of the span's log probability that is lost.

    `drop` is the mean over the FRACTIONS of units blanked, in the map's order; `random` and `random_sd` the
    same in ORDERS random orders; `gap` = drop − random; `chance` the share of orders, the map's own counted,
    that lose at least as much.
    """

    drop: float
    random: float
    random_sd: float
    gap: float
    chance: float
    orders: int
    units: int
    forwards: int

    @property
    def verdict(self) -> str:
        """The figures in words."""
        if self.chance <= BELIEVED and self.gap > 0:
            return "better than random order"
        return "not shown to be better than random order"


def text_trust(case: AnsweredCase, text_map: TextMap, seed: int = 0) -> TextTrust | Refusal:
    """Blank the map's strongest units, and as many random ones, and score the span again.

    Only tokens after all blanked units count, so every order is judged on the same words: those after the
    last unit that reaches the span. Refused with fewer than FEWEST_UNITS units.
    """
    order = text_map.order
    if len(order) < FEWEST_UNITS:
        return Refusal("There are too few words before this part to test an order.", "Choose a later part.")
    latest = max((text_map.units[unit] for unit in order), key=lambda unit: unit.places[-1])
    tokens = reached(case, latest, text_map.span)
    counts = sorted({math.ceil(part * len(order)) for part in FRACTIONS})
    random = np.random.default_rng(seed)
    orders = [order, *(tuple(random.permutation(order)) for _ in range(ORDERS))]
    sets = [
        [place for unit in one[:count] for place in text_map.units[unit].places]
        for one in orders
        for count in counts
    ]
    text = BlankedText(case)
    lost = text.before[tokens].sum() - text.scored(sets)[:, tokens].sum(-1)
    drops = lost.reshape(len(orders), len(counts)).mean(-1).astype(float)
    own, others = float(drops[0]), drops[1:]
    return TextTrust(
        drop=own,
        random=float(others.mean()),
        random_sd=float(others.std(ddof=1)),
        gap=own - float(others.mean()),
        chance=float((1 + (others >= own - 1e-6).sum()) / (1 + ORDERS)),
        orders=ORDERS,
        units=len(order),
        forwards=text.passes,
    )
