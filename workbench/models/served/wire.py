"""One HTTP request to a server, whose reply is taken as it comes, and which ends at once when it is closed.

All requests of the process run on one event loop in a thread of its own: there a request that waits for a
silent server can be cancelled, which a blocked read can't.
"""

import asyncio
import functools
import queue
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0  # how long closing waits for the connection to be gone
LARGEST_REPLY = 64_000_000  # bytes: a reply is text, and one without end must not fill the memory


@dataclass(frozen=True)
class Head:
    """Status and headers (names in small letters) of a reply, before any of its body."""

    status: int
    headers: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The content type."""
        return self.headers.get("content-type", "").lower()


class End:
    """The reply is complete."""


class TooLarge(Exception):
    """The reply has no end that anybody could read."""


Item = Head | bytes | End | Exception


class Exchange:
    """A request under way; `next` gives what came, `close` ends it wherever it is."""

    def __init__(self, method: str, url: str, key: str | None, body: Mapping[str, Any] | None = None) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._loop = _event_loop()
        self._task: asyncio.Task[None] | None = None
        self._loop.call_soon_threadsafe(self._start, method, url, key, body)

    def next(self, seconds: float) -> Item | None:
        """The next part of the reply, an Exception that ended it, or None when none came in time."""
        try:
            return self._items.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Close the connection."""
        self._loop.call_soon_threadsafe(self._cancel)
        self._ended.wait(CLOSE_SECONDS)

    def _start(self, *request: Any) -> None:
        self._task = self._loop.create_task(self._run(*request))
        self._task.add_done_callback(lambda _: self._ended.set())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self, method: str, url: str, key: str | None, body: Mapping[str, Any] | None) -> None:
        headers = {"accept": "text/event-stream, application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        try:
            timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
            trusted = _tls() if url.lower().startswith("https") else False
            async with (
                httpx2.AsyncClient(timeout=timeout, follow_redirects=False, verify=trusted) as client,
                client.stream(method, url, headers=headers, json=body) as reply,
            ):
                names = {name.lower(): value for name, value in reply.headers.items()}
                self._items.put(Head(reply.status_code, names))
                size = 0
                async for part in reply.aiter_bytes():
                    size += len(part)
                    if size > LARGEST_REPLY:
                        raise TooLarge
                    self._items.put(part)
            self._items.put(End())
        except Exception as error:  # noqa: BLE001 - handed over to the thread that reads
            self._items.put(error)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes as long as a short answer, so it is done once."""
    return httpx2.create_ssl_context()


@functools.cache
def _event_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="served-models", daemon=True).start()
    return loop
