"""Opens WebSockets, and turns a refused handshake into an error.

Importing this module loads no aiohttp: that happens with the first connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from ...errors import OggStreamError, SourceError
from ..http.client import read_some
from ..http.connections import Sessions
from ..http.exchange import check_headers
from ..http.redaction import Secrets, basic_credentials, shown_url
from ..http.urls import usable_url
from .messages import LONGEST_MESSAGE

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientSession, ClientWebSocketResponse

    from ..http.faults import Place

HEARTBEAT = 20.0
"""Seconds without a byte after which the service is pinged; it has half as long to answer."""
_CLOSE_SECONDS = 0.5  # for the other end to say that it closes too

Advise = Callable[[int, str], str | None]
"""Called with the status of a refusal and what it says; returns what to do about it, None for the usual advice."""


class Asked(Protocol):
    """What a connection is opened for. ``retry_headers``: after a failure, those that say when to try once more."""

    retry_headers: Mapping[str, str] | None


class HandshakeRefused(Exception):  # noqa: N818 - an answer, translated where it is caught
    """An answer that opens no WebSocket: its status, headers, and the start of its body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Handshake:
    """Opens WebSockets of the service at ``url`` (http, https, ws or wss). ``shown`` is the URL without credentials.

    ``kind``: what service is expected there, for errors.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        connect_timeout: float,
        trust_env: bool,
        ssl_context: SSLContext | None = None,
        kind: str = "that speaks over a WebSocket",
    ) -> None:
        url = as_http(url)
        parts = urlsplit(url) if usable_url(url) else None
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts is not None else None
        self.headers = dict(headers)
        if parts is not None and parts.username is not None:
            self.headers["Authorization"] = f"Basic {basic_credentials(parts)}"
        self._shown = shown_url(url)
        self.secrets = Secrets()
        self.secrets.add_url(url)
        self.secrets.add_headers(self.headers)
        self._kind = kind
        self._connect_timeout = connect_timeout
        self._sessions = Sessions(
            url, self.secrets, connect_timeout=connect_timeout, trust_env=trust_env, ssl_context=ssl_context
        )

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        return self.secrets.strike(self._shown)

    async def open(self, url: str, headers: Mapping[str, str], asked: Asked, advise: Advise) -> ClientWebSocketResponse:
        """A WebSocket at ``url``. Raises an `OggStreamError`, with ``retry_headers`` set if it may pass.

        Cancelled, it leaves no connection.
        """
        self.secrets.add_url(url)
        self.secrets.add_headers(headers)
        check_headers(headers)
        session = await self._sessions.get()
        try:
            return await self._connect(session, as_http(url), headers)
        except HandshakeRefused as refused:
            raise self._refusal(refused, asked, advise) from None
        except Exception as error:
            failed = self._failure(error, asked)
            if failed is None:
                raise
            raise failed from self.secrets.cause(error)

    async def aclose(self) -> None:
        """Close what the running loop holds."""
        await self._sessions.aclose()

    def checked_url(self) -> str:
        """The URL. Raises `ConfigError` for one that cannot be used."""
        if self.url is None:
            from ..http.faults import unusable

            raise unusable(self.shown)
        return self.url

    async def _connect(self, session: ClientSession, url: str, headers: Mapping[str, str]) -> ClientWebSocketResponse:
        import aiohttp
        from yarl import URL

        _read_refusals(session)
        return await session.ws_connect(
            URL(url, encoded=url.isascii() and " " not in url),
            headers=headers,
            proxy=self._sessions.proxy,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
            heartbeat=HEARTBEAT,
            max_msg_size=LONGEST_MESSAGE,
            autoping=False,  # the connection wants to see what answers its own
        )

    def _refusal(self, refused: HandshakeRefused, asked: Asked, advise: Advise) -> SourceError:
        from ..http.faults import http_error, read_body
        from ..http.retries import worth_retrying

        headers = refused.headers
        said = read_body(refused.body, headers.get("Content-Type", ""))
        if worth_retrying(refused.status, headers, quota=said.quota, now=time.time()):
            asked.retry_headers = headers
        request_id = headers.get("x-request-id")
        advice = advise(refused.status, said.message)
        return http_error(refused.status, said, self.shown, self.secrets, request_id=request_id, advice=advice)

    def _failure(self, error: Exception, asked: Asked) -> OggStreamError | None:
        """The error for an exception of aiohttp's, None for one that is not foreseen."""
        from aiohttp import WSServerHandshakeError

        from ..http.faults import connection_error, lasting

        if isinstance(error, WSServerHandshakeError):
            todo = f"check that the base URL is that of a service {self._kind}"
            return SourceError(f"{self.shown} opens no WebSocket (HTTP {error.status}); {todo}", status=error.status)
        if not lasting(error):
            asked.retry_headers = {}
        return connection_error(error, self._place(), self.secrets)

    def _place(self) -> Place:
        from ..http.faults import Place

        proxy = self._sessions.proxy
        return Place(self.shown, shown_url(proxy) if proxy else None, self._connect_timeout)


def as_http(url: str) -> str:
    """A WebSocket's URL as that of the HTTP request that opens it (RFC 6455 section 3)."""
    scheme, mark, rest = url.strip().partition("://")
    return f"{ {'ws': 'http', 'wss': 'https'}.get(scheme.lower(), scheme) }{mark}{rest}"


def _read_refusals(session: ClientSession) -> None:
    """Have the body of an answer that refuses read: aiohttp closes it unread."""
    import aiohttp

    if any(_refuse in trace.on_request_end for trace in session.trace_configs):
        return
    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(_refuse)
    trace.freeze()
    session.trace_configs.append(trace)


async def _refuse(_session: Any, _context: Any, params: Any) -> None:
    """Raise `HandshakeRefused` for an answer that refuses; aiohttp then closes it."""
    response = params.response
    if response.status >= 400:
        raise HandshakeRefused(response.status, response.headers, await read_some(response))
