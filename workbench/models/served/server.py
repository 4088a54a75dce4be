"""Questions to an OpenAI-compatible chat server: streamed, patient, and stopped when asked to."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2

from workbench.errors import UserFacing
from workbench.models.served.address import host_of, resource, without_secrets
from workbench.models.served.faults import (
    AGAIN,
    EndpointDown,
    Fault,
    NoAnswer,
    Rejected,
    looks_like_html,
    refusal,
    said_in,
)
from workbench.models.served.reply import ChatReply, Events, NotChat, ReplyReader, ToldError
from workbench.models.served.wire import End, Exchange, Head, TooLarge

POLL_SECONDS = 0.05  # between two looks at a stop flag
FIRST_NOTICE, NEXT_NOTICE = 3.0, 10.0  # seconds of silence after which a person is told, and told again
CHARS_A_TOKEN = 64  # a reply with more is not what was asked for


class Flag(Protocol):
    """Anything that says whether to stop, such as a threading.Event."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class Patience:
    """How long to try. Waits are in seconds and double from `first_wait`, up to `longest_wait`.

    `silence` is how long a server may send nothing before it is given up; that is not tried again. `attempts`
    bounds the tries of one question; a rate limit uses up no try. A server that makes one question wait for
    more than `in_all` seconds, or that fails `failures` questions in a row, counts as down.
    """

    attempts: int = 3
    silence: float = 60.0
    first_wait: float = 1.0
    longest_wait: float = 30.0
    in_all: float = 600.0
    failures: int = 6


@dataclass(frozen=True)
class Waiting:
    """Nothing comes; `sentence` says what is waited for, and how long still."""

    sentence: str


