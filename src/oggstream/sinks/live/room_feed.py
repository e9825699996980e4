"""Keeps a room of another endpoint supplied with what a broadcast gives, on one WebSocket after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import DeviceError
from .packet_messages import Places, fields_of, message_of

if TYPE_CHECKING:
    from aiohttp import ClientSession, ClientWebSocketResponse

    from .broadcast import Broadcast
    from .room_address import RoomAddress

CONNECT_SECONDS = 10.0
"""Longest wait for a connection and for its handshake."""
SEND_SECONDS = 10.0
"""Longest wait until the room takes more; then the connection counts as lost."""
HEARTBEAT_SECONDS = 15.0
"""After which a silent room is asked whether it lives; it has half as long to answer."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
"""Seconds before a lost room is asked for again: each time twice as long."""
CLOSE_SECONDS = 1.0
"""Longest wait for what was given to be sent, once the broadcast is closed."""
MOST_NEWS = 20
"""Warnings that wait for a speech."""
log = logging.getLogger("oggstream.live")


class RoomFeed:
    """Sends what ``broadcast`` gives to the room at ``address``, as it comes: the room has a clock of its own.

    ``news`` is what became of the connection, to be told.
    """

    def __init__(self, address: RoomAddress, broadcast: Broadcast) -> None:
        self.news: deque[str] = deque(maxlen=MOST_NEWS)
        self._address = address
        self._broadcast = broadcast
        self._opening = asyncio.Lock()
        self._session: ClientSession | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._connected = False

    async def open(self) -> None:
        """Connect and begin, once. Raises `DeviceError`."""
        async with self._opening:
            if self._keeping is None:
                try:
                    socket = await self._connect()
                except BaseException:
                    await self._close_session()
                    raise
                self._connected = True  # so that leaving lets the task begin: only then it closes the socket
                self._keeping = asyncio.get_running_loop().create_task(self._keep(socket), name="oggstream-live")

    async def aclose(self) -> None:
        """Leave the room; the broadcast is closed, and what it has given is sent."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            if self._connected:
                await asyncio.wait({keeping}, timeout=CLOSE_SECONDS)
            keeping.cancel()
            await asyncio.wait({keeping})
        await self._close_session()

    async def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _connect(self) -> ClientWebSocketResponse:
        """A connection to the room. Raises `DeviceError`, which says why there is none."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=True)
        address = self._address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._session.ws_connect(
                    address.url, headers=address.headers, heartbeat=HEARTBEAT_SECONDS, compress=0
                )
        except aiohttp.WSServerHandshakeError as error:
            raise DeviceError(address.refused(error.status)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise DeviceError(address.unreachable(error)) from None

    async def _keep(self, socket: ClientWebSocketResponse) -> None:
        """Send until the broadcast is closed, on one connection after the other."""
        while True:
            async with socket:
                if await self._send(socket):
                    return
            self._tell(f"the connection to {self._address.shown} is lost: it is made again")
            socket = await self._connected_again()

    async def _connected_again(self) -> ClientWebSocketResponse:
        pause, said = FIRST_PAUSE, ""
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                socket = await self._connect()
            except DeviceError as error:
                if str(error) != said:
                    said = str(error)
                    self._tell(said)
            else:
                self._tell(f"{self._address.shown} is there again")
                return socket

    async def _send(self, socket: ClientWebSocketResponse) -> bool:
        """Send what is on the air from now on. Returns whether that ended, and not the connection."""
        listening = asyncio.create_task(self._listen(socket))
        sending = asyncio.create_task(self._send_items(socket))
        self._connected = True
        try:
            await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
            return sending.done() and sending.result()
        finally:
            self._connected = False
            for task in (listening, sending):
                task.cancel()
            await asyncio.gather(listening, sending, return_exceptions=True)

    async def _send_items(self, socket: ClientWebSocketResponse) -> bool:
        places = Places()
        async with self._broadcast.taker() as taker:
            try:
                async for item in taker:
                    async with asyncio.timeout(SEND_SECONDS):
                        if (place := places.before(item)) is not None:
                            await _send(socket, place)
                        await _send(socket, message_of(item))
            except (ConnectionError, TimeoutError):
                return False
        return True

    async def _listen(self, socket: ClientWebSocketResponse) -> None:
        """Hear what the room says until it closes: what is wrong."""
        async for message in socket:
            fields = fields_of(message.data) if isinstance(message.data, str) else None
            if fields is not None and fields["type"] == "error":
                error = fields.get("error")
                self._tell(f"{self._address.shown}: {error.get('message') if isinstance(error, dict) else error}")

    def _tell(self, message: str) -> None:
        line = self._address.without_key(message)
        log.warning("%s", line)
        self.news.append(line)


async def _send(socket: ClientWebSocketResponse, message: str | bytes) -> None:
    with suppress(RuntimeError):  # it is being closed, which the other task notices
        await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
