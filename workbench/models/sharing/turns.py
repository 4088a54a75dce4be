"""A re-entrant lock with a fair queue: whoever waits longest is next."""

import threading
from collections import deque
from typing import Any


class Turns:
    """Who may run a model now. Re-entrant; a context manager; waiters are served in the order they came."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queue: deque[tuple[int, threading.Event]] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> "Turns":
        return self

    @property
    def mine(self) -> bool:
        """Whether this thread has its turn."""
        return self._owner == threading.get_ident()

    @property
    def free(self) -> bool:
        """Whether nobody has their turn now."""
        return self._owner is None

    def __enter__(self) -> "Turns":
        me = threading.get_ident()
        with self._guard:
            if self._owner == me or self._owner is None:
                self._owner, self._depth = me, self._depth + 1
                return self
            called = threading.Event()
            self._queue.append((me, called))
        try:
            called.wait()
        except BaseException:  # an interrupt from the keyboard
            self._leave_queue(called)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._depth -= 1
            if self._depth == 0:
                self._call_next()

    def give_way(self) -> bool:
        """Let those who wait have their turn first, and wait for the next; whether anyone was waiting.

        Does nothing inside a nested block: the outer one relies on an unchanged model.
        """
        if not (self.mine and self._depth == 1 and self._queue):
            return False
        self.__exit__()
        self.__enter__()
        return True

    def _call_next(self) -> None:
        self._owner = None
        if self._queue:
            self._owner, called = self._queue.popleft()
            self._depth = 1
            called.set()

    def _leave_queue(self, called: threading.Event) -> None:
        with self._guard:
            if called.is_set():
                self._depth = 0
                self._call_next()
            else:
                self._queue = deque(entry for entry in self._queue if entry[1] is not called)
