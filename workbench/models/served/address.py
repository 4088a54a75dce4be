"""Addresses of servers as people write them: URL, or URL#MODEL."""

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

from workbench.errors import UserFacing

EXAMPLE = "http://localhost:8000/v1#model-name"
_VERSION = re.compile(r"/v\d\w*(/|$)")


def is_address(ref: str) -> bool:
    """Whether a reference to a model names a server rather than a folder or a hub id."""
    return ref.lower().startswith(("http://", "https://"))


def split_address(ref: str) -> tuple[str, str]:
    """(URL, model) of "URL#model"; the model is "" where none is named. Raises UserFacing for no address."""
    parts = _parts(ref)
    usable = parts is not None and parts.scheme in ("http", "https") and parts.hostname
    if parts is None or not usable:
        raise UserFacing(f"{without_secrets(ref)!r} is no address of a server.", f"Give it like {EXAMPLE}.")
    return urlunsplit(parts._replace(fragment="")), parts.fragment


def resource(url: str, name: str) -> str:
    """Where a server offers `name`, such as "chat/completions"; without a version in the path, below /v1."""
    parts = urlsplit(url)
    base = parts.path.rstrip("/").removesuffix("/chat/completions")
    if not _VERSION.search(base):
        base += "/v1"
    return urlunsplit(parts._replace(path=f"{base}/{name}", fragment=""))


def without_secrets(url: str) -> str:
    """An address without user, password, query and model, for messages and records."""
    parts = _parts(url)
    if parts is None or not parts.hostname:
        return url.rpartition("@")[2].partition("?")[0]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))


def host_of(url: str) -> str:
    """Host and port, which is what a reader is told of a server."""
    return urlsplit(without_secrets(url)).netloc


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018 - a port that is no number is only found when it is read
    except ValueError:
        return None
    return parts
