"""A real local HTTP server that speaks the OpenAI chat protocol, or breaks it on request."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Rule = Callable[[Body], "str | Fault"]


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


class FakeServer:
    """What was asked (`requests`: bodies; `keys`: authorization headers; `busiest`: requests at once)."""

    def __init__(self, rule: Rule, models: tuple[str, ...] = ("served",)) -> None:
        self.rule, self.models = rule, models
        self.requests: list[Body] = []
        self.keys: list[str] = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()
        self.url = ""

    def reply(self, body: Body) -> "str | Fault":
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

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
