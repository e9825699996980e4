"""Any URL as a source, and what every HTTP source shares: requests with retries, and the body as it arrives.

Importing this module loads no aiohttp: that happens with the first request.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ... import events
from ...errors import ConfigError, OggStreamError
from ..hurry import hurried
from ..traits import SourceTraits
from .connections import Attempt, Sessions, usable_url
from .exchange import HttpStream, Request, request_id_of
from .redaction import Secrets, basic_credentials, shown_url

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from ...options import SpeechOptions
    from ..source import ByteStream
    from .faults import Place

Advise = Callable[[int, str], str | None]
"""From the status of a refusal and what it says to a word on what to do; None for the usual one."""

_ERROR_BODY = 64 << 10  # bytes of a failed answer that are read
_ERROR_BODY_TIME = 5.0  # seconds that they may take: the status says the most already


class HttpClient:
    """Requests to one URL: kept connections, retries as OpenAI's client makes them, errors of this package.

    ``max_retries`` more attempts follow a failed one, never once an answer was accepted. ``connect_timeout`` in
    seconds covers the name, the connection and TLS; nothing else has a limit here.
    """

    def __init__(
        self,
        url: str,
        *,
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
    ) -> None:
        parts = urlsplit(url) if usable_url(url) else None
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts is not None else None
        self._authorization: dict[str, str] = {}
        if parts is not None and parts.username is not None:
            self._authorization["Authorization"] = f"Basic {basic_credentials(parts)}"
        self._shown = shown_url(url)
        self.secrets = Secrets()
        self.secrets.add_url(url)
        self._max_retries = max_retries
        self._connect_timeout = connect_timeout
        self._sessions = Sessions(url, self.secrets, connect_timeout=connect_timeout, trust_env=trust_env)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.shown}>"

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without user, query, fragment and any known credential."""
        return self.secrets.strike(self._shown)

    @asynccontextmanager
    async def open(self, request: Request, advise: Advise | None = None) -> AsyncIterator[HttpStream]:
        """Send ``request``; enter with the answer's headers there. Leaving closes the answer in whatever state.

        ``advise`` may know better than the usual what to do about an answer that refuses.
        Raises `ConfigError` for an unusable URL and `SourceError` for all that fails. Cancelling, at any point, leaves
        no connection but idle ones.
        """
        response = await self._answer(request, {**request.headers, **self._authorization}, advise)
        try:
            stream = HttpStream(response, self._place, request, self.secrets)
            events.emit(events.ResponseStarted, content_type=stream.content_type, request_id=stream.request_id)
            yield stream
        finally:
            response.close()

    async def warm(self) -> None:
        """Open a connection ahead of time, by a request whose answer does not matter. Never fails.

        OPTIONS changes nothing (RFC 9110 section 9.3.7) and carries no credential. HEAD would not do: aiohttp drops the
        connection when such an answer has no length, as those of its own servers.
        """
        with suppress(OggStreamError, TimeoutError):
            async with asyncio.timeout(self._connect_timeout):
                response = await self._send("OPTIONS", {}, None, Attempt())
            try:
                await read_some(response)
            finally:
                response.close()  # which keeps the connection if that was all

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sessions.aclose()

    async def _answer(self, request: Request, headers: Mapping[str, str], advise: Advise | None) -> ClientResponse:
        """Send until an answer is accepted, or nothing speaks for another attempt."""
        number = 0
        while True:
            attempt = Attempt(lambda: events.emit(events.RequestSent, characters=request.characters))
            try:
                response = await self._send(request.method, headers, request.body, attempt, request.target)
                return await self._accepted(response, attempt, advise)
            except OggStreamError as error:
                if attempt.again is None or number >= self._max_retries:
                    raise
                delay = 0.0 if attempt.stale else delay_after(number, attempt.again)
                if delay and hurried():
                    raise
                reason = str(error)
            events.emit(events.Retrying, delay=delay, reason=reason)
            await asyncio.sleep(delay)
            number += 1

    async def _send(
        self, method: str, headers: Mapping[str, str], body: bytes | None, attempt: Attempt, target: str = ""
    ) -> ClientResponse:
        """One request, to the answer's headers; exceptions translated."""
        if self._url is None:
            from .faults import unusable

            raise unusable(self.shown)
        from yarl import URL

        session = await self._sessions.get()
        url = _with_target(self._url, target) if target else self._url
        self.secrets.add_headers(headers)
        check_headers(headers)
        attempt.has_body = body is not None
        try:
            return await session.request(
                method,
                URL(url, encoded=url.isascii() and " " not in url),
                headers={"Accept-Encoding": "identity", **headers},
                data=body,
                proxy=self._sessions.proxy,
                trace_request_ctx=attempt,
            )
        except Exception as error:
            from .faults import connection_error, lasting

            failed = connection_error(error, self._place(), self.secrets)
            if failed is None:
                raise
            attempt.again = None if lasting(error) else {}
            raise failed from self.secrets.cause(error)

    async def _accepted(self, response: ClientResponse, attempt: Attempt, advise: Advise | None) -> ClientResponse:
        """``response`` if it is one to read, else it is closed and its error raised."""
        if 200 <= response.status < 300 and attempt.failure is None:
            return response
        try:
            if attempt.failure is not None:
                raise attempt.failure
            raise await self._refusal(response, attempt, advise)
        finally:
            response.close()

    async def _refusal(self, response: ClientResponse, attempt: Attempt, advise: Advise | None) -> OggStreamError:
        from .faults import http_error, read_body
        from .retries import worth_retrying

        said = read_body(await read_some(response), response.headers.get("Content-Type", ""))
        attempt.stale = False
        if worth_retrying(response.status, response.headers, quota=said.quota, now=time.time()):
            attempt.again = response.headers
        advice = advise(response.status, said.message) if advise is not None else None
        request_id = request_id_of(response.headers, self.secrets)
        return http_error(response.status, said, self.shown, self.secrets, request_id=request_id, advice=advice)

    def _place(self) -> Place:
        from .faults import Place

        proxy = self._sessions.proxy
        return Place(self.shown, shown_url(proxy) if proxy else None, self._connect_timeout)


