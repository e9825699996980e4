"""A WebSocket of a speech service: read by a task of its own, probed when it was idle, and closed.

Importing this module loads no aiohttp: that happens with the first connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import OggStreamError, SourceBrokenError
from ..http.exchange import json_body
from .messages import LONGEST_MESSAGE, parse_message

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse, WSMessage

Message = Mapping[str, Any]

TRUSTED_SECONDS = 1.0
"""Seconds after the last byte during which a connection counts as alive. After that, a ping precedes a request."""
PONG_SECONDS = 1.5
"""Seconds in which any byte must follow that ping; otherwise the request is sent again on a new connection."""
_SEND_SECONDS = 5.0  # for a few hundred bytes to be sent


class Conversation(Protocol):
    """What is said on a connection: no socket, no clock. What it returns is to be sent.

    ``failure``: why it cannot go on. ``idle``: nothing is awaited from the service.
    """

    failure: OggStreamError | None

    @property
    def idle(self) -> bool:
        """Nothing is awaited."""
        ...

    def receive(self, event: object) -> Iterable[Message]:
        """Take a message of the service."""
        ...

    def receive_binary(self, data: bytes) -> Iterable[Message]:
        """Take a binary message of the service."""
        ...

    def connection_lost(self, code: int | None, reason: str) -> None:
        """The connection was closed, with ``code`` and ``reason``, if any."""
        ...

    def malformed(self, what: str) -> None:
        """The service sent something that cannot be read."""
        ...

    def fail(self, error: OggStreamError, retry_headers: Mapping[str, str] | None = None) -> None:
        """End everything with ``error``. ``retry_headers``: when to ask once more, None for not at all."""
        ...


class SocketConnection:
    """An open WebSocket. Its ``reader`` task ends with it; `aclose` is the way to end both.

    ``place`` is the URL as it may be shown. ``longest_use``: seconds after which it gets nothing new.
    """

    def __init__(
        self, socket: ClientWebSocketResponse, conversation: Conversation, place: str, *, longest_use: float
    ) -> None:
        self._socket = socket
        self._conversation = conversation
        self._place = place
        self._longest_use = longest_use
        self._retired = False
        self._opened = self._seen = now_by_both()  # when it was opened, and when the last byte came
        self._came = asyncio.Event()
        self.reader = asyncio.create_task(self._read(), name="oggstream-socket")

    @property
    def open(self) -> bool:
        """Whether anything new may go to it."""
        age = asyncio.get_running_loop().time() - self._opened[0]
        alive = not self._retired and self._conversation.failure is None and not self.reader.done()
        return alive and age < self._longest_use

    def retire(self) -> None:
        """Take nothing new, and close when what is under way has ended."""
        self._retired = True
        self.close_when_done()

    async def aclose(self) -> None:
        """Close at once; speech under way breaks off. On return the task and the socket are gone."""
        self.reader.cancel()
        await asyncio.wait((self.reader,))
        await self._socket.close()  # a task that is cancelled before its first step does nothing

    def close_when_done(self) -> None:
        """Close it if it is retired and nothing is under way."""
        if self._finished:
            self.reader.cancel()

    @property
    def _finished(self) -> bool:
        return self._retired and self._conversation.idle

    @property
    def is_doubtful(self) -> bool:
        """Whether it was idle for so long that it may be dead. A service that is at work may be slow to answer a ping.

        Both clocks count: the loop's clock may stop while the machine sleeps.
        """
        unseen = max(now - seen for now, seen in zip(now_by_both(), self._seen, strict=True))
        return self._conversation.idle and unseen > TRUSTED_SECONDS

    async def next_message(self) -> None:
        """Wait until anything has come, or it has ended."""
        self._came.clear()
        await self._came.wait()

    async def probe(self) -> None:
        """Ping. Without an answer in `PONG_SECONDS` all that is under way fails, and may be retried."""
        import aiohttp

        asyncio.get_running_loop().call_later(PONG_SECONDS, self._give_up_unless_seen, self._seen)
        try:
            async with asyncio.timeout(PONG_SECONDS):
                await self._socket.ping()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return  # the reader or the timer notices

    def _give_up_unless_seen(self, seen: tuple[float, float]) -> None:
        if self._seen == seen and not self.reader.done():
            gone = SourceBrokenError(f"{self._place} does not answer on a connection that was idle")
            self._conversation.fail(gone, {})
            self.reader.cancel()

    async def send(self, message: Message) -> None:
        """Send a message. The reader notices a broken connection, after it has read what came before the break.

        Raises `SourceBrokenError` if the service reads nothing, which also ends all that is under way.
        """
        import aiohttp

        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._socket.send_str(json_body(message).decode())
        except TimeoutError as error:
            gone = SourceBrokenError(f"{self._place} does not take what is sent to it; try again")
            self._conversation.fail(gone, {})
            self.reader.cancel()
            raise gone from error
        except (aiohttp.ClientError, OSError):
            return

    async def send_all(self, messages: Iterable[Message]) -> None:
        """Send ``messages``. Never fails: the reader tells of a connection that is gone."""
        for message in messages:
            try:
                await self.send(message)
            except OggStreamError:
                return

    async def _read(self) -> None:
        """Pass messages on until either side closes the connection."""
        try:
            while self._conversation.failure is None and not self._finished:
                await self._receive()
                self._came.set()
        finally:
            self._conversation.fail(SourceBrokenError(f"the connection to {self._place} was closed"), {})
            self._came.set()
            await self._socket.close()

    async def _receive(self) -> None:
        from aiohttp import WSMsgType

        message = await self._socket.receive()
        self._seen = now_by_both()
        match message.type:
            case WSMsgType.TEXT:
                await self._take(message.data)
            case WSMsgType.BINARY:
                await self.send_all(self._conversation.receive_binary(message.data))
            case WSMsgType.PING:
                await self._answer_ping(message.data)
            case WSMsgType.PONG:
                pass
            case WSMsgType.ERROR:
                self._fail_with(message.data)
            case _:
                self._lost(message)

    async def _take(self, text: str) -> None:
        try:
            event = parse_message(text)
        except ValueError as error:
            self._conversation.malformed(str(error))
            return
        await self.send_all(self._conversation.receive(event))

    async def _answer_ping(self, data: bytes) -> None:
        import aiohttp

        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._socket.pong(data)
        except (TimeoutError, aiohttp.ClientError, OSError):
            return

    def _lost(self, message: WSMessage) -> None:
        from aiohttp import WSMsgType

        reason = message.extra if message.type is WSMsgType.CLOSE else None
        self._conversation.connection_lost(self._socket.close_code, reason or "")

    def _fail_with(self, error: BaseException) -> None:
        """Report what aiohttp found: a frame that breaks RFC 6455, one that is too long, no answer to a ping."""
        code = getattr(error, "code", None)
        if code is None:
            self._conversation.connection_lost(None, "it does not answer any more")
        elif code == 1009:
            self._conversation.malformed(f"a message of more than {LONGEST_MESSAGE >> 20} MB")
        else:
            self._conversation.malformed("frames that are no WebSocket's")


def now_by_both() -> tuple[float, float]:
    """Seconds by the loop's clock and by the wall clock."""
    return asyncio.get_running_loop().time(), time.time()
