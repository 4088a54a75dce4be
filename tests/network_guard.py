"""Block every socket that would leave this machine, in this process, and say who asked for one."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any


class NetworkBlocked(OSError):
    """Raised instead of a connection outside loopback; its text holds the address asked for."""


def is_local(host: str | bytes | None) -> bool:
    """True for loopback addresses, "localhost" and "no host"; any other name or address is outside."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def guarded(
    original: Callable[..., Any], host_of: Callable[..., Any], record: Callable[[str], None]
) -> Callable:
    """`original`, refusing (after `record`) calls whose `host_of(*args)` is outside; None means local."""

    def call(*args: Any, **kwargs: Any) -> Any:
        host = host_of(*args, **kwargs)
        if not is_local(host):
            record(str(host))
            raise NetworkBlocked(f"network access blocked: {host}")
        return original(*args, **kwargs)

    return call


def replacements(record: Callable[[str], None]) -> list[tuple[Any, str, Callable]]:
    """(owner, attribute, guarded function) for every way out that Python code has."""
    kinds = socket.socket
    return [
        (kinds, "connect", guarded(kinds.connect, _host_of_socket, record)),
        (kinds, "connect_ex", guarded(kinds.connect_ex, _host_of_socket, record)),
        (kinds, "sendto", guarded(kinds.sendto, _host_of_datagram, record)),
        (socket, "getaddrinfo", guarded(socket.getaddrinfo, lambda host, *_, **__: host, record)),
        (socket, "gethostbyname", guarded(socket.gethostbyname, lambda host: host, record)),
    ]


def install(record: Callable[[str], None]) -> None:
    """Guard this process for the rest of its life."""
    for owner, name, function in replacements(record):
        setattr(owner, name, function)


def _host_of_socket(sock: socket.socket, address: Any) -> Any:
    return address[0] if sock.family in (socket.AF_INET, socket.AF_INET6) else None


def _host_of_datagram(sock: socket.socket, *args: Any) -> Any:
    return _host_of_socket(sock, args[-1])
