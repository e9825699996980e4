"""Which web pages may use the endpoint: none but those that were named (Host against DNS rebinding, Origin, CORS)."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

_WITH_HOST = (1, 1)  # of HTTP, from which on a request has a Host (RFC 9112 section 3.2): no browser sends an older one

ANY = "*"
"""Allows every origin."""

PREFLIGHT_SECONDS = 600
_ASKED_HEADERS = "Access-Control-Request-Headers"
_PRIVATE_NETWORK = "Access-Control-Request-Private-Network"


class Browsers:
    """What a browser may ask for. ``origins`` are allowed ("https://example.org", or `ANY`).

    A page can make any name of its own lead to this machine, but no address and not ``localhost``. Other names in Host
    are refused unless they are in ``names``, or ``any_name`` is true (where a key is asked for, which no page has).
    """

    def __init__(self, origins: Collection[str], names: Collection[str], *, any_name: bool) -> None:
        self._origins = {normal_origin(origin) for origin in origins}
        self._names = {name.lower() for name in names} | {urlsplit(origin).hostname or "" for origin in self._origins}
        self._any_name = any_name

    def middleware(self) -> Middleware:
        """Refuses what is not allowed, with 403, before a key is looked at; answers preflights of what is."""

        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            hosts = request.headers.getall("Host", [])
            if not (self.knows_host(hosts) or (not hosts and request.version < _WITH_HOST)):
                raise RefusedError(
                    "This server is not known by the name in your request's Host header: use its address, or name it "
                    "with --allow-origin.",
                    status=403,
                    code="host_not_allowed",
                )
            origins = request.headers.getall("Origin", [])
            if not self.allows(origins, request.headers.get("Host", "")):
                raise RefusedError(
                    "Web pages of this origin may not use this server: start it with --allow-origin and that origin.",
                    status=403,
                    code="origin_not_allowed",
                )
            if request.method == "OPTIONS" and origins:
                return _preflight(request)
            return await handler(request)

        return check

    def knows_host(self, hosts: list[str]) -> bool:
        """Whether the Host header (RFC 9110 section 7.2) is one, and names this machine."""
        if len(hosts) != 1:
            return False
        try:
            name = (urlsplit(f"//{hosts[0]}").hostname or "").rstrip(".")
        except ValueError:
            return False
        return bool(name) and (self._any_name or name in self._names or is_local_name(name))

    def allows(self, origins: list[str], host: str) -> bool:
        """Whether a request with these Origin headers may be served: programs send none, a page its own.

        Its own may be https here, or at a proxy in front of this server.
        """
        if not origins:
            return True
        own = {normal_origin(f"{scheme}://{host}") for scheme in ("http", "https")}
        return len(origins) == 1 and (ANY in self._origins or normal_origin(origins[0]) in self._origins | own)

    async def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the page read the answer (the CORS protocol of the Fetch standard)."""
        origin = request.headers.get("Origin")
        if origin is not None and self.allows([origin], request.headers.get("Host", "")):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "X-Request-Id, Retry-After, Location"
            response.headers["Vary"] = "Origin"


def is_local_name(name: str) -> bool:
    """Whether no name server is asked for ``name``: an IP address, or localhost (RFC 6761 section 6.3)."""
    return name == "localhost" or name.endswith(".localhost") or is_address(name)


def is_address(name: str) -> bool:
    """Whether ``name`` is an IP address, perhaps with a zone."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def normal_origin(origin: str) -> str:
    """``origin`` in small letters, without the usual port and a slash at its end."""
    origin = origin.strip().lower().rstrip("/")
    scheme, _, rest = origin.partition("://")
    usual = {"http": ":80", "https": ":443"}.get(scheme, "")
    return origin[: -len(usual)] if usual and rest.endswith(usual) else origin


def _preflight(request: web.Request) -> web.Response:
    from aiohttp import web

    headers = {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
        "Access-Control-Allow-Headers": request.headers.get(_ASKED_HEADERS, "Authorization, Content-Type"),
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }
    if request.headers.get(_PRIVATE_NETWORK) == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)
