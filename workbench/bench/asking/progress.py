"""How far a run is, how fast it goes, and when it will be done."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` answers, those of earlier runs included, and who answers what.

    `rate` is answers a minute of this run, `seconds_left` what the rest takes at that rate; both are None
    until the second batch. Of several processes each tells of its own share.
    """

    done: int
    total: int
    model: str
    condition: str
    rate: float | None = None
    seconds_left: float | None = None


class Pace:
    """Measures the rate of a run from the end of its first batch, so that warming up is not counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._answers = 0

    def add(self, answers: int) -> None:
        """Count the answers of a finished batch."""
        if self._since is None:
            self._since = self._clock()
        else:
            self._answers += answers

    @property
    def rate(self) -> float | None:
        """Answers a minute; None until a second batch has taken a measurable time."""
        took = self._clock() - self._since if self._since is not None else 0.0
        return 60.0 * self._answers / took if self._answers and took > 0 else None

    def seconds_for(self, answers: int) -> float | None:
        """How long so many more answers take; None while the rate isn't known."""
        rate = self.rate
        return 60.0 * answers / rate if rate else None


def duration(seconds: float) -> str:
    """A time in words: "40 s", "12 min", "3 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
