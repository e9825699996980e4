"""Endless Ogg Opus of a broadcast, made once for all who listen over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...ogg.page_writer import MAX_SEGMENTS, PageWriter, segments
from ...opus.head import OpusHead
from ...opus.padding import padded
from ...opus.remux import VENDOR
from ...opus.tags import OpusTags
from .live_item import LivePacket, SpeechBegun
from .pacing import TICK_SECONDS, Pacer
from .shared_log import LogReader, SharedLog

if TYPE_CHECKING:
    from .broadcast import Broadcast
    from .taker import Taker

PAGE_SAMPLES = 9600
"""Of a page, at most: 200 ms."""
AHEAD_SECONDS = 0.3
"""How early the packets of a speech are sent, if they are there: a listener never waits for a page."""
PRE_SKIP = 3840
"""What each listener drops at its start, so that its decoder has settled (RFC 7845 section 4.6)."""
KEPT_SECONDS = 30.0
"""Of pages, for listeners that are slow."""


class EndlessOgg:
    """Packets to the pages of one link that never ends. Its head and tags stand before wherever a listener begins.

    So many bytes of ``padding`` follow the tags (RFC 7845 section 5.2), at most 64,000 with them.

    The head says stereo: a decoder then plays packets of both kinds, and mono ones take no more bytes.
    """

    def __init__(self, tags: OpusTags, serial: int = 1, padding: int = 0) -> None:
        self._pages = PageWriter(serial)
        head = OpusHead.simple(2, PRE_SKIP, serial=serial)
        self.headers = self._pages.page([bytes(head)], 0, bos=True) + self._pages.page(
            [bytes(tags) + bytes(padding)], 0
        )
        """The first two pages."""
        self._packets: list[bytes] = []
        self._segments = 0
        self.pending = 0
        """Samples of the packets that are on no page yet."""
        self._granule = 0

    def fits(self, packet: LivePacket) -> bool:
        """Whether the page at hand has room for ``packet``."""
        full = self.pending + packet.samples > PAGE_SAMPLES
        return not self._packets or not (full or self._segments + segments(len(packet.data)) > MAX_SEGMENTS)

    def add(self, packet: LivePacket) -> None:
        """Put a packet on the page at hand, which must have room."""
        self._packets.append(packet.data)
        self._segments += segments(len(packet.data))
        self.pending += packet.samples

    def page(self) -> bytes:
        """The page at hand, complete; no bytes if nothing is on it."""
        if not self._packets:
            return b""
        self._granule += self.pending
        page = self._pages.page(self._packets, self._granule)
        self._packets, self._segments, self.pending = [], 0, 0
        return page


class LivePages:
    """The pages of a broadcast in real time, silence between its speeches included, for any number of listeners.

    All get the same pages, of 200 ms at most: the same serial number, page numbers and positions that go on whatever
    happens; each gets the head first. Where a speech begins, its first page leaves at once. Nothing is made while
    nobody listens. ``comments`` (``NAME=value``) stand in the tags.
    """

    def __init__(
        self, broadcast: Broadcast, comments: Iterable[str] = (), *, padding: int = 0, byte_rate: int = 0
    ) -> None:
        self._broadcast = broadcast
        self._byte_rate = byte_rate
        self._ogg = EndlessOgg(OpusTags(VENDOR, tuple(comments)), padding=padding)
        self._log: SharedLog[bytes] = SharedLog(KEPT_SECONDS)
        self._taker: Taker | None = None
        self._pacer: Pacer | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def listeners(self) -> int:
        """How many listeners there are."""
        return len(self._log.readers)

    def listener(self, *, seconds: float = KEPT_SECONDS) -> PageListener:
        """One more listener, which begins with the page at hand, and may be ``seconds`` behind."""
        if self._log.closed:
            return PageListener(self._log, 0, self._log.end, b"")
        if self._taker is None:
            self._go_on()
        return PageListener(self._log, round(seconds * RATE), self._log.end - 1, self._ogg.headers)

    def close(self) -> None:
        """Make no more pages; listeners get those that are there, and then the end."""
        self._rest()
        self._leave()
        self._log.close()

    def _go_on(self) -> None:
        """The first listener has come: it gets a page at once."""
        loop = self._log.bind()
        self._log.flush()
        self._taker = self._broadcast.taker()
        self._pacer = Pacer(self._taker, loop.time() - PAGE_SAMPLES / RATE)
        self._tick()

    def _rest(self) -> None:
        """The last listener has gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._taker is not None:
            self._taker.close()
        self._taker = self._pacer = self._timer = None

    def _tick(self) -> None:
        if self._taker is None or self._pacer is None:
            return
        if self._taker.closed:
            self.close()
        elif self._timer is not None and not self._log.readers:
            self._rest()
        else:
            loop = asyncio.get_running_loop()
            self._make(self._pacer, loop.time())
            self._timer = loop.call_later(TICK_SECONDS, self._tick)

    def _make(self, pacer: Pacer, now: float) -> None:
        """The pages that are due. One with the first packets of a speech leaves at once, and one before it too."""
        begins = False
        for item in pacer.due(now, AHEAD_SECONDS):
            if isinstance(item, SpeechBegun):
                begins = True
                self._leave()
            elif isinstance(item, LivePacket):
                if not self._ogg.fits(item):
                    self._leave()
                self._ogg.add(item._replace(data=padded(item.data, self._byte_rate * item.samples // RATE)))
        if begins or self._ogg.pending >= PAGE_SAMPLES:
            self._leave()

    def _leave(self) -> None:
        samples = self._ogg.pending
        if page := self._ogg.page():
            self._log.append(page, samples)


class PageListener(LogReader[bytes]):
    """An asynchronous iterator over the bytes of a stream; the first ones are its head. See `LogReader`.

    A slow one passes over whole pages, which its decoder conceals; ``lost`` counts them.
    """

    def __init__(self, log: SharedLog[bytes], samples: int, at: int, headers: bytes) -> None:
        super().__init__(log, samples, max(at, log.flushed))
        self._headers = headers

    def _given(self, item: bytes) -> tuple[bytes]:
        headers, self._headers = self._headers, b""
        return (headers + item,)
