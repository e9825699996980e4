"""The Realtime API's WebSocket: set up, read by a task of its own, probed when it was idle, and closed.

Importing this module loads no aiohttp: that happens with the first connection.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ...errors import OggStreamError, SourceBrokenError
from ..http.client import json_body
from .dialect import Dialect
from .messages import LONGEST_EVENT, Event, Setup, parse_event
from .protocol import RealtimeProtocol

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from ..http.redaction import Secrets
    from .pending_response import PendingResponse

HEARTBEAT = 20.0
"""Seconds without a byte after which the service is pinged; it has half as long to answer."""
LONGEST_USE = 55 * 60.0
"""Seconds after which a connection gets no new pieces: OpenAI ends a session after 60 minutes, in mid-word."""
TRUSTED_SECONDS = 1.0
"""Seconds after the last byte during which a connection counts as alive. After that, a ping precedes a request."""
PONG_SECONDS = 1.5
"""Seconds in which any byte must follow that ping; otherwise the request is sent again on a new connection."""
GREETING_SECONDS = 0.3
"""Seconds to wait for the first event of a service whose dialect is not known."""
_SEND_SECONDS = 5.0  # for a few hundred bytes to be sent


class Connection:
    """An open WebSocket, set up for ``setup``. Its reader task ends with it; `aclose` is the way to end both.

    ``dialect``: the dialect of the service; None: found from its first event.
    """

    def __init__(
        self,
        socket: ClientWebSocketResponse,
        setup: Setup,
        place: str,
        secrets: Secrets,
        dialect: Dialect | None = None,
    ) -> None:
        self._socket = socket
        self._setup = setup
        self._place = place
        self._protocol = RealtimeProtocol(place, secrets, setup, dialect)
        self._dialect_is_known = dialect is not None
        self._used = False  # a response was asked for
        self._retired = False
        self._opened = self._seen = _now()  # when it was opened, and when the last byte came
        self._event_came = asyncio.Event()
        self.reader = asyncio.create_task(self._read(), name="oggstream-realtime")

    @property
    def open(self) -> bool:
        """Whether new pieces may go to it."""
        age = asyncio.get_running_loop().time() - self._opened[0]
        alive = not self._retired and self._protocol.failure is None and not self.reader.done()
        return alive and age < min(LONGEST_USE, self._lifetime)

    @property
    def dialect(self) -> Dialect | None:
        """The dialect that the service accepts; None until it has accepted the set-up."""
        return self._protocol.dialect if self._protocol.is_set_up else None

    def fits(self, setup: Setup) -> bool:
        """Whether it is set up as ``setup`` says."""
        return self._setup == setup

    async def adapt(self, setup: Setup) -> bool:
        """Change the set-up if possible: a voice is fixed once it has spoken, a speed while it speaks."""
        free = not self._used or (self._setup.voice == setup.voice and self._protocol.idle)
        if self._setup.model != setup.model or not free:
            return False
        self._setup = setup
        try:
            await self.set_up()
        except OggStreamError:  # it is gone
            return False
        return True

    async def set_up(self) -> None:
        """Send the set-up. Requests need not wait for the answer: the service takes events in order."""
        if not self._dialect_is_known:
            await self._greeted()
            self._protocol.use(self._protocol.greeting or Dialect())
            self._dialect_is_known = True
        await self._send(self._protocol.set_up(self._setup))

    async def ready(self) -> None:
        """Wait for the answer to the set-up, and to a ping if the connection was idle. Raises what it failed with."""
        seen = self._seen if self._is_doubtful else None
        if seen is not None:
            await self._probe()
        while self._protocol.failure is None and not (self._protocol.is_set_up and self._seen != seen):
            await self._next_event()
        if self._protocol.failure is not None:
            raise self._protocol.failure

    async def ask(self, pending: PendingResponse) -> None:
        """Send the request for ``pending``. Raises `SourceBrokenError`, with ``retry_headers`` set.

        A connection that was idle may be dead without any sign, for example when a router has dropped it. A ping
        precedes the request, which costs no time; without an answer all pending requests fail and may be retried.
        """
        self._used = True
        if self._is_doubtful:
            await self._probe()
        for event in self._protocol.ask(pending):
            await self._send(event)

    async def drop(self, pending: PendingResponse) -> None:
        """Cancel ``pending`` unless it has ended. Never fails."""
        for event in self._protocol.drop(pending):
            try:
                await self._send(event)
            except OggStreamError:
                return
        self._close_when_done()

    def retire(self) -> None:
        """Take no new requests, and close when those under way have ended."""
        self._retired = True
        self._close_when_done()

    async def aclose(self) -> None:
        """Close at once; speech under way breaks off. On return the task and the socket are gone."""
        self.reader.cancel()
        await asyncio.wait((self.reader,))
        await self._socket.close()  # a task that is cancelled before its first step does nothing

    def _close_when_done(self) -> None:
        if self._finished:
            self.reader.cancel()

    @property
    def _finished(self) -> bool:
        return self._retired and self._protocol.idle

    @property
    def _lifetime(self) -> float:
        """Seconds that the service grants the session, less a minute; ignored if the two clocks disagree."""
        usable = (self._protocol.expires_at or 0.0) - self._opened[1] - 60.0
        return usable if usable > 60.0 else LONGEST_USE

    @property
    def _is_doubtful(self) -> bool:
        """Whether it was idle for so long that it may be dead. A service that is at work may be slow to answer a ping.

        Both clocks count: the loop's clock may stop while the machine sleeps.
        """
        unseen = max(now - seen for now, seen in zip(_now(), self._seen, strict=True))
        return self._protocol.idle and unseen > TRUSTED_SECONDS

    async def _greeted(self) -> None:
        """Wait briefly for the first event of the service."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                while self._protocol.greeting is None and self._protocol.failure is None:
                    await self._next_event()
        except TimeoutError:
            return

    async def _next_event(self) -> None:
        self._event_came.clear()
        await self._event_came.wait()

    async def _probe(self) -> None:
        import aiohttp

        asyncio.get_running_loop().call_later(PONG_SECONDS, self._give_up_unless_seen, self._seen)
        try:
            async with asyncio.timeout(PONG_SECONDS):
                await self._socket.ping()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return  # the reader or the timer notices

    def _give_up_unless_seen(self, seen: tuple[float, float]) -> None:
        if self._seen == seen and not self.reader.done():
            self._protocol.fail(SourceBrokenError(f"{self._place} does not answer on a connection that was idle"), {})
            self.reader.cancel()

    async def _send(self, event: Event) -> None:
        """Send an event. The reader notices a broken connection, after it has read what came before the break.

        Raises `SourceBrokenError` if the service reads nothing, which also ends all responses.
        """
        import aiohttp

        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._socket.send_str(json_body(event).decode())
        except TimeoutError as error:
            gone = SourceBrokenError(f"{self._place} does not take what is sent to it; try again")
            self._protocol.fail(gone, {})
            self.reader.cancel()
            raise gone from error
        except (aiohttp.ClientError, OSError):
            return

    async def _read(self) -> None:
        """Pass events to the protocol until either side closes the connection."""
        try:
            while self._protocol.failure is None and not self._finished:
                await self._receive()
                self._event_came.set()
        finally:
            self._protocol.fail(SourceBrokenError(f"the connection to {self._place} was closed"), {})
            self._event_came.set()
            await self._socket.close()

    async def _receive(self) -> None:
        from aiohttp import WSMsgType

        message = await self._socket.receive()
        self._seen = _now()
        match message.type:
            case WSMsgType.TEXT:
                await self._take(message.data)
            case WSMsgType.PING:
                await self._answer_ping(message.data)
            case WSMsgType.PONG | WSMsgType.BINARY:  # the protocol has no binary events
                pass
            case WSMsgType.ERROR:
                self._fail_with(message.data)
            case _:
                reason = message.extra if message.type is WSMsgType.CLOSE else None
                self._protocol.connection_lost(self._socket.close_code, reason or "")

    async def _take(self, text: str) -> None:
        try:
            event = parse_event(text)
        except ValueError as error:
            self._protocol.malformed(str(error))
            return
        for answer in self._protocol.receive(event):
            try:
                await self._send(answer)
            except OggStreamError:
                return

    async def _answer_ping(self, data: bytes) -> None:
        import aiohttp

        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._socket.pong(data)
        except (TimeoutError, aiohttp.ClientError, OSError):
            return

    def _fail_with(self, error: BaseException) -> None:
        """Report what aiohttp found: a frame that breaks RFC 6455, one that is too long, no answer to a ping."""
        code = getattr(error, "code", None)
        if code is None:
            self._protocol.connection_lost(None, "it does not answer any more")
        elif code == 1009:
            self._protocol.malformed(f"an event of more than {LONGEST_EVENT >> 20} MB")
        else:
            self._protocol.malformed("frames that are no WebSocket's")


def _now() -> tuple[float, float]:
    """Seconds by the loop's clock and by the wall clock."""
    return asyncio.get_running_loop().time(), time.time()
