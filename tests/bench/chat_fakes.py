"""A real local HTTP server that speaks the OpenAI chat protocol, or breaks it on request."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Rule = Callable[[Body], "str | Fault | Stream"]


class Fault:
    """A reply that is none: a status with headers, a raw body, or (`hang_up`) a closed connection."""

    def __init__(
        self,
        status: int = 200,
        body: bytes = b"{}",
        headers: dict[str, str] | None = None,
        hang_up: bool = False,
    ) -> None:
        self.status, self.body, self.headers, self.hang_up = status, body, headers or {}, hang_up


class Stream:
    """A reply that is streamed: each event a chunk (a record, or raw text), with [DONE] at the end unless it
    is `cut`. Before the event at `holds` the server waits until `go` is set; `gone` is set once it found that
    nobody listens any more."""

    def __init__(self, events: Sequence[Body | str], *, cut: bool = False, holds: int | None = None) -> None:
        self.events, self.cut, self.holds = list(events), cut, holds
        self.go, self.gone = threading.Event(), threading.Event()

    def lines(self) -> Iterator[bytes]:
        for place, event in enumerate(self.events):
            while place == self.holds and not self.go.wait(0.01):
                yield b": still here\n\n"
            yield f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
        if not self.cut:
            yield b"data: [DONE]\n\n"


class FakeServer:
    """What was asked (`requests`: bodies; `keys`: authorization headers; `busiest`: requests at once)."""

    def __init__(self, rule: Rule, models: tuple[str, ...] = ("served",)) -> None:
        self.rule, self.models = rule, models
        self.requests: list[Body] = []
        self.keys: list[str] = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()
        self.url = ""

    def reply(self, body: Body) -> "str | Fault | Stream":
        with self.lock:
            self.requests.append(body)
            self.busy += 1
            self.busiest = max(self.busy, self.busiest)
        try:
            return self.rule(body)
        finally:
            with self.lock:
                self.busy -= 1


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what some tests are about; anything else is told as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(rule: Rule, models: tuple[str, ...] = ("served",)) -> Iterator[FakeServer]:
    """A server on a free local port that answers each chat request by the rule."""
    fake = FakeServer(rule, models)
    server = _Server(("127.0.0.1", 0), _handler(fake))
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(text: str, finish: str = "stop", **message: Any) -> bytes:
    """The body of a well-formed reply."""
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": text} | message,
    }
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    head = {"id": "1", "object": "chat.completion", "created": 0, "model": "served", "system_fingerprint": ""}
    return json.dumps(head | {"choices": [choice], "usage": usage}).encode()


def delta(
    text: str | None = None, finish: str | None = None, tokens: Sequence[Body] | None = None, **apart: Any
) -> Body:
    """One chunk of a stream; `tokens` are entries of `logprobs.content`, `apart` more fields of the delta."""
    choice = {"index": 0, "delta": {"content": text} | apart, "finish_reason": finish}
    return {"choices": [choice | ({"logprobs": {"content": list(tokens)}} if tokens is not None else {})]}


def token(text: str, logprob: float, **likeliest: float) -> Body:
    """A token with its log p and the likeliest ones in its place."""
    top = [{"token": name, "logprob": value} for name, value in likeliest.items()]
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": top}


def said(body: Body) -> str:
    """The text of the last message of a request."""
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listed = {"object": "list", "data": [{"id": name} for name in fake.models]}
            self._send(200 if self.path == "/v1/models" else 404, json.dumps(listed).encode(), {})

        def do_POST(self) -> None:
            fake.keys.append(self.headers.get("authorization", ""))
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found = fake.reply(body) if self.path == "/v1/chat/completions" else Fault(404)
            if isinstance(found, str):
                self._send(200, completion(found), {})
            elif isinstance(found, Stream):
                self._stream(found)
            elif found.hang_up:
                self.close_connection = True
            else:
                self._send(found.status, found.body, found.headers)

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in ({"content-type": "application/json"} | headers).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, stream: Stream) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            try:
                for line in stream.lines():
                    self.wfile.write(line)
                    self.wfile.flush()
            except ConnectionError:
                stream.gone.set()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
