"""How tests wait: for a condition, never for a time. What hangs is ended by one guard, generous on purpose.

A machine may be busy with other work, so no test says how long a thing takes; the guard of a single test is
`timeout` in pyproject.toml, longer than HANG_SECONDS.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

HANG_SECONDS = 600


def until(condition: Callable[[], Any], what: str, failed: Callable[[], str | None] = lambda: None) -> None:
    """Return as soon as `condition()` is true; `failed()` says why it never will be, or None."""
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        reason = failed() or (f"nothing for {HANG_SECONDS} s" if time.monotonic() > end else None)
        assert reason is None, f"waiting for {what}: {reason}"
        time.sleep(0.01)


def finished(command: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
    """The command, run to its end with its output kept as text."""
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, **more)
