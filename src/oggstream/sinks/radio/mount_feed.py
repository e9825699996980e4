"""Keeps a mount of Icecast supplied with what a broadcast gives, on one connection after the other."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from socket import gaierror
from ssl import SSLError
from typing import TYPE_CHECKING

from ...errors import DeviceError
from ...opus.head import OpusHead
from ...opus.opus_writer import OggOpusWriter
from ...opus.remux import VENDOR
from ...opus.tags import OpusTags
from ..live.live_item import LivePacket, SpeechBegun
from ..live.pacing import Paced
from .mount import Refusal
from .source_client import CONNECT_SECONDS, SourceClient

if TYPE_CHECKING:
    from ..live.broadcast import Broadcast
    from .mount import Mount

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a lost mount is asked for again: each time twice as long, until it has been held for the longest."""
CLOSE_SECONDS = 1.0
"""Longest wait for the end of the stream to be sent."""
MOST_NEWS = 20
"""Warnings that wait for a speech."""
BEHIND_SECONDS = 20.0
"""What a blocked loop missed is sent at once: it is all in time for listeners, of whom Icecast holds seconds."""
PACKETS_PER_PAGE = 10
PRE_SKIP = 3840
"""Of the first link: listeners that join drop 80 ms, in which their decoder settles (RFC 7845 section 4.6)."""
log = logging.getLogger("oggstream.icecast")


class MountFeed:
    """Sends the packets of ``broadcast``, in real time and with silence between its speeches, to ``mount``.

    ``title`` is asked when a speech begins: another one begins a link with tags that say so. ``news`` is what became of
    the connection, to be told.
    """

    def __init__(
        self, mount: Mount, headers: Mapping[str, str], broadcast: Broadcast, title: Callable[[], str]
    ) -> None:
        self.news: deque[str] = deque(maxlen=MOST_NEWS)
        self._mount = mount
        self._headers = headers
        self._broadcast = broadcast
        self._title = title
        self._serial = 0
        self._opening = asyncio.Lock()
        self._sending: asyncio.Task[None] | None = None
        self._connected = False

    async def open(self) -> None:
        """Connect and begin, once. Raises `DeviceError`."""
        async with self._opening:
            if self._sending is None:
                try:
                    client = await SourceClient.connected(self._mount, self._headers)
                except (OSError, Refusal) as error:
                    raise DeviceError(f"Icecast does not take {self._mount.place}: {_reason(error)}") from None
                self._connected = True
                self._sending = asyncio.get_running_loop().create_task(self._keep_sending(client))

    async def aclose(self) -> None:
        """Leave the mount; the broadcast is closed, and what it has given is sent."""
        sending, self._sending = self._sending, None
        if sending is not None:
            if self._connected:
                await asyncio.wait({sending}, timeout=CLOSE_SECONDS)
            sending.cancel()
            await asyncio.wait({sending})

    async def _keep_sending(self, client: SourceClient) -> None:
        """Send until the broadcast is closed."""
        pause, time = FIRST_PAUSE, asyncio.get_running_loop().time
        while True:
            began = time()
            async with client:
                if await self._send_all(client):
                    return
            if time() - began >= LONGEST_PAUSE:
                pause = FIRST_PAUSE
            client, pause = await self._connected_again(pause)

    async def _connected_again(self, pause: float) -> tuple[SourceClient, float]:
        """A new connection, and the pause before the one after it."""
        time, place = asyncio.get_running_loop().time, self._mount.place
        lost, said = time(), ""
        self._tell(f"Icecast dropped {place}: it is asked to take it again")
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                client = await SourceClient.connected(self._mount, self._headers)
            except (OSError, Refusal) as error:
                if (why := _reason(error)) != said:
                    self._tell(f"Icecast does not take {place} again: {why}")
                said = why
            else:
                self._tell(f"Icecast took {place} again after {time() - lost:.1f} s")
                return client, pause

    async def _send_all(self, client: SourceClient) -> bool:
        """Send all that is on the air from now on. Returns whether that ended, and not the connection."""
        self._connected = True
        try:
            await self._send(client)
        except OSError:
            return False
        finally:
            self._connected = False
        return True

    async def _send(self, client: SourceClient) -> None:
        title = self._title()
        link = self._link(title, PRE_SKIP)
        await client.send(link.headers())
        async with Paced(self._broadcast.taker(), most_behind=BEHIND_SECONDS) as items:
            async for item in items:
                if isinstance(item, LivePacket):
                    if page := link.write(item.data, item.samples):
                        await client.send(page)
                elif isinstance(item, SpeechBegun) and (now := self._title()) != title:
                    title, end = now, link.finish()
                    link = self._link(title, 0)  # listeners that hear both links would miss what is dropped
                    await client.send(end + link.headers())
        await client.send(link.finish())

    def _link(self, title: str, pre_skip: int) -> OggOpusWriter:
        """The next link of the stream. Its head says stereo, which packets of mono are decoded to as well."""
        self._serial += 1
        tags = OpusTags(VENDOR, (f"TITLE={title}",))
        return OggOpusWriter(OpusHead.simple(2, pre_skip, serial=self._serial), tags, PACKETS_PER_PAGE)

    def _tell(self, message: str) -> None:
        log.warning("%s", message)
        self.news.append(message)


def _reason(error: OSError | Refusal) -> str:
    """Why a connection could not be had, in a few words."""
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:g} s"
    if isinstance(error, gaierror):
        return "its host is not known"
    if isinstance(error, SSLError):  # its numbers are its own
        return "TLS fails with it: its certificate must be valid, and its port one for TLS"
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "it cannot be reached"
