"""Where a request comes from, as far as can be told."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from liqgrid.api.heads import sends_any, sent

_PROXIED = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via"}
)
_NETWORK_BITS = 64  # of an IPv6 address: what one subscriber is given


def is_local(connection: HTTPConnection) -> bool:
    """Tell whether a program on this machine asks for this machine, as far as can be told.

    A web page in a browser here that had its own name point to 127.0.0.1 does not, nor does a proxy that says so.
    """
    if sends_any(connection.scope, _PROXIED) or connection.client is None:
        return False
    return is_loopback(connection.client.host) and _is_this_machine(sent(connection.scope, b"host"))


@lru_cache(1024)
def _is_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name is None or name == "localhost" or is_loopback(name)


@lru_cache(1024)
def is_loopback(address: str) -> bool:
    """Tell whether an address is this machine's own."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def address_of(connection: HTTPConnection) -> str:
    """Return what requests without a key are counted by: the address, of IPv6 the network."""
    host = connection.client.host if connection.client is not None else ""
    try:
        found = ip_address(host)
    except ValueError:
        return host or "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, _NETWORK_BITS), strict=False))
    return host
