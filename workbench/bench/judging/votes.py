"""From a judge's replies to one verdict: reading each vote, and the majority (the median) of several."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Vote = tuple[int, ...]
_OBJECT = re.compile(r"\{[^{}]*\}")
_CLOSE = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_OPEN = re.compile(r"<think(?:ing)?>", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """The verdict over several votes; a reply that holds no vote is None in `votes`.

    `value` is the median of each field over the valid votes (the lower one of two), None with fewer valid
    votes than needed. `agreement` is the share of all votes that equal it, 0 without a value.
    """

    value: Vote | None
    votes: tuple[Vote | None, ...]
    replies: tuple[str, ...]

    @property
    def agreement(self) -> float:
        if self.value is None:
            return 0.0
        return sum(vote == self.value for vote in self.votes) / len(self.votes)


def read_vote(reply: str, fields: Mapping[str, range]) -> Vote | None:
    """The fields of the last JSON object after the last closed think tag; None unless all are in range.

    An unclosed think tag leaves no vote: the reply was cut before the verdict.
    """
    verdict_text = _CLOSE.split(reply)[-1]
    found = _OBJECT.findall(verdict_text)
    if _OPEN.search(verdict_text) or not found:
        return None
    try:
        record = json.loads(found[-1])
    except ValueError:
        return None
    numbers = [_whole(record.get(name)) for name in fields]
    vote = tuple(number for number in numbers if number is not None)
    inside = all(n in allowed for n, allowed in zip(vote, fields.values(), strict=False))
    return vote if len(vote) == len(fields) and inside else None


def _whole(value: object) -> int | None:
    """A whole number, however a model writes it: 1, 1.0, "1"."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def settle(votes: Sequence[Vote | None], replies: Sequence[str]) -> Verdict:
    """The verdict of these votes: at least half of them (rounded up) must be valid."""
    valid = [vote for vote in votes if vote is not None]
    if len(valid) < math.ceil(len(votes) / 2):
        return Verdict(None, tuple(votes), tuple(replies))
    value = tuple(sorted(column)[(len(column) - 1) // 2] for column in zip(*valid, strict=True))
    return Verdict(value, tuple(votes), tuple(replies))
