"""The Realtime API's WebSocket: opened, read by a task of its own, kept between pieces, and closed.

Importing this module loads no aiohttp: that happens with the first connection.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from ...errors import OggStreamError, SourceBrokenError
from ..http.client import json_body
from .dialogue import Dialogue, Event
from .messages import Setup, session_update

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from ..http.redaction import Secrets
    from .pending import Piece

LONGEST_MESSAGE = 8 << 20
"""Bytes of an event of the service: two minutes of speech in one frame."""
HEARTBEAT = 20.0
"""Seconds without a byte after which the service is asked whether it is there; it has half as long to answer."""
LONGEST_USE = 55 * 60.0
"""Seconds after which a connection gets no new pieces: OpenAI ends a session after 60 minutes, in mid-word."""
_SEND_SECONDS = 5.0  # for a few hundred bytes to go out
_CLOSE_SECONDS = 0.5  # for the other end to say that it closes too


class Connection:
    """An open WebSocket, set up for ``setup``. Its reader task ends with it; `aclose` is the way to end both."""

    def __init__(self, socket: ClientWebSocketResponse, setup: Setup, place: str, secrets: Secrets) -> None:
        self._socket = socket
        self._setup = setup
        self._place = place
        self._dialogue = Dialogue(place, secrets, setup.coding)
        self._used = False  # whether it may have spoken
        self._retired = False
        self._born = asyncio.get_running_loop().time()
        self._born_at = time.time()
        self._moved = asyncio.Event()  # set with every event of the service
        self.reader = asyncio.create_task(self._read(), name="oggstream-realtime")

    @property
    def open(self) -> bool:
        """Whether new pieces may go to it."""
        age = asyncio.get_running_loop().time() - self._born
        alive = not self._retired and self._dialogue.failure is None and not self.reader.done()
        return alive and age < min(LONGEST_USE, self._lifetime)

    def fits(self, setup: Setup) -> bool:
        """Whether it is set up so."""
        return self._setup == setup

    async def adapt(self, setup: Setup) -> bool:
        """Set it up anew, if it can be: a voice is fixed once it has spoken, a speed while it speaks."""
        free = not self._used or (self._setup.voice == setup.voice and self._dialogue.idle)
        if self._setup.model != setup.model or not free:
            return False
        self._setup = setup
        self._dialogue.coding = setup.coding
        try:
            await self.set_up()
        except OggStreamError:  # it is gone
            return False
        return True

    async def set_up(self) -> None:
        """Say how to speak; what is asked for need not wait for the answer, for events are taken in order."""
        await self._send(session_update(self._setup))

    async def ready(self) -> None:
        """Return when the service has answered the set-up. Raises what it failed with."""
        while not self._dialogue.set_up and self._dialogue.failure is None:
            self._moved.clear()
            await self._moved.wait()
        if self._dialogue.failure is not None:
            raise self._dialogue.failure

    async def ask(self, piece: Piece) -> None:
        """Ask for ``piece``; on return it is on the wire. Raises `SourceBrokenError`, with ``piece.again`` set."""
        self._used = True
        await self._send(self._dialogue.ask(piece))

    async def forget(self, piece: Piece) -> None:
        """Want no more of ``piece``: it is cancelled unless it has ended. Never fails."""
        for event in self._dialogue.forget(piece):
            try:
                await self._send(event)
            except OggStreamError:
                return
        self._rest()

    def retire(self) -> None:
        """Take no new pieces, and close when those under way have ended."""
        self._retired = True
        self._rest()

    async def aclose(self) -> None:
        """Close at once; pieces under way break off. On return the task and the socket are gone."""
        self.reader.cancel()
        await asyncio.wait((self.reader,))
        await self._socket.close()  # a task that is cancelled before its first step does nothing

    def _rest(self) -> None:
        if self._finished:
            self.reader.cancel()

    @property
    def _finished(self) -> bool:
        return self._retired and self._dialogue.idle

    @property
    def _lifetime(self) -> float:
        """Seconds that the service gives the session, less a minute; not believed where the two clocks disagree."""
        usable = (self._dialogue.expires_at or 0.0) - self._born_at - 60.0
        return usable if usable > 60.0 else LONGEST_USE

    async def _send(self, event: Event) -> None:
        """Put an event on the wire. A line that is cut is found by the reader, after what the service said before.

        Raises `SourceBrokenError` when the service takes nothing, which also ends all pieces.
        """
        import aiohttp

        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._socket.send_str(json_body(event).decode())
        except TimeoutError as error:
            gone = SourceBrokenError(f"{self._place} does not take what is sent to it; try again")
            self._dialogue.fail(gone, {})
            self.reader.cancel()
            raise gone from error
        except (aiohttp.ClientError, OSError):
            return

    async def _read(self) -> None:
        """Pass events on until the connection ends, whoever ends it."""
        try:
            while self._dialogue.failure is None and not self._finished:
                await self._receive()
                self._moved.set()
        finally:
            self._dialogue.fail(SourceBrokenError(f"the connection to {self._place} was closed"), {})
            self._moved.set()
            await self._socket.close()

    async def _receive(self) -> None:
        from aiohttp import WSMsgType

        message = await self._socket.receive()
        if message.type is WSMsgType.TEXT:
            await self._take(message.data)
        elif message.type is WSMsgType.ERROR:
            self._broken(message.data)
        elif message.type is not WSMsgType.BINARY:  # which the protocol does not have
            reason = message.extra if message.type is WSMsgType.CLOSE else None
            self._dialogue.lost(self._socket.close_code, reason or "")

    async def _take(self, text: str) -> None:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            self._dialogue.garbled("what is no JSON")
            return
        for answer in self._dialogue.receive(event):
            try:
                await self._send(answer)
            except OggStreamError:
                return

    def _broken(self, error: BaseException) -> None:
        """What aiohttp found: a frame that breaks RFC 6455, one that is too long, no answer to a ping."""
        code = getattr(error, "code", None)
        if code is None:
            self._dialogue.lost(None, "it does not answer any more")
        elif code == 1009:
            self._dialogue.garbled(f"an event of more than {LONGEST_MESSAGE >> 20} MB")
        else:
            self._dialogue.garbled("frames that are no WebSocket's")
