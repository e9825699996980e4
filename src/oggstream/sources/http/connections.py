"""One aiohttp session per event loop, with the proxy that the environment names and a word when a request is out.

aiohttp is imported when the first session is made: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ...threads import imported, in_thread
from . import dialling
from .dialling import Line, new_socket
from .heads import read_ambiguous_heads
from .proxies import is_socks, proxy_for, socks_connector
from .redaction import Secrets, is_secret_name
from .urls import redirect_of

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import BaseConnector, ClientSession
    from aiohttp.abc import AbstractResolver

MOST_CONNECTIONS = 2000  # of one source at once: whoever serves many speeches bounds them himself
KEEPALIVE = 120.0
"""Seconds that an idle connection is kept (aiohttp's own 15 end before a person has said the next thing)."""
LONGEST_HEADER = 64 << 10
"""Bytes of a line in the head of an answer."""
MOST_HEADERS = 1024


class Attempt:
    """One request on its way, as aiohttp's trace hooks tell of it, and whether it is worth another one.

    ``again``: the headers that say after how long to send once more, None for not at all. ``stale``: it went out on a
    kept connection, which the service may just have closed; ``idle``: for how many seconds that had been idle.
    ``on_sent`` may be given the seconds since the request was out; ``failure``: what it raised. ``repeatable``: it may
    be sent a second time, on a new connection. ``url`` answered; ``redirected_from``: what sent it there without its
    credentials.
    """

    __slots__ = (
        "_on_sent",
        "_report_to",
        "again",
        "failure",
        "has_body",
        "idle",
        "redirected_from",
        "repeatable",
        "stale",
        "url",
    )

    def __init__(self, on_sent: Callable[..., None] | None = None, *, repeatable: bool = False) -> None:
        self._on_sent = self._report_to = on_sent
        self.repeatable = repeatable
        self.url = ""
        self.redirected_from = ""
        self.has_body = False
        self.stale = False
        self.idle = 0.0
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

    def report(self, ago: float) -> None:
        """Call ``on_sent`` once: the bytes have been with the system since ``ago`` seconds."""
        if self._on_sent is not None:
            self._report(partial(self._on_sent, ago))
            self._on_sent = None

    def repeated(self) -> Attempt:
        """Prepare for the second sending, on a new connection: it is reported as the first one was."""
        self._on_sent = self._report_to
        self.repeatable = self.stale = False
        return self

    def _report(self, on_sent: Callable[..., None]) -> None:
        try:
            on_sent()
        except BaseException as error:  # noqa: BLE001 - raised where the request is awaited
            self.failure = error


class Sessions:
    """The aiohttp sessions of one source, one per event loop, made when first needed.

    ``url`` decides about the proxy (`proxy_for`); ``trust_env=False`` ignores what the environment says about proxies.
    ``ssl_context`` replaces the usual one (`tls.default_context`).
    """

    def __init__(
        self,
        url: str,
        secrets: Secrets,
        *,
        connect_timeout: float,
        trust_env: bool,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._url = url
        self._secrets = secrets
        self._connect_timeout = connect_timeout
        self._trust_env = trust_env
        self._ssl_context = ssl_context
        self._sessions: dict[asyncio.AbstractEventLoop, ClientSession] = {}
        self._released: deque[float] = deque(maxlen=64)  # when the connections that are idle became so, the first first
        self.starved: set[Attempt] = set()  # requests that wait too long on a new connection
        self._socks: str | None = None
        self.proxy: str | None = None
        _all.add(self)

    async def get(self) -> ClientSession:
        """The session of the running loop. Sessions of loops that were closed meanwhile are forgotten.

        Raises `ConfigError` for a proxy that cannot be used.
        """
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            await self._close_left()
            await imported("aiohttp")
            if (session := self._sessions.get(loop)) is not None and not session.closed:
                return session  # another request made it meanwhile
            proxy = self.proxy_for(self._url)
            self._socks = proxy if is_socks(proxy) else None
            self.proxy = proxy
            session = self._sessions[loop] = self._new_session()
        return session

    def line(self, url: str) -> Line | None:
        """The connection to ``url`` that was begun ahead, if it is as one of the session would be."""
        return dialling.take(url) if self._ssl_context is None else None

    def answered(self) -> None:
        """Take notice that the service has answered: a later process may begin its connection ahead."""
        if self._ssl_context is None:
            dialling.answered(self._url)

    def proxy_for(self, url: str) -> str | None:
        """The proxy on the way to ``url``, as `proxies.proxy_for` says."""
        proxy = proxy_for(url) if self._trust_env else None
        if proxy:
            self._secrets.add_url(proxy)
        return proxy

    def proxy_argument(self, url: str) -> str | None:
        """What aiohttp is told of the proxy: nothing of one that speaks SOCKS, which the connector knows."""
        proxy = self.proxy if url == self._url else self.proxy_for(url)
        return None if is_socks(proxy) else proxy

    def released(self) -> None:
        """Take notice that a connection was given back. It is kept idle, unless that may block another request."""
        if any(other.starved for other in self._neighbours()):
            self.close_idle()
        else:
            self._released.append(asyncio.get_running_loop().time())

    def idle_seconds(self, url: str) -> float:
        """For how long the connection to ``url`` that would be used now has been idle; 0 where there is none."""
        if self._ssl_context is None and (line := dialling.waiting_for(url)) is not None:
            return line.idle
        return asyncio.get_running_loop().time() - self._released[0] if self._released else 0.0

    def close_idle(self) -> None:
        """Close the connections of the running loop that are idle."""
        session = self._sessions.get(asyncio.get_running_loop())
        if session is not None and session.connector is not None:
            _close_idle(session.connector)
        self._released.clear()

    @contextmanager
    def making_room(self, attempt: Attempt, patience: float) -> Iterator[None]:
        """Where ``attempt`` waits for more than ``patience`` seconds on a new connection, keep none to its host idle
        until this block ends: the host may serve one connection at a time.
        """
        timer = asyncio.get_running_loop().call_later(patience, self._make_room, attempt)
        try:
            yield
        finally:
            timer.cancel()
            self.starved.discard(attempt)

    def _make_room(self, attempt: Attempt) -> None:
        if not attempt.stale:
            self.starved.add(attempt)
            for other in self._neighbours():
                other.close_idle()

    def _neighbours(self) -> list[Sessions]:
        """Those of every source with the same host."""
        return [other for other in _all if other.place == self.place]

    @property
    def place(self) -> str:
        """Scheme, host and port."""
        return "/".join(self._url.lower().split("/", 3)[:3]).rpartition("@")[2]

    async def aclose(self) -> None:
        """Close the connections of the running loop. May be called twice; a later request opens new ones."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()
        await self._close_left()

    async def _close_left(self) -> None:
        for loop in [loop for loop in self._sessions if loop.is_closed()]:
            await self._sessions.pop(loop).close()

    def _new_session(self) -> ClientSession:
        import aiohttp

        connector = self._new_connector()
        read_ambiguous_heads(connector)
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_on_headers)
        trace.on_request_chunk_sent.append(_on_chunk)
        trace.on_connection_reuseconn.append(self._on_reuse)
        trace.on_connection_create_start.append(self._on_create)
        trace.on_request_redirect.append(_on_redirect)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
            auto_decompress=False,
            trace_configs=[trace],
            **_known(aiohttp.ClientSession, max_headers=MOST_HEADERS),
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )

    def _new_connector(self) -> BaseConnector:
        import aiohttp

        context = self._ssl_context
        if context is None and self._url.startswith("https:"):
            from .tls import default_context

            context = default_context()
        settings: dict[str, Any] = {"keepalive_timeout": KEEPALIVE, "limit": MOST_CONNECTIONS}
        settings |= {} if context is None else {"ssl": context}
        if self._socks is not None:
            connector: BaseConnector = socks_connector(self._socks, **settings)
            return connector
        sockets = _known(aiohttp.TCPConnector, socket_factory=new_socket)
        return aiohttp.TCPConnector(resolver=_new_resolver(), **settings, **sockets)

    async def _on_reuse(self, _session: Any, context: Any, _params: Any) -> None:
        since = self._released.popleft() if self._released else None
        attempt: Attempt | None = context.trace_request_ctx
        if attempt is not None:
            attempt.stale = True
            attempt.idle = asyncio.get_running_loop().time() - since if since is not None else 0.0

    async def _on_create(self, _session: Any, _context: Any, _params: Any) -> None:
        self._released.clear()  # there was no idle one, or it would have been used


_all: WeakSet[Sessions] = WeakSet()


def _known(kind: type, **arguments: Any) -> dict[str, Any]:
    """Those of ``arguments`` that this version of aiohttp knows."""
    import inspect

    return {name: value for name, value in arguments.items() if name in inspect.signature(kind).parameters}


def _close_idle(connector: BaseConnector) -> None:
    """Close what ``connector`` holds idle, for which aiohttp itself has no call."""
    for kept in list(getattr(connector, "_conns", {}).values()):
        while kept:
            kept.popleft()[0].close()


async def _on_headers(_session: Any, context: Any, _params: Any) -> None:
    attempt: Attempt | None = context.trace_request_ctx
    if attempt is not None and not attempt.has_body:  # None: a WebSocket's handshake, with which nothing is asked yet
        attempt.about_to_write()


async def _on_chunk(_session: Any, context: Any, _params: Any) -> None:
    attempt: Attempt = context.trace_request_ctx
    attempt.about_to_write()


async def _on_redirect(_session: Any, _context: Any, params: Any) -> None:
    """Take credentials off the handshake of a WebSocket that is sent elsewhere; aiohttp takes off Authorization."""
    redirect = redirect_of(params.response.status, params.response.headers.get("Location", ""), str(params.url))
    if redirect is None or not redirect.safe:
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