class HttpSource:
    """Ogg Opus from any URL: ``text`` and options are ignored.

    ``json`` is sent as the body (``method`` is then usually POST). Credentials may stand in ``headers``, in the user
    part of the URL, or in its query: they are struck out of every message. Proxies and certificates come from the
    environment, unless ``trust_env`` is false (proxies only).
    """

    traits = SourceTraits(name="http", whole=True)

    def __init__(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
    ) -> None:
        self._client = HttpClient(url, max_retries=max_retries, connect_timeout=connect_timeout, trust_env=trust_env)
        body = None if json is None else json_body(json)
        content = {} if body is None else {"Content-Type": "application/json"}
        self._request = Request(method, {**content, **(headers or {})}, body)

    def __repr__(self) -> str:
        return f"HttpSource({self._client.shown!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:  # noqa: ARG002
        """Fetch the URL. Raises `ConfigError` for an unusable one, `SourceError` for all that fails."""
        return self._client.open(self._request)

    async def warm(self) -> None:
        """Open a connection ahead of the first request. Never fails."""
        await self._client.warm()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def json_body(value: Any) -> bytes:
    """``value`` as the JSON that OpenAI's client sends, byte for byte: compact, UTF-8, in the given order."""
    return jsonlib.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise `ConfigError` for a header that cannot be sent."""
    for name, value in headers.items():
        if not f"{name}{value}".replace("\t", " ").isprintable():
            raise ConfigError(f"the header {name!r} has a value that cannot be sent; look for a line break in it")


def delay_after(number: int, headers: Mapping[str, str]) -> float:
    """Seconds to wait after attempt ``number`` (from 0) failed with an answer of these ``headers``."""
    from .retries import retry_delay

    return retry_delay(number, headers, now=time.time(), chance=random.random())  # noqa: S311 - it spreads retries


def _with_target(url: str, target: str) -> str:
    """``url`` with a path behind its own, and both queries."""
    base, _, query = url.partition("?")
    path, _, more = target.partition("?")
    queries = "&".join(filter(None, (query, more)))
    return f"{base.rstrip('/')}{path}{'?' if queries else ''}{queries}"


async def read_some(response: ClientResponse) -> bytes:
    """The first bytes of a failed answer; what came, when it is cut or slow."""
    body = bytearray()
    with suppress(Exception):
        async with asyncio.timeout(_ERROR_BODY_TIME):
            while len(body) < _ERROR_BODY and (chunk := await response.content.readany()):
                body += chunk
    return bytes(body)
