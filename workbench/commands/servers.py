"""What commands that ask model servers share: their flags, and telling what is waited for."""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace

from workbench.settings import Settings


def add_server_arguments(leaf: argparse.ArgumentParser) -> None:
    """Keys and patience; `workbench.cli` hands them to the settings."""
    leaf.add_argument(
        "--key-file", action="append", metavar="[URL=]FILE",
        help="a file that holds a server's key; repeat it with URL=FILE for several servers "
        "(WORKBENCH_KEY holds KEY, or URL=KEY several times)",
    )  # fmt: skip
    leaf.add_argument("--timeout", metavar="SECONDS", help="how long a server may be silent (default: 60)")
    leaf.add_argument(
        "--tries", metavar="N", help="how often a question is put where that may help (default: 3)"
    )


def with_servers(settings: Settings, servers: Iterable[str]) -> Settings:
    """The settings with a key that names no server bound to the only one of `servers`. Raises UserFacing
    when a server is not allowed, and when one key would go to several servers."""
    servers = tuple(servers)
    for ref in servers:
        settings.require_allowed(ref)
    return replace(settings, keys=settings.keys.bound(servers)) if servers else settings


def teller(write: Callable[[str], object] = sys.stderr.write) -> Callable[[str], None]:
    """A listener that writes what is waited for, a line each, never the same one twice in a row."""
    last = ""

    def tell(sentence: str) -> None:
        nonlocal last
        if sentence and sentence != last:
            write(f"{sentence}\n")
        last = sentence

    return tell
