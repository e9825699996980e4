"""One request up to the head of its answer: redirects, and kept connections that turn out to be dead.

A connection that was idle may be dead without a sign: a NAT forgot it, or a laptop slept. A request on one that gets no
answer within the usual time is sent once more on a new connection, while the old one is still listened to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from ... import events
from ...errors import SourceError
from ..asking import asking
from .exchange import Outgoing, check_headers
from .redaction import is_secret_name, shown_url
from .urls import MOST_REDIRECTS, Redirect, redirect_of

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from .connections import Attempt, Sessions
    from .dialling import Line
    from .faults import Place
    from .redaction import Secrets

IDLE = 2.0
"""Seconds without use after which a connection may be dead."""
PATIENCE = 2.0
"""Seconds in which the head of an answer is there, at least; more where the service has taken longer before."""
_SLACK = 1.5  # times the slowest of the last answers
_BLOCKED = 1.0  # seconds after which a server may be busy with a connection that we keep idle
_WITHOUT_EFFECT = ("GET", "HEAD", "OPTIONS")
_NO_REPEAT = "no answer on a connection that was idle for {:.0f} s: asked once more on a new one"


class Sender:
    """Sends requests over ``sessions``. ``connect_timeout`` is for messages: the sessions keep it."""

    def __init__(self, sessions: Sessions, secrets: Secrets, connect_timeout: float) -> None:
        self._sessions = sessions
        self._secrets = secrets
        self._connect_timeout = connect_timeout
        self._waits: deque[float] = deque(maxlen=8)  # seconds until the last answers had their head
        self._waiting = 0  # requests without an answer
        self._last = self._last_shown = ""  # mostly it is the same URL as before

    @property
    def waiting(self) -> bool:
        """Whether a request has no answer yet."""
        return self._waiting > 0

    def place(self, url: str) -> Place:
        """Where ``url`` is, as it may be shown."""
        from .faults import Place

        proxy = self._sessions.proxy
        if url != self._last:
            self._last, self._last_shown = url, shown_url(url)
        shown = self._secrets.strike(self._last_shown)
        return Place(shown, shown_url(proxy) if proxy else None, self._connect_timeout)

    async def send(self, outgoing: Outgoing, attempt: Attempt) -> ClientResponse:
        """The answer, its head there, behind all redirects; ``attempt`` is told whose it is.

        Raises an `OggStreamError`; ``attempt`` then says whether it may pass. Cancelled, it leaves no connection.
        """
        self._secrets.add_headers(outgoing.headers)
        check_headers(outgoing.headers)
        self._waiting += 1
        try:
            return await self._follow(outgoing, attempt)
        finally:
            self._waiting -= 1

    async def _follow(self, outgoing: Outgoing, attempt: Attempt) -> ClientResponse:
        for _ in range(MOST_REDIRECTS):
            attempt.url = outgoing.url
            response = await self._translated(outgoing, attempt)
            redirect = self._redirect(response, outgoing)
            if redirect is None:
                return response
            self._give_back(response)
            if not redirect.safe:
                attempt.redirected_from = outgoing.url
                outgoing = outgoing._replace(headers=self._harmless(outgoing.headers))
            outgoing = outgoing._replace(url=redirect.url)
        raise SourceError(f"{self.place(outgoing.url).url} redirects to nowhere; check the URL")

    def _redirect(self, response: ClientResponse, outgoing: Outgoing) -> Redirect | None:
        """Where to go on. Raises `SourceError` for a redirect that must not, or cannot, be followed."""
        if not 300 <= response.status < 400:
            return None
        location = response.headers.get("Location", "")
        redirect = redirect_of(response.status, location, outgoing.url)
        here = self.place(outgoing.url).url
        if redirect is None:
            if not location:
                return None
            response.close()
            where = self._secrets.shown(shown_url(location))
            raise SourceError(f"{here} redirects to {where!r}, which is no usable URL; check the URL")
        if outgoing.body is None and outgoing.method in _WITHOUT_EFFECT:
            return redirect
        if redirect.keeps and redirect.safe:
            return redirect
        response.close()
        goal = self._secrets.strike(shown_url(redirect.url))
        why = "" if redirect.safe else ": what is to be spoken is not sent on to another host unasked"
        message = f"{here} redirects to {goal} (HTTP {response.status}){why}; use that URL if you trust it"
        raise SourceError(message, status=response.status)

    def _harmless(self, headers: Mapping[str, str]) -> dict[str, str]:
        """``headers`` without credentials, known by their name or their value."""
        strike = self._secrets.strike
        return {name: value for name, value in headers.items() if not is_secret_name(name) and strike(value) == value}

    def _give_back(self, response: ClientResponse) -> None:
        """Give the connection back, if the answer is over; else close it."""
        if response.connection is None:
            self._sessions.released()
        response.close()

    async def _translated(self, outgoing: Outgoing, attempt: Attempt) -> ClientResponse:
        try:
            return await self._answered(outgoing, attempt)
        except Exception as error:
            from .faults import connection_error, lasting

            failed = connection_error(error, self.place(outgoing.url), self._secrets)
            if failed is None:
                raise
            attempt.again = None if lasting(error) else {}
            raise failed from self._secrets.cause(error)

    async def _answered(self, outgoing: Outgoing, attempt: Attempt) -> ClientResponse:
        if asking().fresh:
            self._sessions.close_idle()
        doubtful = attempt.repeatable and not asking().doubled and self._sessions.idle_seconds(outgoing.url) > IDLE
        return await (self._raced if doubtful else self._request)(outgoing, attempt)

    async def _raced(self, outgoing: Outgoing, attempt: Attempt) -> ClientResponse:
        """The answer on an idle connection, or on a new one if that takes longer than usual: the first that comes."""
        tasks = [_task(self._request(outgoing, attempt))]
        try:
            await asyncio.wait(tasks, timeout=self._patience)
            if not tasks[0].done() and attempt.stale and not asking().doubled:
                asking().doubled = True
                self._sessions.close_idle()  # they are as old, or older
                events.emit(events.Retrying, delay=0.0, reason=_NO_REPEAT.format(attempt.idle))
                tasks.append(_task(self._request(outgoing, attempt.repeated())))
            return await _first_of(tasks)
        finally:
            await _drop(tasks)

    @property
    def _patience(self) -> float:
        """Seconds to wait for the head; before the first answer, the history's wait for the first sound tells."""
        return max(PATIENCE, _SLACK * max(self._waits, default=asking().usual))

    async def _request(self, outgoing: Outgoing, attempt: Attempt) -> ClientResponse:
        outgoing = outgoing.unpacked()
        loop = asyncio.get_running_loop()
        began = loop.time()
        line = self._sessions.line(outgoing.url) if attempt.repeatable else None
        response = None if line is None else await self._direct(line, outgoing, attempt)
        response = response or await self._pooled(outgoing, attempt)
        if outgoing.method != "OPTIONS":  # which is answered by a server, not by a voice
            self._waits.append(loop.time() - began)
        return response

    async def _direct(self, line: Line, outgoing: Outgoing, attempt: Attempt) -> Any:
        """The answer, on a connection that was begun ahead; None if that did not come about."""
        from .direct import ask

        attempt.idle = line.idle
        attempt.stale = attempt.idle > IDLE
        try:
            return await ask(line, outgoing.encoded(), attempt.report, self._connect_timeout)
        except TimeoutError as error:
            from aiohttp import ConnectionTimeoutError

            raise ConnectionTimeoutError from error

    async def _pooled(self, outgoing: Outgoing, attempt: Attempt) -> ClientResponse:
        session = await self._sessions.get()
        from yarl import URL

        attempt.has_body = outgoing.body is not None
        with self._sessions.making_room(attempt, _BLOCKED):
            return await session.request(
                outgoing.method,
                URL(outgoing.url, encoded=outgoing.url.isascii() and " " not in outgoing.url),
                headers=outgoing.headers,
                data=outgoing.body,
                proxy=self._sessions.proxy_argument(outgoing.url),
                allow_redirects=False,
                trace_request_ctx=attempt,
            )


def _task(request: Coroutine[Any, Any, ClientResponse]) -> asyncio.Task[ClientResponse]:
    return asyncio.create_task(request, name="oggstream-request")


async def _first_of(tasks: list[asyncio.Task[ClientResponse]]) -> ClientResponse:
    """The first result; the last one's exception if there is none."""
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.exception() is None:
                return tasks.pop(tasks.index(task)).result()
    return tasks[-1].result()


async def _drop(tasks: list[asyncio.Task[ClientResponse]]) -> None:
    """Cancel what is not wanted any more, and close what came of it. This holds if it is cancelled itself, too."""
    for task in tasks:
        task.cancel()
        task.add_done_callback(_close)
    if tasks:
        await asyncio.wait(tasks)


def _close(task: asyncio.Task[ClientResponse]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
