"""Access keys of servers, each for one address: read from files or the environment, never shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from workbench.errors import UserFacing
from workbench.models.served.address import is_address, without_secrets

HINT = "Name its server: --key-file URL=FILE, once for each (or WORKBENCH_KEY=URL=KEY, separated by spaces)."


@dataclass(frozen=True)
class Keys:
    """Keys by server address; `plain` names no server, and belongs to the one server that is used, if it is
    one. Neither `repr` nor any message shows a key."""

    by_server: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    plain: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, files: Sequence[str] = (), variable: str = "") -> "Keys":
        """Keys of `--key-file` values ("FILE" or "URL=FILE") and of WORKBENCH_KEY ("KEY", or "URL=KEY"
        several times); files win. Raises UserFacing for a file that can't be read and for two keys without
        a server.
        """
        named: dict[str, str] = {}
        plain: list[str] = []
        for entry in variable.split():
            _sort(entry, entry, named, plain)
        from_files: list[str] = []
        for entry in files:
            server, file = _parted(entry)
            _sort(entry, _content(file), named, from_files, server)
        chosen = from_files or plain
        if len(chosen) > 1:
            raise UserFacing(f"{len(chosen)} keys name no server.", HINT)
        return cls(MappingProxyType(named), chosen[0] if chosen else None)

    def bound(self, servers: Iterable[str]) -> "Keys":
        """The same keys with the plain one bound to the only server of `servers` (addresses, with or without
        a model). Raises UserFacing when they are several: one key must not go to all of them."""
        if self.plain is None:
            return self
        known = {_place(url) for url in servers}
        unnamed = sorted(url for url in known if self._named(url) is None)
        if len(known) > 1 and unnamed:
            said = ", ".join(without_secrets(url) for url in sorted(known))
            raise UserFacing(f"One key was given for {len(known)} servers: {said}.", HINT)
        return Keys(MappingProxyType({**self.by_server, **dict.fromkeys(unnamed, self.plain)}))

    def with_key(self, url: str, key: str) -> "Keys":
        """The same keys and that of one more server. Raises UserFacing for what can't be a key."""
        if not key.isascii() or not key.isprintable() or not key.strip():
            raise UserFacing("That can't be a key.", "Paste the key alone, in one line.")
        return Keys(MappingProxyType({**self.by_server, _place(url): key.strip()}), self.plain)

    def key_for(self, url: str) -> str | None:
        """The key of a server: that of its address, or of the longest address that it lies below."""
        return self._named(_place(url))

    def _named(self, place: str) -> str | None:
        above = (known for known in self.by_server if place == known or place.startswith(f"{known}/"))
        found = max(above, key=len, default=None)
        return None if found is None else self.by_server[found]


def _place(url: str) -> str:
    return without_secrets(url).rstrip("/")


def _parted(entry: str) -> tuple[str, str]:
    """("URL", "FILE") of "URL=FILE", ("", "FILE") of "FILE"."""
    if not is_address(entry):
        return "", entry
    server, equals, rest = entry.partition("=")
    if not equals or not rest:
        raise UserFacing(
            f"{without_secrets(server)!r} names a server and no key.", "Write --key-file URL=FILE."
        )
    return server, rest


def _sort(entry: str, key: str, named: dict[str, str], plain: list[str], server: str | None = None) -> None:
    if server is None:
        server, key = _parted(entry)
    if server:
        named[_place(server)] = key
    elif key:
        plain.append(key)


def _content(file: str) -> str:
    try:
        key = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacing(
            f"The key file {file!r} can't be read.", "Give a text file that you may read."
        ) from error
    if not key or not key.isascii() or not key.isprintable():
        raise UserFacing(f"The key file {file!r} holds no key.", "It needs one line: the key.")
    return key
