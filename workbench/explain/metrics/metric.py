"""What a figure about a map declares of itself, so that no reader has to guess which way is good."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """A figure's name, meaning, better `direction`, and range from `low` to `high` in `unit`."""

    name: str
    label: str
    meaning: str
    direction: Direction
    low: float
    high: float
    unit: str