@dataclass(frozen=True)
class Sampling:
    """How a reply is written; with `logprobs`, `top` likeliest tokens are asked for in each place."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    logprobs: bool = False
    top: int = 0

    def body(self, logprobs: bool, top: int) -> dict[str, Any]:
        """The fields of the request."""
        names = ("max_tokens", "temperature", "top_p", "seed")
        extra = ({"logprobs": True} if logprobs else {}) | ({"top_logprobs": top} if top else {})
        return {name: getattr(self, name) for name in names} | extra


class ChatServer:
    """A model on a server. Safe to use from several threads: they share the wait for a rate limit.

    `tell` gets a sentence whenever `ask` has to wait. The key is sent to this server only, is part of no
    message, and is blotted out where the server repeats it in an error.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        *,
        patience: Patience | None = None,
        tell: Callable[[str], object] = lambda sentence: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model, self.public_url, self.host = model, without_secrets(url), host_of(url)
        self.patience, self.tell = patience or Patience(), tell
        self._url, self._key = url, key
        self._sleep, self._clock = sleep, clock
        self._lock = threading.Lock()
        self._not_before, self._in_a_row, self._last_told = 0.0, 0, float("-inf")
        self._down: EndpointDown | None = None
        self._taken: set[tuple[bool, int]] = set()  # optional fields (logprobs, top_logprobs) known to work
        self._refused: set[tuple[bool, int]] = set()

    def __repr__(self) -> str:
        return f"ChatServer({self.public_url!r}, {self.model!r})"

    @property
    def address(self) -> tuple[str, str]:
        """Which model this is: the server's address and the model's name there."""
        return self.public_url, self.model

    def ask(self, messages: Sequence[Mapping[str, Any]], **sampling: Any) -> ChatReply:
        """The whole reply to a conversation; `sampling` as in `Sampling`.

        A reply that is cut is asked for again; the last one is given as it is, with finish "cut". Raises
        NoAnswer or EndpointDown; once down, it stays down until `reopen`.
        """
        last = ChatReply()
        for event in self.stream(messages, again_if_cut=True, **sampling):
            if isinstance(event, Waiting):
                self._tell(event.sentence)
            else:
                last = event
        return last

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        stop: Flag | None = None,
        again_if_cut: bool = False,
        **sampling: Any,
    ) -> Iterator[Waiting | ChatReply]:
        """The reply as it grows, and what is waited for meanwhile; the last one's finish is not "running".

        Closing the iterator, or setting `stop`, closes the connection at once. A reply that is cut is the
        last one, unless it is asked for again. Raises as `ask` does.
        """
        how, messages, stop = Sampling(**sampling), list(messages), stop or threading.Event()
        failed, tries, waited = 0, 0, 0.0
        while True:
            yield from self._wait_turn(stop)
            started, tries = self._clock(), tries + 1
            fault: Fault | None = None
            try:
                for event in self._tolerant(messages, how, stop):
                    if isinstance(event, ChatReply):
                        event = replace(event, seconds=self._clock() - started, tries=tries)
                        if event.finish == "cut" and again_if_cut and failed + 1 < self.patience.attempts:
                            raise Fault(event.note.rstrip("."))
                    yield event
            except Fault as found:
                fault = found
            if fault is None:
                with self._lock:
                    self._in_a_row = 0
                return
            failed += not fault.limited
            if failed == self.patience.attempts or fault.final:
                raise self._given_up(fault, tries) from fault
            wait = self._wait_after(fault, tries)
            waited += wait
            if waited > self.patience.in_all:
                raise self._gone(f"asks for more patience ({fault.reason}; {waited:.0f} s)") from fault
            yield Waiting(f"{self.host}: {fault.reason}. Asking again in {wait:.0f} s.")
            yield from self._hold(wait, stop, everyone=fault.limited)
            if stop.is_set():
                yield ChatReply(finish="cancelled", tries=tries)
                return

    def reopen(self) -> None:
        """Ask again even if the server counted as down: somebody wants to know anew."""
        self._down = None

    def _tell(self, sentence: str) -> None:
        """Pass a sentence on, at most one every few seconds however many questions wait."""
        now = time.monotonic()
        with self._lock:
            if now - self._last_told < FIRST_NOTICE:
                return
            self._last_told = now
        self.tell(sentence)

    def _wait_turn(self, stop: Flag) -> Iterator[Waiting]:
        """Sleep until a shared rate limit is over."""
        if self._down is not None:
            raise self._down
        with self._lock:
            wait = self._not_before - self._clock()
        if wait > 0:
            yield Waiting(f"{self.host} limits requests (429). Asking again in {wait:.0f} s.")
            self._pause(wait, stop)

    def _wait_after(self, fault: Fault, tries: int) -> float:
        """What the server asks for, but never less than the first wait: "0" must not become a storm."""
        doubled = min(self.patience.first_wait * 2.0 ** (tries - 1), self.patience.longest_wait)
        return doubled if fault.wait is None else max(fault.wait, self.patience.first_wait)

    def _hold(self, wait: float, stop: Flag, everyone: bool) -> Iterator[Waiting]:
        if not everyone:
            self._pause(wait, stop)
            return
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + wait)
        yield from self._wait_turn(stop)

    def _pause(self, seconds: float, stop: Flag) -> None:
        """Sleep; a stop flag is looked at on the way where the real clock is used."""
        if self._sleep is not time.sleep:
            self._sleep(seconds)
            return
        end = time.monotonic() + seconds
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))

    def _given_up(self, fault: Fault, tries: int) -> UserFacing:
        with self._lock:
            self._in_a_row += 1
            in_a_row = self._in_a_row
        if fault.unreachable:
            hint = f"Check the address, and that the server runs. {AGAIN}"
            return self._gone(f"can't be reached ({fault.reason})", hint)
        if in_a_row >= self.patience.failures:
            return self._gone(f"gave no answer {in_a_row} times in a row (last: {fault.reason})")
        times = "1 try" if tries == 1 else f"{tries} tries"
        return NoAnswer(
            f"The server {self.public_url} gave no usable reply in {times}: {fault.reason}.", fault.hint
        )

    def _gone(self, what: str, hint: str = AGAIN) -> EndpointDown:
        self._down = EndpointDown(f"The server {self.public_url} {what}.", hint)
        return self._down

    def _tolerant(
        self, messages: list[Mapping[str, Any]], how: Sampling, stop: Flag
    ) -> Iterator[Waiting | ChatReply]:
        """One try, with as many of the optional fields (log probs) as the server takes."""
        forms = dict.fromkeys([(how.logprobs, how.top), (how.logprobs, 0), (False, 0)])
        left = [form for form in forms if form not in self._refused]
        for place, form in enumerate(left):
            try:
                yield from self._once(messages, how.body(*form), how.max_tokens, stop)
            except Rejected:
                if form in self._taken or form == left[-1]:
                    raise
                continue
            self._taken.add(form)
            self._refused.update(left[:place])  # only what was missing made the difference
            return

    def _once(
        self, messages: list[Mapping[str, Any]], sampling: Mapping[str, Any], longest: int, stop: Flag
    ) -> Iterator[Waiting | ChatReply]:
        """One request. The last event is a reply that has ended, in whatever way; else this raises."""
        body = {"model": self.model, "messages": messages, "stream": True} | dict(sampling)
        exchange = Exchange("POST", resource(self._url, "chat/completions"), self._key, body)
        incoming = _Incoming()
        heard = told = time.monotonic()
        try:
            while not stop.is_set():
                item = exchange.next(POLL_SECONDS)
                now = time.monotonic()
                if item is not None and incoming.take(item):
                    heard = told = now
                    if incoming.news:
                        yield incoming.reader.reply()
                if incoming.fault is not None or incoming.complete:
                    yield self._ending(incoming)
                    return
                if len(incoming.reader.text) > CHARS_A_TOKEN * longest:
                    yield incoming.reader.broken("the server sends more than was asked for")
                    return
                if now - heard > self.patience.silence:
                    yield self._silent(incoming.reader, now - heard)
                    return
                if now - told > (FIRST_NOTICE if told == heard else NEXT_NOTICE):
                    told = now
                    yield Waiting(
                        f"Waiting for {self.host}: nothing for {now - heard:.0f} s, given up after "
                        f"{self.patience.silence:.0f} s."
                    )
            yield incoming.reader.reply("cancelled")
        finally:
            exchange.close()

    def _silent(self, reader: ReplyReader, seconds: float) -> ChatReply:
        """What came before the server fell silent; raises Fault when that is nothing."""
        said = f"nothing came for {seconds:.0f} s"
        if reader.text:
            return reader.broken(said)
        raise Fault(said, final=True, hint="Give it longer with --timeout SECONDS, or look whether it hangs.")

    def _ending(self, incoming: "_Incoming") -> ChatReply:
        """The ended reply, or what its end means."""
        fault, reader, head = incoming.fault, incoming.reader, incoming.head
        if head is not None and head.status != 200 and not isinstance(fault, Exception):
            raise self._refused_by(head, incoming.body)
        if fault is not None and reader.text.strip():
            return reader.broken(self._words(fault))
        if isinstance(fault, ToldError):
            raise self._told(fault)
        if isinstance(fault, NotChat) and looks_like_html(incoming.text, head.kind if head else ""):
            raise self._gone(
                "sent a web page instead of a chat reply",
                "Check the address: the chat interface of most servers lies below /v1.",
            )
        if isinstance(fault, httpx2.InvalidURL | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
            raise self._gone("has an address or a key that can't be sent", "Correct it.")
        if fault is not None:
            raise Fault(
                self._words(fault), unreachable=isinstance(fault, httpx2.ConnectError | httpx2.ConnectTimeout)
            )
        reply = reader.ended()
        if reply.finish == "cut" and not reply.text.strip():
            raise Fault(reply.note.rstrip("."))
        if not reply.text.strip():
            raise Fault("the reply is empty")
        return reply

    def _refused_by(self, head: Head, body: bytes) -> Exception:
        said = self._scrubbed(said_in(body, head.kind))
        found = refusal(self.public_url, head.status, head.headers, said, has_key=bool(self._key))
        unknown = head.status == 404 or (isinstance(found, Rejected) and "model" in said.lower())
        if unknown and (offered := self._offered()) and self.model not in offered:
            found = EndpointDown(
                f"The server {self.public_url} has no model named {self.model!r} ({head.status}).",
                f"It offers: {', '.join(offered[:8])}. Name one after a #.",
            )
        if isinstance(found, EndpointDown):
            self._down = found
        return found

    def _told(self, error: ToldError) -> Exception:
        """An error inside a reply, by the code that it states."""
        said = self._scrubbed(error.said)
        if error.code is None or not 300 <= error.code < 600:
            return Fault(f"the server says: {said}" if said else "the server tells of an error")
        return refusal(self.public_url, error.code, {}, said, has_key=bool(self._key))

    def _offered(self) -> list[str]:
        try:
            return served_models(self._url, self._key, seconds=5.0)
        except EndpointDown:
            return []

    def _words(self, fault: Exception) -> str:
        """A fault of the connection or the format in a few words, without this machine's insides."""
        if isinstance(fault, ToldError):
            return f"the server says: {self._scrubbed(fault.said)}"
        if isinstance(fault, NotChat):
            return f"the reply is not in the chat format ({fault})"
        if isinstance(fault, TooLarge):
            return "the reply has no end"
        if isinstance(fault, httpx2.ConnectTimeout):
            return "no connection in time"
        if isinstance(fault, httpx2.ConnectError):
            return f"no connection, {self._scrubbed(str(fault))}"
        if isinstance(fault, httpx2.RemoteProtocolError | httpx2.ReadError):
            return "the connection broke off"
        return f"the connection failed ({type(fault).__name__})"

    def _scrubbed(self, text: str) -> str:
        """A server's words without the secrets that it may repeat."""
        for secret in filter(None, (self._key, urlsplit(self._url).password)):
            text = text.replace(secret, "[key]")
        return "".join(char if char.isprintable() else " " for char in text)


class _Incoming:
    """What has come of one reply: its head, then events of a stream or one body, then its end or a fault."""

    def __init__(self) -> None:
        self.reader, self.events = ReplyReader(), Events()
        self.head: Head | None = None
        self.body = b""
        self.fault: Exception | None = None
        self.complete = self.news = False
        self._streams: bool | None = None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def take(self, item: Head | bytes | End | Exception) -> bool:
        """Take one part; whether the server has said something by it. `news` tells of new text."""
        before = len(self.reader.text)
        try:
            said = self._take(item)
        except (NotChat, ToldError) as error:
            self.fault, said = error, True
        self.news = len(self.reader.text) > before
        return said

    def _take(self, item: Head | bytes | End | Exception) -> bool:
        if isinstance(item, Head):
            self.head = item
            if item.status == 200 and "event-stream" in item.kind:
                self._streams = True
        elif isinstance(item, bytes):
            return self._part(item)
        elif isinstance(item, End):
            if self._streams:
                self._add(self.events.end())
            elif self.head is not None and self.head.status == 200:
                self.reader.whole(self.body)
            self.complete = True
        else:
            self.fault = item
        return True

    def _part(self, part: bytes) -> bool:
        assert self.head is not None
        if self._streams is None:
            marked = part.lstrip().startswith((b"data:", b":", b"event:"))
            self._streams = self.head.status == 200 and marked
        if self._streams:
            return self._add(self.events.add(part))
        self.body += part
        return False

    def _add(self, events: Iterator[str]) -> bool:
        found = False
        for data in events:
            found = True
            self.reader.event(data)
            self.complete = self.complete or self.reader.done
        return found


def served_models(url: str, key: str | None = None, seconds: float = 20.0) -> list[str]:
    """Names of the models that a server offers (`GET …/v1/models`); raises EndpointDown."""
    exchange = Exchange("GET", resource(url, "models"), key)
    body, head, end = b"", None, time.monotonic() + seconds
    try:
        while True:
            item = exchange.next(max(0.0, end - time.monotonic()))
            if isinstance(item, bytes):
                body += item
            elif isinstance(item, Head):
                head = item
            elif isinstance(item, End) and head is not None and head.status == 200:
                return [str(entry["id"]) for entry in json.loads(body)["data"]]
            else:
                raise _does_not_say(url, key, head, item, seconds)
    except (ValueError, KeyError, TypeError) as error:
        raise _does_not_say(url, key, head, error, seconds) from error
    finally:
        exchange.close()


def _does_not_say(
    url: str, key: str | None, head: Head | None, fault: object, seconds: float
) -> EndpointDown:
    shown = without_secrets(url)
    if head is not None and head.status in (301, 302, 303, 307, 308, 401, 403):
        found = refusal(shown, head.status, head.headers, "", has_key=bool(key))
        assert isinstance(found, EndpointDown)
        return found
    if isinstance(fault, httpx2.ConnectError | httpx2.ConnectTimeout):
        why = "it can't be reached"
    elif fault is None:
        why = f"nothing came for {seconds:.0f} s"
    elif head is not None and head.status != 200:
        why = str(head.status)
    else:
        why = "its reply can't be read"
    hint = "Check the address, start the server, or name the model after a #."
    return EndpointDown(f"The server {shown} does not say which models it offers: {why}.", hint)
