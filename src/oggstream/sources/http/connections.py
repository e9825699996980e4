"""One aiohttp session per event loop, with the proxy that the environment names and a word when a request is out.

aiohttp is imported when the first session is made: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import ConfigError
from ...threads import in_thread
from .redaction import Secrets, is_secret_name, shown_url

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from aiohttp.abc import AbstractResolver

KEEPALIVE = 120.0
"""Seconds that an idle connection is kept (aiohttp's own 15 end before a person has said the next thing)."""


class Attempt:
    """One request on its way, as aiohttp's trace hooks tell of it, and whether it is worth another one.

    ``again``: the headers that say after how long to send once more, None for not at all. ``stale``: it went out on a
    kept connection, which the service may just have closed. ``failure``: what ``on_sent`` raised.
    """

    __slots__ = ("_on_sent", "again", "failure", "has_body", "stale")

    def __init__(self, on_sent: Callable[[], None] | None = None) -> None:
        self._on_sent = on_sent
        self.has_body = False
        self.stale = False
        self.again: Mapping[str, str] | None = None
        self.failure: BaseException | None = None

    def about_to_write(self) -> None:
        """Call ``on_sent`` once, as soon as the bytes are with the system.

        aiohttp's hooks come just before the write, which follows without a pause; hence the call in the loop's next
        round. It also keeps a slow listener from holding up the request.
        """
        if self._on_sent is not None:
            asyncio.get_running_loop().call_soon(self._report, self._on_sent)
            self._on_sent = None

    def _report(self, on_sent: Callable[[], None]) -> None:
        try:
            on_sent()
        except BaseException as error:  # noqa: BLE001 - raised where the request is awaited
            self.failure = error


class Sessions:
    """The aiohttp sessions of one source, one per event loop, made when first needed.

    ``url`` decides about the proxy (`proxy_for`); ``trust_env=False`` ignores what the environment says about proxies.
    """

    def __init__(self, url: str, secrets: Secrets, *, connect_timeout: float, trust_env: bool) -> None:
        self._url = url
        self._secrets = secrets
        self._connect_timeout = connect_timeout
        self._trust_env = trust_env
        self._sessions: dict[asyncio.AbstractEventLoop, ClientSession] = {}
        self.proxy: str | None = None

    async def get(self) -> ClientSession:
        """The session of the running loop. Sessions of loops that were closed meanwhile are forgotten."""
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            await self._close_left()
            self.proxy = proxy_for(self._url) if self._trust_env else None
            if self.proxy:
                self._secrets.add_url(self.proxy)
            session = self._sessions[loop] = _new_session(self._connect_timeout)
        return session

    async def aclose(self) -> None:
        """Close the connections of the running loop. May be called twice; a later request opens new ones."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()
        await self._close_left()

    async def _close_left(self) -> None:
        for loop in [loop for loop in self._sessions if loop.is_closed()]:
            await self._sessions.pop(loop).close()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (or the system) names for ``url``, None for none. Raises `ConfigError`."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    if not proxy or proxy_bypass(host) or proxy_bypass(f"{host}:{parts.port}"):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not usable_url(proxy):
        todo = "set HTTP_PROXY and HTTPS_PROXY to http://HOST:PORT, or NO_PROXY to the hosts to reach directly"
        raise ConfigError(f"unusable proxy {shown_url(proxy)}; {todo}")
    return proxy


def usable_url(url: str) -> bool:
    """Whether ``url`` is an absolute http or https URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    printable = url.isprintable() and " " not in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and printable


def _new_session(connect_timeout: float) -> ClientSession:
    import aiohttp

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_on_headers)
    trace.on_request_chunk_sent.append(_on_chunk)
    trace.on_connection_reuseconn.append(_on_reuse)
    trace.on_request_redirect.append(_on_redirect)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(keepalive_timeout=KEEPALIVE, resolver=_new_resolver()),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout),
        auto_decompress=False,
        trace_configs=[trace],
    )


async def _on_headers(_session: Any, context: Any, _params: Any) -> None:
    attempt: Attempt | None = context.trace_request_ctx
    if attempt is not None and not attempt.has_body:  # None: a WebSocket's handshake, with which nothing is asked yet
        attempt.about_to_write()


async def _on_chunk(_session: Any, context: Any, _params: Any) -> None:
    attempt: Attempt = context.trace_request_ctx
    attempt.about_to_write()


async def _on_reuse(_session: Any, context: Any, _params: Any) -> None:
    attempt: Attempt | None = context.trace_request_ctx
    if attempt is not None:
        attempt.stale = True


async def _on_redirect(_session: Any, _context: Any, params: Any) -> None:
    """Take credentials off a request that is sent on to another host; aiohttp itself takes off Authorization only."""
    try:
        goal = params.url.join(type(params.url)(params.response.headers.get("Location", ""))).origin()
    except ValueError:
        return  # no URL: aiohttp refuses to follow it
    if goal != params.url.origin():
        for name in [name for name in params.headers if is_secret_name(name)]:
            params.headers.popall(name, None)


def _new_resolver() -> AbstractResolver:
    """A resolver in a daemon thread.

    aiohttp's own uses the loop's executor, whose threads hold up the exit: with a name server that does not answer,
    Ctrl-C would seem to hang for half a minute.
    """
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Resolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = await in_thread(lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
            return [
                ResolveResult(
                    hostname=host,
                    host=_numeric(address),
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
                for kind, _, protocol, _, address in found
            ]

        async def close(self) -> None: ...

    return Resolver()


def _numeric(address: tuple[Any, ...]) -> str:
    """The host of a socket address; a link-local IPv6 one keeps its scope (RFC 4007 section 11)."""
    scope = address[3] if len(address) > 3 else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])
