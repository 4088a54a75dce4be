"""What can go wrong between here and a server, in sentences that say what to do.

Faults end in one of two states: NoAnswer, this question got no usable reply, and EndpointDown, the server
can't be used for now and a run should end, to be taken up again later.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from workbench.errors import UserFacing
from workbench.models.served.address import without_secrets

AGAIN = "Run the same command again once it answers: what was answered so far is kept."
GIVE_KEY = "Give its key with --key-file URL=FILE, or in WORKBENCH_KEY."
TRANSIENT = (408, 409, 425, 500, 502, 503, 504, 529)
REJECTED = (400, 422, 501)  # how servers refuse a field that they don't know
LONGEST_SAID = 200  # characters of a server's own words


class EndpointDown(UserFacing):
    """The server can't be used for now: every further question would fail in the same way."""


class NoAnswer(UserFacing):
    """One question got no usable reply, after the retries where a retry could help."""


class Rejected(NoAnswer):
    """The server refused this request as it stands; without an optional field it might take it."""


class Fault(Exception):
    """One try that failed and may work later; `wait` is what the server asked for, in seconds.

    `limited`: a rate limit, which uses up no try; `unreachable`: there was no connection; `final`: another
    try would take as long and hardly end otherwise.
    """

    def __init__(
        self,
        reason: str,
        wait: float | None = None,
        *,
        limited: bool = False,
        unreachable: bool = False,
        final: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.hint = reason, wait, hint
        self.limited, self.unreachable, self.final = limited, unreachable, final


def refusal(url: str, status: int, headers: Mapping[str, str], said: str, *, has_key: bool) -> Exception:
    """What an error status means: wait, try again, give up this question, or give up the server.

    `url` is shown, so it holds no secrets; `said` is the server's own words.
    """
    words = f"{status}, {said}" if said else str(status)
    if 300 <= status < 400:
        target = without_secrets(urljoin(url, headers.get("location", "")))
        return EndpointDown(
            f"The server {url} sends requests on to {target} ({status}); nothing was sent there.",
            "Give that address yourself if you trust it.",
        )
    if status == 401:
        what = "does not accept the key" if has_key else "wants a key"
        return EndpointDown(f"The server {url} {what} ({words}).", GIVE_KEY)
    if status == 403:
        return EndpointDown(f"The server {url} forbids the request ({words}).", "Check what the key may do.")
    if status == 404:
        return EndpointDown(
            f"The server {url} does not know the address or the model ({words}).",
            "Check both; most addresses end in /v1, and the model's name stands after a #.",
        )
    if status == 429:
        return Fault("429, too many requests", retry_after(headers.get("retry-after")), limited=True)
    if status in TRANSIENT:
        return Fault(words, retry_after(headers.get("retry-after")))
    sentence = f"The server {url} refused this question ({words})."
    return (Rejected if status in REJECTED else NoAnswer)(sentence)


def said_in(body: bytes, kind: str = "") -> str:
    """The server's own words in the body of an error, in one line; "" where it sent a web page or nothing."""
    text = body.decode("utf-8", "replace").strip()
    if looks_like_html(text, kind):
        return "a web page"
    try:
        record = json.loads(text)
    except ValueError:
        return _line(text)
    for name in ("error", "message", "detail"):
        found = record.get(name) if isinstance(record, dict) else None
        if isinstance(found, dict):
            found = found.get("message")
        if isinstance(found, str):
            return _line(found)
    return ""


def looks_like_html(text: str, kind: str = "") -> bool:
    """Whether a body is a web page, by its content type or its first characters."""
    return "text/html" in kind or text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_SAID].rstrip(".")


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
