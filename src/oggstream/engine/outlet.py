"""The playing side: queued packets become samples in a ring, as fast as the ring takes them."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from importlib import import_module
from typing import TYPE_CHECKING

from ..audio.frame import RATE, PcmFrame
from ..audio.ring import PcmRing
from ..events import Recorder, Started
from ..playout.start import StartRule
from ..threads import in_thread
from .queue import PacketQueue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..audio.convert import Converter
    from ..options import PlaybackOptions
    from ..opus.decoder import FrameDecoder
    from ..opus.head import OpusHead
    from ..opus.reader import Item, StreamStats
    from ..sinks.base import Sink, SinkFormat

SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.1  # seconds between two looks at the ring
HEADERS_AND_PACKET = 3  # items until the first sound
AUDIBLE = 10 ** (-50 / 20)  # -50 dBFS


async def load_codec() -> None:
    """Load numpy and libopus: 0.1 s the first time, which is spent in a thread while the request is under way.

    Raises `LibraryError`.
    """
    if not _load_codec.cache_info().currsize:
        await in_thread(_load_codec)


@functools.cache
def _load_codec() -> None:
    from ..opus import library

    import_module("oggstream.opus.reader")
    import_module("oggstream.audio.convert")
    import_module("numpy")
    library.load()


class Outlet:
    """Decodes what `push` brings into a ring, made when both the sink's format and the first packet are known.

    Everything is decoded on the event loop, 35 us a packet. A packet that arrives while the ring has room is in the
    ring before `push` returns; the rest waits in ``queue`` until `run` finds room.
    """

    def __init__(self, sink: Sink, options: PlaybackOptions, stats: StreamStats, recorder: Recorder) -> None:
        self.queue = PacketQueue()
        self.ring: PcmRing | None = None
        self.channels = 0  # of the first link that has audio, or those asked for
        self.samples = 0  # decoded, at 48 kHz
        self.concealed = 0  # of these
        self.first_audible: int | None = None  # position of the first sample above -50 dBFS
        self.peak = 0.0  # most seconds ever buffered
        self.settled = asyncio.Event()  # there is a ring, or there will never be one
        self.ended = False  # nothing more will be pushed
        self._broken = False  # though more was expected
        self._sink = sink
        self._options = options
        self._stats = stats
        self._recorder = recorder
        self._rule = StartRule(options.start_buffer or 0.1)
        self._format: SinkFormat | None = None  # known once the sink is open
        self._head: OpusHead | None = None  # of the link that is being received
        self._decoder: FrameDecoder | None = None
        self._converter: Converter | None = None
        self._pending: deque[NDArray[np.float32]] = deque()  # decoded, but the ring was full
        self._tail_taken = False  # the converter has given its last samples

    def attach(self, sink_format: SinkFormat) -> None:
        """The sink is open and the codec loaded: from now on packets are decoded, for a ring of that format."""
        self._format = sink_format
        self.expect(self._head)
        self.top_up()

    def expect(self, head: OpusHead | None) -> None:
        """A link with this head is on its way: what its first packet will need is made before that is there."""
        self._head = head
        if self.ring is None and self._format is not None and self._format.channels is not None:
            self._open_ring()

    def push(self, items: list[Item]) -> None:
        """Take what was received, and decode as much of it as there is room for."""
        if items and not self.channels:
            from ..opus.head import OpusHead

            head = next(item for item in items if isinstance(item, OpusHead))  # it comes before a link's first audio
            self.channels = self._options.channels or head.channels
        if not self.samples:  # the first packet does not wait until the rest of its page is counted
            self.queue.extend(items[:HEADERS_AND_PACKET])
            self.top_up()
            items = items[HEADERS_AND_PACKET:]
        self.queue.extend(items)
        self.top_up()

    def end(self, *, broken: bool = False) -> None:
        """Nothing more will come (``broken``: though it should): what there is starts, or goes on, at once."""
        self.ended = True
        self._broken = broken
        if not self.queue.samples:
            self.settled.set()
        self.top_up()

    async def room(self) -> None:
        """Wait while the queue is over its bound, so that a service that sends hours at once is not read further."""
        while self.queue.bytes > self._options.queue_bytes:  # noqa: ASYNC110  # the audio thread wakes nobody
            await asyncio.sleep(LONGEST_PAUSE)

    @property
    def finished(self) -> bool:
        """Everything that there will ever be is in the ring."""
        if self.ring is None:
            return self.ended and not self.queue.samples
        return self.ring.length is not None

    @property
    def pause(self) -> float:
        """Seconds until another look at the ring is worth it: short while it is low and something waits for room."""
        if self.ring is None or not (self.queue or self._pending):
            return LONGEST_PAUSE
        return min(max(self.ring.fill / self.ring.rate / 4, SHORTEST_PAUSE), LONGEST_PAUSE)

    def buffered(self) -> float:
        """Seconds received and not yet played, decoded or not."""
        waiting = self.queue.samples / RATE
        if self.ring is None:
            return waiting
        return waiting + (self.ring.fill + sum(map(len, self._pending))) / self.ring.rate

    def top_up(self) -> None:
        """Decode into the ring until it is full or nothing is left."""
        self.peak = max(self.peak, self.buffered())
        if self.ring is None and self.queue.samples:
            self._open_ring()
        if self.ring is None:
            return
        may_start = self._rule.may_start(self.buffered(), ended=self.ended)
        while self._flush():
            if may_start:
                self._begin_when_safe()
            if not self.queue:
                self._finish_when_ended()
                return
            self._decode(self.queue.pop())

    def _open_ring(self) -> None:
        """Make the ring and what fills it, once the sink's format is known and a link begins."""
        if self._format is None or self._head is None:
            return
        from ..audio.convert import Converter
        from ..opus.decoder import FrameDecoder

        channels, rate = self._format
        channels = channels or self.channels
        self._decoder = FrameDecoder(gain=self._options.gain, stats=self._stats)
        self._decoder.expect(self._head)
        self._converter = Converter(channels, rate, via=self._options.channels)
        self.ring = PcmRing(channels, rate, self._options.ring_seconds)
        self.ring.resume_fill = round((self._options.resume_buffer or 0.2) * rate)
        self._sink.start(self.ring)
        self.settled.set()

    def _flush(self) -> bool:
        """Write what was decoded; True when all of it is in the ring."""
        assert self.ring is not None
        while self._pending:
            pcm = self._pending[0]
            taken = self.ring.write(pcm)
            if taken < len(pcm):
                self._pending[0] = pcm[taken:]
                return False
            self._pending.popleft()
        return self.ring.space > 0

    def _decode(self, item: Item) -> None:
        assert self._decoder is not None
        self._take(self._decoder.decode(item))

    def _take(self, frames: list[PcmFrame]) -> None:
        assert self._converter is not None
        for frame in frames:
            for pcm in self._converter.convert(frame):
                self._write(pcm)
            self._note(frame)

    def _write(self, pcm: NDArray[np.float32]) -> None:
        assert self.ring is not None
        if not self._pending:
            pcm = pcm[self.ring.write(pcm) :]
        if len(pcm):
            self._pending.append(pcm)

    def _note(self, frame: PcmFrame) -> None:
        if self.first_audible is None:
            loud = (abs(frame.pcm) > AUDIBLE).any(axis=1)
            if loud.any():
                self.first_audible = frame.position + int(loud.argmax())
        self.samples = frame.position + len(frame.pcm)
        if frame.concealed:
            self.concealed += len(frame.pcm)

    def _begin_when_safe(self) -> None:
        """Let the device have samples once it could not run dry while the rest is being decoded."""
        assert self.ring is not None
        if self.ring.playing or not self.ring.fill:
            return
        if not self.queue or self.ring.fill >= self._rule.start_buffer * self.ring.rate or not self.ring.space:
            self._recorder.record(Started)
            self.ring.begin()

    def _finish_when_ended(self) -> None:
        assert self.ring is not None
        assert self._decoder is not None
        assert self._converter is not None
        if not self.ended or self.ring.length is not None:
            return
        if not self._tail_taken:
            self._tail_taken = True
            self._take(self._decoder.finish())
            for pcm in self._converter.finish():
                self._write(pcm)
        if not self._pending:
            self.ring.finish(broken=self._broken)
