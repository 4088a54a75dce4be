"""What a figure about a map declares of itself, so that no reader has to guess which way is good."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower"]
Category = Literal["faithfulness", "localisation", "robustness", "sanity"]


@dataclass(frozen=True)
class Metric:
    """A figure's name, meaning, better `direction`, and range from `low` to `high` in `unit`.

    `category` is the question it answers: do the words depend on what the map marks (faithfulness), does it
    mark the right place (localisation), does it stay when nothing changes (robustness), does it change when
    everything does (sanity). `n` names what the figure was measured on, so that its number is not mistaken.
    """

    name: str
    label: str
    meaning: str
    direction: Direction
    low: float
    high: float
    unit: str
    category: Category = "faithfulness"
    n: str = "pictures scored"
