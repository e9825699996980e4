"""A mount of Icecast as a sink."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from socket import gaierror

from ...errors import DeviceError, UsageError
from ...events import Warned, emit
from ...opus.head import OpusHead
from ...opus.opus_writer import OggOpusWriter
from ...opus.remux import VENDOR
from ...opus.tags import OpusTags
from ..live.broadcast import Broadcast
from ..live.live_item import LivePacket, SpeechBegun
from ..live.pacing import Paced
from ..sink import SinkFormat, SinkTraits
from .mount import Mount, Refusal
from .source_client import CONNECT_SECONDS, SourceClient

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a lost mount is asked for again: each further time twice as long, until it was held for the longest."""
CLOSE_SECONDS = 1.0
"""Longest wait for the end of the stream to be sent."""
MOST_NEWS = 20
"""Warnings that wait for a speech."""
PACKETS_PER_PAGE = 10
PRE_SKIP = 3840
"""Of the first link: listeners that join drop 80 ms, in which their decoder settles (RFC 7845 section 4.6)."""
log = logging.getLogger("oggstream.icecast")


class IcecastSink(Broadcast):
    """Speaks to a mount of Icecast 2: one endless stream of Ogg Opus, in real time, silence between speeches included.

    ``url`` is ``icecast://source:PASSWORD@HOST:PORT/MOUNT``, or ``icecasts://`` for TLS; without a password in it, that
    of ``OGGSTREAM_ICECAST_PASSWORD`` is used. ``name``, ``description`` and ``genre`` are what the server shows of the
    mount. ``title`` may be set at any time: the next speech begins a link of the stream with that title in its tags,
    which listeners show. The packets are the service's own; it is a `Broadcast`, which local takers may join.

    `prepare` connects, and raises `DeviceError` if Icecast cannot be reached or refuses. A mount that is lost later is
    asked for again, after 0.5 to 30 s, while speeches go on; each loss and return is a `Warned` event of the speech at
    hand. Raises `UsageError` for what is no address; no message shows the password.
    """

    traits = SinkTraits(name="icecast")

    def __init__(
        self, url: str, *, name: str = "oggstream", description: str = "", genre: str = "speech", title: str = ""
    ) -> None:
        super().__init__()
        self.title = title
        self._mount = Mount.parse(url)
        given = {"Ice-Name": name, "Ice-Description": description, "Ice-Genre": genre, "Ice-Public": "0"}
        for value in given.values():
            if not value.isprintable():
                raise UsageError("what Icecast shows of a mount is one line of text")
        self._headers = {header: value for header, value in given.items() if value}
        self._name = name
        self._serial = 0
        self._opening = asyncio.Lock()
        self._sending: asyncio.Task[None] | None = None
        self._connected = False
        self._news: deque[str] = deque(maxlen=MOST_NEWS)  # to be told to the speech at hand

    async def prepare(self) -> SinkFormat:
        """Connect, once. Raises `DeviceError`."""
        async with self._opening:
            if self._sending is None:
                try:
                    client = await SourceClient.connected(self._mount, self._headers)
                except (OSError, Refusal) as error:
                    raise DeviceError(f"Icecast does not take {self._mount.place}: {_reason(error)}") from None
                self._sending = asyncio.get_running_loop().create_task(self._keep_sending(client))
        return await super().prepare()

    def check(self) -> None:
        """Tell the speech at hand what became of the connection."""
        while self._news:
            emit(Warned, message=self._news.popleft())

    async def aclose(self) -> None:
        """Interrupt the speech, end the stream and leave the mount."""
        await super().aclose()
        sending, self._sending = self._sending, None
        if sending is not None:
            if self._connected:
                await asyncio.wait({sending}, timeout=CLOSE_SECONDS)
            sending.cancel()
            await asyncio.wait({sending})

    async def _keep_sending(self, client: SourceClient) -> None:
        """Send until the broadcast is closed, on one connection after the other."""
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
        """Send all that is on the air from now on. Whether that ended, and not the connection."""
        self._connected = True
        try:
            await self._send(client)
        except OSError:
            return False
        finally:
            self._connected = False
        return True

    async def _send(self, client: SourceClient) -> None:
        title, link = self.title, self._link(PRE_SKIP)
        await client.send(link.headers())
        async with Paced(self.taker()) as items:
            async for item in items:
                if isinstance(item, LivePacket):
                    if page := link.write(item.data, item.samples):
                        await client.send(page)
                elif isinstance(item, SpeechBegun) and self.title != title:
                    end, title, link = link.finish(), self.title, self._link(0)  # what is dropped would be missing
                    await client.send(end + link.headers())
        await client.send(link.finish())

    def _link(self, pre_skip: int) -> OggOpusWriter:
        """The next link of the stream. Its head says stereo, which packets of mono are decoded to as well."""
        self._serial += 1
        tags = OpusTags(VENDOR, (f"TITLE={self.title or self._name}",))
        return OggOpusWriter(OpusHead.simple(2, pre_skip, serial=self._serial), tags, PACKETS_PER_PAGE)

    def _tell(self, message: str) -> None:
        log.warning("%s", message)
        self._news.append(message)


def _reason(error: OSError | Refusal) -> str:
    """Why a connection could not be had, in a few words."""
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:g} s"
    if isinstance(error, gaierror):
        return "its host is not known"
    return os.strerror(error.errno).lower() if error.errno else "it cannot be reached"
