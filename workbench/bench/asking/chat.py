"""One question to an OpenAI-compatible chat server, through `huggingface_hub.InferenceClient`.

Faults end in one of two states: NoAnswer, this question got no usable reply, and EndpointDown, the server
can't be used for now and the run should end, to be taken up again later.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from workbench.errors import UserFacing

NO_KEY = "EMPTY"  # without any key the client would send this machine's Hugging Face token to the server
AGAIN = "Run the same command again once it answers: what was answered so far is kept."
_REFUSED = {
    401: "Give the server's key.", 403: "Check what the key may do.", 404: "Check the address and the model.",
}  # fmt: skip
_TRANSIENT = (408, 409, 425, 500, 502, 503, 504, 529)


class EndpointDown(UserFacing):
    """The server can't be used for now: every further question would fail in the same way."""


class NoAnswer(UserFacing):
    """One question got no usable reply, after the retries where a retry could help."""


@dataclass(frozen=True)
class Patience:
    """How long to try. Waits are in seconds and double from `first_wait`, up to `longest_wait`.

    `attempts` bounds the tries of one question; a rate limit uses up no try. A server that makes one question
    wait for more than `in_all` seconds, or that fails `failures` questions in a row, counts as down.
    """

    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 30.0
    in_all: float = 600.0
    failures: int = 6


@dataclass(frozen=True)
class ChatReply:
    """A reply: its text, why it ended, the seconds of the try that worked, and how many tries it took."""

    text: str
    finish: str
    seconds: float
    tries: int


