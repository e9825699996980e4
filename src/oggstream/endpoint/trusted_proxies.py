"""Whose request it is behind proxies: what their headers say, of those alone that were named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

_PAIR = r'[!#-\'*+.^-z|~0-9A-Z-]+=(?:[!#-\'*+.^-z|~0-9A-Z-]+|"[^"\\]*")'
_ELEMENT = re.compile(rf"{_PAIR}(?:\s*;\s*{_PAIR})*")
"""Of Forwarded (RFC 7239 section 4); values have no comma and no escape where they name an address."""
_NODE = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+|([^\[\]]+)")
"""An IPv6 address in brackets or an IPv4 address, with a port or without; an IPv6 address as it is."""


class TrustedProxies:
    """``networks``: addresses and networks of proxies whose word on their clients is taken ("10.0.0.9", "fd00::/8").

    Raises `ConfigError` for one that is none.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        try:
            self._networks = [ip_network(network.strip(), strict=False) for network in networks]
        except ValueError as error:
            raise ConfigError(f"a trusted proxy is an address or a network, such as 10.0.0.0/24: {error}") from None

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str, forwarded: Sequence[str], forwarded_for: Sequence[str]) -> str | None:
        """Who asks, where ``peer`` is connected and sent these headers: ``Forwarded``, and ``X-Forwarded-For``.

        It is the right-most address that is no trusted proxy's: what stands left of it anybody may have written. A
        proxy that tells no address counts itself, and so does one that passes on both headers when they tell different
        clients: it wrote one of them only. None: no trusted proxy is connected, or it forwards nothing.
        """
        address = _address(peer)
        if address is None or not self._trusts(address) or not (forwarded or forwarded_for):
            return None
        chains = [chain for chain in (_nodes(forwarded), _members(forwarded_for)) if chain]
        found = {str(self._behind(address, chain)) for chain in chains}
        return found.pop() if len(found) == 1 else str(address)

    def middleware(self) -> Middleware:
        """Notes the client of each request."""
        from .connections import record_of

        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            forwarded, others = (request.headers.getall(name, []) for name in ("Forwarded", "X-Forwarded-For"))
            record_of(request).client = self.client(request.remote or "", forwarded, others)
            return await handler(request)

        return note

    def _behind(self, proxy: _Address, chain: list[str]) -> _Address:
        for node in reversed(chain):
            address = _address(node)
            if address is None:
                break
            proxy = address
            if not self._trusts(address):
                break
        return proxy

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)


_Address = IPv4Address | IPv6Address


def _members(lines: Iterable[str]) -> list[str]:
    """The members of a header that is a list, of all its lines."""
    return [member.strip() for line in lines for member in line.split(",")]


def _nodes(lines: Iterable[str]) -> list[str]:
    """Who is told in each element of ``Forwarded``; "" where it is unreadable, or tells nobody."""
    return list(map(_node, _members(lines)))


def _node(element: str) -> str:
    if not _ELEMENT.fullmatch(element):
        return ""
    told = list(_told(element))
    return told[0] if len(told) == 1 else ""


def _told(element: str) -> Iterator[str]:
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            yield value.strip().strip('"')


def _address(node: str) -> _Address | None:
    """The address in a node; None for ``unknown``, a made-up name and anything else."""
    match = _NODE.fullmatch(node)
    if match is None:
        return None
    try:
        address = ip_address(next(filter(None, match.groups())).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
