"""The playback side: decodes the received items of successive pieces of text into a ring."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...audio.frame import RATE, PcmFrame
from ...audio.ring import PcmRing
from ...opus.items import AudioPacket, NextBody, PageBegun, PageSettled, PageWithdrawn
from ...sinks.sink import PacketSink, underflows_of

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...options import PlaybackOptions
    from ...playout.habits import Habits
    from ...sinks.sink import Sink, SinkFormat
    from ..segment import Segment
    from .decoding import Saved, Sound, SpeechDecoder
    from .pacing import Pacing
    from .ring_writer import Mark, RingWriter

SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.1  # seconds between two checks of the ring
COVERED_SECONDS = 0.05  # with less than this in the ring, a concealment tail is written
TAIL_SECONDS = 0.06
KEPT_SECONDS = 0.2  # of the ring's next samples, which are no longer withdrawn
EAGER_SECONDS = 0.5  # with less than this buffered, a packet does not wait for its page


class Outlet:
    """Decodes pushed items into a ring, which is made once the formats of the sink and of the speech are known.

    Everything is decoded on the event loop, 35 us a packet. A packet that arrives while the ring has room is in the
    ring before `push` returns; the rest waits in its segment until `top_up` finds room.
    """

    def __init__(self, sink: Sink, options: PlaybackOptions, pacing: Pacing) -> None:
        self.ring: PcmRing | None = None
        self.writer: RingWriter | None = None
        self.decoder: SpeechDecoder | None = None
        self.channels = 0  # of the first body with audio, or of the options
        self.peak = 0.0  # the most seconds ever buffered
        self.withdrawn = 0  # samples at the ring's rate that were withdrawn unheard
        self.unverified = 0  # the same, but already heard
        self.word_pace = 0.0  # audible samples for each weight of words, of the last piece whose words were estimated
        self.on_ring: Callable[[PcmRing], None] | None = None  # called before the sink gets the ring
        self.settled = asyncio.Event()  # there is a ring, or there will never be one
        self.closed = False  # no segment will be added
        self.broken = False  # the speech ended early
        self._sink = sink
        self._options = options
        self._pacing = pacing
        self._segments: deque[Segment] = deque()  # those that are not completely decoded
        self._arriving: Segment | None = None  # the first one that is not completely received
        self._format: SinkFormat | None = None  # known once the sink is open
        self._page: tuple[Saved, Mark] | None = None  # the start of the page that is played while incomplete
        self._tail_taken = False  # the decoder has given its last samples
        self._underflows_before = 0  # of the sink, when it got the ring
        self._take = sink.take if isinstance(sink, PacketSink) else None  # gets all items, before they are decoded
        self._body = 0  # the number of the body that is being decoded

    # Input.

    def attach(self, sink_format: SinkFormat) -> None:
        """The sink is open and the codec loaded: from now on, decode packets for a ring of that format."""
        self._format = sink_format
        self.top_up()

    def add(self, segment: Segment) -> None:
        """Append a piece of text that is being requested."""
        self._segments.append(segment)
        if self._arriving is None:
            self._arriving = segment
            if segment.index:
                self._pacing.joined()

    def wants_early(self, segment: Segment) -> bool:
        """Whether packets of this segment should be passed on before their page is complete."""
        return (
            self._options.early
            and not self._pacing.at_once
            and segment is self._arriving
            and (self.decoder is None or self.decoder.transparent)
            and self.buffered() < EAGER_SECONDS
        )

    def expect(self, segment: Segment) -> None:
        """The audio of ``segment`` is on its way: make what its first packet will need."""
        if segment is self._segments[0]:
            self._open_ring()

    def push(self, segment: Segment, items: list[BodyItem]) -> None:
        """Take received items, and decode as many as there is room for."""
        if not segment.received:  # the first packet waits neither for the rest of its page nor for the policy
            first = _first_audio(items)
            self._receive(segment, items[:first])
            items = items[first:]
            self._open_ring()
            if self.writer is not None and not self.finished:
                self._decode_all(self.writer)
        self._receive(segment, items)
        self.top_up()

    def end(self, segment: Segment) -> None:
        """Nothing more will be received for this piece."""
        segment.ended = True
        self.broken = self.broken or segment.broken
        if segment is self._arriving:
            self._join_next()
        self._settle()
        self.top_up()

    def close(self, *, broken: bool = False) -> None:
        """No further piece will be added (``broken``: the speech ends early): playback of the rest need not wait."""
        self.closed = True
        self.broken = self.broken or broken
        self._settle()
        self.top_up()

    def drop_behind(self, segment: Segment) -> None:
        """Drop the pieces after this one, which failed."""
        while self._segments and self._segments[-1].index > segment.index:
            self._segments.pop()

    def foresee(self, segment: Segment) -> tuple[list[tuple[int, int]], int]:
        """The loudness of everything received for a segment, and how many samples (48 kHz) of it must stay."""
        if self.decoder is None:
            from .decoding import foreseen

            return foreseen(segment, None, self._options.gain), 0
        return self.decoder.foresee(segment), self.must_stay(segment)

    def must_stay(self, segment: Segment) -> int:
        """How many samples (48 kHz) of a segment cannot be withdrawn any more."""
        decoded = segment.loudness[-1][0] if segment.loudness else 0
        if self.decoder is None or self.writer is None or not decoded:
            return 0
        if not self.decoder.transparent or self._take is not None or segment is not self._segments[0]:
            return decoded
        return max(0, decoded - max(0, self.writer.unread - round(KEPT_SECONDS * RATE)))

    def keep(self, segment: Segment, samples: int) -> None:
        """Withdraw the received audio of a segment after its first ``samples`` (48 kHz)."""
        decoded = segment.loudness[-1][0] if segment.loudness else 0
        segment.queue.keep(max(0, samples - decoded))
        if samples < decoded and self.writer is not None and self.decoder is not None:
            self.writer.cut_back(self.writer.speech - (decoded - samples))
            self.decoder.forget(segment, decoded - samples)
        segment.queue.extend([NextBody()])
        segment.received = (segment.loudness[-1][0] if segment.loudness else 0) + segment.queue.samples

    async def room(self, segment: Segment) -> None:
        """Wait while the queue is too long, so that a service that sends hours at once is read no further."""
        while segment.queue.bytes > self._options.queue_bytes:  # noqa: ASYNC110  # the audio thread wakes nobody
            await asyncio.sleep(LONGEST_PAUSE)

    def _receive(self, segment: Segment, items: list[BodyItem]) -> None:
        samples = segment.push(items)
        if segment is self._arriving:
            self._pacing.arrived(samples / RATE)

    def _join_next(self) -> None:
        """The arriving piece is complete: what was received of the next ones can now be played without a gap."""
        assert self._arriving is not None
        behind = [segment for segment in self._segments if segment.index > self._arriving.index]
        self._arriving = None
        for segment in behind:
            self._pacing.joined()
            self._pacing.arrived(segment.received / RATE)
            if not segment.ended:
                self._arriving = segment
                return

    def _settle(self) -> None:
        if self.closed and self._arriving is None:
            self._pacing.ended()
            if not any(segment.queue.samples for segment in self._segments) and self.writer is None:
                self.settled.set()

    # State.

    @property
    def finished(self) -> bool:
        """Whether the whole speech is in the ring."""
        if self.ring is None:
            return self.closed and self.settled.is_set()
        return self.ring.length is not None

    @property
    def at_once(self) -> bool:
        """Whether the sink takes samples as fast as they come."""
        return self._pacing.at_once

    @property
    def samples(self) -> int:
        """Samples decoded, at 48 kHz."""
        return self.decoder.samples if self.decoder else 0

    @property
    def underflows(self) -> int:
        """How often the device has run dry since it got this speech."""
        return underflows_of(self._sink) - self._underflows_before if self.ring is not None else 0

    @property
    def first_audible(self) -> int | None:
        """Position (48 kHz) of the first sample above -50 dBFS."""
        return self.decoder.first_audible if self.decoder else None

    @property
    def concealed(self) -> float:
        """Seconds of concealment, for lost and for late packets."""
        if self.decoder is None or self.writer is None:
            return 0.0
        return self.decoder.lost / RATE + self.writer.concealed / self.writer.ring.rate

    @property
    def pause(self) -> float:
        """Seconds until the next check of the ring."""
        if self.writer is None or self.ring is None:
            return LONGEST_PAUSE
        if self._waiting:
            pause = self.ring.fill / self.ring.rate / 4
        elif self.writer.covered or not self._conceals or not self._segments:
            pause = self._pacing.again
        else:
            pause = min(self._pacing.again, self.writer.unread / self.ring.rate - COVERED_SECONDS)
        return min(max(pause, SHORTEST_PAUSE), LONGEST_PAUSE)

    @property
    def characters_per_second(self) -> float:
        """The speed of the voice, an estimate until it is known."""
        return self._pacing.characters_per_second

    @property
    def habits(self) -> Habits | None:
        """The known habits of the service, None if there are none."""
        return self._pacing.habits

    def buffered(self) -> float:
        """Seconds that can be played without a gap: received, unplayed, and with nothing missing before them."""
        waiting = 0
        for segment in self._segments:
            waiting += segment.queue.samples
            if segment is self._arriving:
                break
        return waiting / RATE + self._unread()

    def queued(self, segment: Segment) -> int:
        """Bytes received and not decoded yet, of that segment and of those before it."""
        return sum(earlier.queue.bytes for earlier in self._segments if earlier.index <= segment.index)

    def unheard(self) -> float:
        """Seconds received and not played yet."""
        return sum(segment.queue.samples for segment in self._segments) / RATE + self._unread()

    def _unread(self) -> float:
        return self.writer.unheard / self.writer.ring.rate if self.writer else 0.0

    @property
    def _waiting(self) -> bool:
        """Whether something could be decoded if the ring had room."""
        assert self.writer is not None
        return self.writer.pending or bool(self._segments and self._segments[0].queue)

    # Output.

    def top_up(self) -> None:
        """Decode into the ring until it is full or the queue is empty; start or resume playback if it is time."""
        self.peak = max(self.peak, self.unheard())
        self._open_ring()
        if self.writer is None or self.finished:
            return
        self._pacing.decide(self.writer, self.buffered())
        self._decode_all(self.writer)
        self._pacing.release(self.writer, waiting=self._waiting)
        self._cover()
        self._finish()

    def _decode_all(self, writer: RingWriter) -> None:
        """Decode until the ring is full or the queue is empty; let playback begin meanwhile if the policy allows."""
        while writer.flush():
            self._pacing.release(writer, waiting=self._waiting)
            item = self._next()
            if item is None:
                return
            self._decode(item)

    def _open_ring(self) -> None:
        """Make the ring and its writer, once the formats of the sink and of the first audio are known."""
        if self.ring is not None or self._format is None:
            return
        while self._segments and self._segments[0].ended and not self._segments[0].queue:
            silent = self._segments.popleft()  # it has no audio
            silent.start = silent.stop = 0
        if not self._segments:
            return
        segment = self._segments[0]
        body_channels = self._options.channels or segment.channels or segment.intake.channels
        if not body_channels or not (segment.channels or self._format.channels):
            return
        from ...playout.stretch import PreemptiveExpander
        from .decoding import SpeechDecoder
        from .ring_writer import RingWriter

        self.channels = body_channels
        channels, rate = self._format.channels or body_channels, self._format.rate
        self.decoder = SpeechDecoder(channels, rate, self._options)
        self.decoder.begin(segment)
        self.ring = PcmRing(channels, rate, self._options.ring_seconds)
        self.ring.resume_fill = self.ring.capacity  # after a stall the policy resumes, not the ring
        self.writer = RingWriter(self.ring, PreemptiveExpander(channels, rate), self._options.volume)
        if self.on_ring is not None:
            self.on_ring(self.ring)
        self._underflows_before = underflows_of(self._sink)
        self._sink.start(self.ring)
        self.settled.set()

    def _next(self) -> BodyItem | None:
        """The next item to be decoded; None if there is none now."""
        assert self.decoder is not None
        while self._segments:
            segment = self._segments[0]
            self.decoder.begin(segment)
            if segment.queue:
                return segment.queue.pop()
            if not segment.ended:
                return None
            self._write(self.decoder.end_piece())
            self._segments.popleft()
            self._place(segment)
        return None

    def _decode(self, item: BodyItem) -> None:
        assert self.decoder is not None
        assert self.writer is not None
        kind = type(item)
        if kind is PageBegun:
            self._page = self.decoder.save(), self.writer.mark()
        elif kind is PageSettled:
            self._page = None
            self.writer.settle()
        elif kind is PageWithdrawn:
            self._take_back()
        elif kind is NextBody:
            self._body += 1
        else:
            if self._take is not None:
                self._take(self._body, item)
            self._write(self.decoder.decode(item))

    def _take_back(self) -> None:
        """Withdraw the page that was played while incomplete and is damaged."""
        assert self.decoder is not None
        assert self.writer is not None
        if self._page is not None:
            (saved, mark), self._page = self._page, None
            self.decoder.restore(saved)
            withdrawn, heard = self.writer.take_back(mark)
            self.withdrawn += withdrawn
            self.unverified += heard

    def _write(self, sounds: list[Sound]) -> None:
        assert self.writer is not None
        if sounds and self._segments[0].start is None:
            self._segments[0].start = self.writer.speech
        for pcm, concealed in sounds:
            self.writer.write(pcm, concealed=concealed)
        assert self.decoder is not None
        self.decoder.note()
        segment = self._segments[0]
        if segment.start is not None:
            segment.origin = self.decoder.origin(segment.start)

    def _place(self, segment: Segment) -> None:
        """Note where the segment, now completely decoded, lies in the speech."""
        assert self.writer is not None
        self._body += 1
        segment.stop = self.writer.speech
        if segment.start is None:
            segment.start = segment.stop

    @property
    def _conceals(self) -> bool:
        """Whether a late packet is covered; where samples are taken at once, none is late."""
        return self._options.conceal and not self._pacing.at_once

    def _cover(self) -> None:
        """While the ring is low, write a concealment tail, to be heard if the next packet is late."""
        writer, ring = self.writer, self.ring
        assert writer is not None
        assert ring is not None
        if not self._conceals or writer.covered or self._waiting or not self._segments:
            return
        if ring.playing and not ring.stalled and writer.unread < COVERED_SECONDS * ring.rate:
            assert self.decoder is not None
            tail = self.decoder.tail(TAIL_SECONDS)
            if tail is not None:
                writer.cover(tail)

    def _finish(self) -> None:
        """Mark the end of the speech in the ring, once everything is decoded."""
        if not self.closed or self._segments:
            return
        assert self.writer is not None
        assert self.decoder is not None
        if not self._tail_taken:
            self._tail_taken = True
            for pcm, concealed in self.decoder.finish():
                self.writer.write(pcm, concealed=concealed)
        self.writer.finish(broken=self.broken)


def _first_audio(items: list[BodyItem]) -> int:
    """The number of items up to and including the first one with sound."""
    for count, item in enumerate(items, 1):
        if isinstance(item, AudioPacket | PcmFrame):
            return count
    return len(items)
