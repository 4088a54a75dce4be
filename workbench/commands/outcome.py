"""What a command gives back to the command line."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """Text for standard output, remarks for standard error, and the exit code."""

    text: str
    remarks: tuple[str, ...] = ()
    code: int = 0


def as_json(record: Any) -> str:
    """One ASCII line of strict JSON; arrays become lists. Raises ValueError for NaN and infinity."""
    return json.dumps(record, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
