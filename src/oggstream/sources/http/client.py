"""What every HTTP source shares: requests with retries, and the body as it arrives.

Importing this module loads no aiohttp: that happens with the first request.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ... import events
from ...errors import OggStreamError
from ..hurry import hurried
from .connections import Attempt, Sessions
from .exchange import HttpStream, Outgoing, Request, request_id_of
from .redaction import Secrets, basic_credentials, shown_url
from .sender import Sender
from .urls import usable_url

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientResponse


Advise = Callable[[int, str], str | None]
"""From the status of a refusal and what it says to a word on what to do; None for the usual one."""

_ERROR_BODY = 64 << 10  # bytes of a failed answer that are read
_ERROR_BODY_TIME = 5.0  # seconds that they may take: the status says the most already


class HttpClient:
    """Requests to one URL: kept connections, retries as OpenAI's client makes them, errors of this package.

    ``max_retries`` more attempts follow a failed one, never once an answer was accepted. ``connect_timeout`` in
    seconds covers the name, the connection and TLS; nothing else has a limit here. ``ssl_context`` replaces the usual
    one, which trusts what the system trusts.
    """

    def __init__(
        self,
        url: str,
        *,
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
        ssl_context: SSLContext | None = None,
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
        self._sessions = Sessions(
            url, self.secrets, connect_timeout=connect_timeout, trust_env=trust_env, ssl_context=ssl_context
        )
        self._sender = Sender(self._sessions, self.secrets, connect_timeout)

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
        attempt, response = await self._answer(request, advise)
        try:
            stream = HttpStream(response, lambda: self._sender.place(attempt.url), request, self.secrets)
            self._sessions.answered()
            events.emit(events.ResponseStarted, content_type=stream.content_type, request_id=stream.request_id)
            yield stream
        finally:
            self._give_back(response)

    async def warm(self) -> None:
        """Open a connection ahead of time, by a request whose answer does not matter. Never fails.

        OPTIONS changes nothing (RFC 9110 section 9.3.7) and carries no credential. HEAD would not do: aiohttp drops the
        connection when such an answer has no length, as those of its own servers.
        """
        with suppress(OggStreamError, TimeoutError):
            async with asyncio.timeout(self._connect_timeout):
                response = await self._sender.send(Outgoing("OPTIONS", self._checked_url(), {}), Attempt())
            try:
                await read_some(response)
            finally:
                self._give_back(response)  # which keeps the connection if that was all
            if self._sender.waiting:  # on another connection, to a server that may serve one at a time
                self._sessions.close_idle()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sessions.aclose()

    async def _answer(self, request: Request, advise: Advise | None) -> tuple[Attempt, ClientResponse]:
        """Send until an answer is accepted, or nothing speaks for another attempt."""
        url = self._checked_url()
        url = _with_target(url, request.target) if request.target else url
        headers = {**request.headers, **self._authorization}
        outgoing = Outgoing(request.method, url, headers, request.body)
        number = 0
        while True:
            attempt = Attempt(partial(_tell_sent, request.characters), repeatable=number == 0)
            try:
                response = await self._sender.send(outgoing, attempt)
                return attempt, await self._accepted(response, attempt, advise)
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

    def _checked_url(self) -> str:
        if self._url is None:
            from .faults import unusable

            raise unusable(self.shown)
        return self._url

    def _give_back(self, response: ClientResponse) -> None:
        """Give the connection back, if the answer is over; else close it."""
        if response.connection is None:
            self._sessions.released()
        response.close()

    async def _accepted(self, response: ClientResponse, attempt: Attempt, advise: Advise | None) -> ClientResponse:
        """``response`` if it is one to read, else it is closed and its error raised."""
        if 200 <= response.status < 300 and attempt.failure is None:
            return response
        try:
            if attempt.failure is not None:
                raise attempt.failure
            raise await self._refusal(response, attempt, advise)
        finally:
            self._give_back(response)

    async def _refusal(self, response: ClientResponse, attempt: Attempt, advise: Advise | None) -> OggStreamError:
        from .faults import http_error, read_body
        from .retries import worth_retrying

        said = read_body(await read_some(response), response.headers.get("Content-Type", ""))
        attempt.stale = False
        if worth_retrying(response.status, response.headers, quota=said.quota, now=time.time()):
            attempt.again = response.headers
        advice = advise(response.status, said.message) if advise is not None else None
        place = self._sender.place(attempt.url).url
        if attempt.redirected_from:
            here = self._sender.place(attempt.redirected_from).url
            advice = f"{here} redirected there, and no key is sent on to another host: use that URL if you trust it"
        request_id = request_id_of(response.headers, self.secrets)
        return http_error(response.status, said, place, self.secrets, request_id=request_id, advice=advice)


def _tell_sent(characters: int, ago: float = 0.0) -> None:
    events.emit(events.RequestSent, characters=characters, ago=ago)


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