class _Fault(Exception):
    """One try that failed and may work later; `wait` is what the server asked for, in seconds."""

    def __init__(
        self, reason: str, wait: float | None = None, *, limited: bool = False, unreachable: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.limited, self.unreachable = reason, wait, limited, unreachable


class ChatServer:
    """A model on a server. Safe to use from several threads: they share the wait for a rate limit."""

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        *,
        timeout: float = 180.0,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from huggingface_hub import InferenceClient

        self.model, self.public_url = model, without_secrets(url)
        self.patience = patience or Patience()
        self._client = InferenceClient(base_url=url, api_key=key or NO_KEY, timeout=timeout)
        self._sleep, self._clock = sleep, clock
        self._lock = threading.Lock()
        self._not_before, self._in_a_row = 0.0, 0
        self._down: EndpointDown | None = None

    @property
    def address(self) -> tuple[str, str]:
        """Which model this is: the server's address and the model's name there."""
        return self.public_url, self.model

    def ask(
        self,
        messages: Sequence[dict[str, Any]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> ChatReply:
        """The reply to a conversation. Raises NoAnswer or EndpointDown; once down, it stays down."""
        sampling = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p, "seed": seed}
        failed, tries, waited = 0, 0, 0.0
        while True:
            self._wait_turn()
            started, tries = self._clock(), tries + 1
            try:
                text, finish = self._once(list(messages), sampling)
            except _Fault as fault:
                failed += not fault.limited
                if failed == self.patience.attempts:
                    raise self._given_up(fault) from fault
                wait = self._wait_after(fault, tries)
                waited += wait
                if waited > self.patience.in_all:
                    raise self._gone(f"asks for more patience ({fault.reason}; {waited:.0f} s)") from fault
                self._hold(wait, everyone=fault.limited)
                continue
            with self._lock:
                self._in_a_row = 0
            return ChatReply(text, finish, self._clock() - started, tries)

    def _wait_turn(self) -> None:
        """Sleep until a shared rate limit is over."""
        if self._down is not None:
            raise self._down
        with self._lock:
            wait = self._not_before - self._clock()
        if wait > 0:
            self._sleep(wait)

    def _wait_after(self, fault: _Fault, tries: int) -> float:
        """What the server asks for, but never less than the first wait: "0" must not become a storm."""
        doubled = min(self.patience.first_wait * 2.0 ** (tries - 1), self.patience.longest_wait)
        return doubled if fault.wait is None else max(fault.wait, self.patience.first_wait)

    def _hold(self, wait: float, everyone: bool) -> None:
        if not everyone:
            self._sleep(wait)
            return
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + wait)

    def _given_up(self, fault: _Fault) -> UserFacing:
        with self._lock:
            self._in_a_row += 1
            in_a_row = self._in_a_row
        if fault.unreachable:
            return self._gone(f"can't be reached ({fault.reason})")
        if in_a_row >= self.patience.failures:
            return self._gone(f"gave no answer {in_a_row} times in a row (last: {fault.reason})")
        tries = self.patience.attempts
        return NoAnswer(f"{self.public_url} gave no usable reply in {tries} tries: {fault.reason}.")

    def _gone(self, what: str, hint: str = AGAIN) -> EndpointDown:
        self._down = EndpointDown(f"The endpoint {self.public_url} {what}.", hint)
        return self._down

    def _once(self, messages: list[dict[str, Any]], sampling: dict[str, Any]) -> tuple[str, str]:
        from httpx2 import HTTPError, InvalidURL
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        try:
            return _read(self._client.chat_completion(messages, model=self.model, **sampling))
        except HfHubHTTPError as error:
            raise self._refusal(error) from error
        except OfflineModeIsEnabled as error:
            raise self._gone("was not asked: HF_HUB_OFFLINE is set", "Unset HF_HUB_OFFLINE.") from error
        except InvalidURL as error:
            raise self._gone(f"has an address that can't be used ({error})", "Correct it.") from error
        except HTTPError as error:
            name = type(error).__name__
            raise _Fault(f"{name}: {error}", unreachable=name.startswith("Connect")) from error
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise _Fault(f"the reply is not in the chat format ({type(error).__name__})") from error

    def _refusal(self, error: Any) -> Exception:
        """What an error status means: wait, try again, give up this question, or give up the server."""
        status, headers = error.response.status_code, error.response.headers
        said = str(error.server_message or error).splitlines()[0][:200]
        if status == 429:
            return _Fault("429, too many requests", retry_after(headers.get("retry-after")), limited=True)
        if status in _TRANSIENT:
            return _Fault(f"{status}, {said}", retry_after(headers.get("retry-after")))
        if status in _REFUSED:
            return self._gone(f"refuses the request ({status}, {said})", _REFUSED[status])
        return NoAnswer(f"{self.public_url} refused this question ({status}, {said}).")


def served_models(url: str, key: str | None = None, timeout: float = 20.0) -> list[str]:
    """Names of the models that a server offers (`GET …/v1/models`); raises EndpointDown."""
    from httpx2 import HTTPError, InvalidURL
    from huggingface_hub.utils import get_session

    parts = urlsplit(url)
    base = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    address = urlunsplit(parts._replace(path=f"{base}/models"))
    try:
        reply = get_session().get(
            address, headers={"authorization": f"Bearer {key or NO_KEY}"}, timeout=timeout
        )
        reply.raise_for_status()
        return [str(entry["id"]) for entry in reply.json()["data"]]
    except (HTTPError, InvalidURL, OSError, ValueError, KeyError, TypeError) as error:
        what = f"The endpoint {without_secrets(url)} does not say which models it offers ({error})."
        raise EndpointDown(
            what, "Check the address, start the server, or name the model after a #."
        ) from error


def without_secrets(url: str) -> str:
    """An address without user, password and query, for messages and records."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{parts.hostname or ''}{port}", parts.path, "", ""))


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None for anything else."""
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError):
        return None


def _read(reply: Any) -> tuple[str, str]:
    """Text and finish reason of a reply; reasoning that a server sends apart is put back in front."""
    choice = reply.choices[0]
    content = choice.message.content
    if not isinstance(content, str):
        raise TypeError("no text")
    apart = getattr(choice.message, "reasoning_content", None) or getattr(choice.message, "reasoning", None)
    text = f"<think>{apart}</think>{content}" if isinstance(apart, str) and apart.strip() else content
    return text, str(choice.finish_reason or "stop")
