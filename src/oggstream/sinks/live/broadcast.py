"""One speech after the other, handed to any number of takers as the packets that the service sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...errors import UsageError
from ...events import WordStarted, speech_number
from ...rules import number
from ..null_sink import NullSink
from ..sink import Closing, SinkFormat, SinkTraits
from .live_item import Flushed, LiveItem, LivePacket, SpeechEnded, WordHeard
from .on_air import OnAir, OwnClock, RingClock
from .shared_log import SharedLog
from .taker import Joining, Taker

if TYPE_CHECKING:
    from ...annotations import Word
    from ...audio.ring import PcmRing
    from ...body.body_reader import BodyItem
    from ...opus.items import AudioPacket
    from .on_air import Clock

SETTLED = 3840
"""Samples that a decoder which begins in the middle needs to be right (RFC 7845 section 4.6)."""
AHEAD_SECONDS = 2.0
"""How far `Broadcast.send` is ahead of what is heard, as far as the ring of a `Player` is."""
_SECONDS = number(0.1, 3600)


class Broadcast(Closing):
    """A sink whose sound is taken as packets, by as many as like, each from the moment at which it joins.

    ``Player(sink=broadcast)`` and `play_stream` speak into it, alone or beside other sinks, and so does `send`. The
    packets are the service's own; only what is no plain Opus (samples, several streams, a gain in the head) is encoded,
    once for all. They are handed on as they come, ahead of what is heard by as much as the ring holds (``ring_seconds``
    of `PlaybackOptions`). Alone, it has a clock of its own, as a device has: speeches last as long as they sound, with
    nobody listening too, and `Heard`, words, `Player.stop` and `Player.pause` are as with a device.

    ``seconds`` (0.1 to 3600) of packets are kept for takers that are slow. What one of them has not taken by then it
    loses, packet by packet, and nobody else notices. An interruption drops what is not taken, and tells all takers
    (`Flushed`). While a player is paused nothing more is sent. Packets cannot be made quieter: takers get them at the
    volume at which the service speaks, whatever ``volume`` and ``gain`` say; ``pause`` of the options, the silence
    between pieces, is not applied either.

    All its methods, and those of its takers, are called on one event loop. Raises `UsageError` for other ``seconds``.
    """

    traits = SinkTraits(name="broadcast")

    def __init__(self, *, seconds: float = 30.0) -> None:
        _SECONDS("seconds", seconds)
        self._log: SharedLog[LiveItem] = SharedLog(seconds)
        self._device = NullSink()
        self._speech: OnAir | None = None
        self._number = 0
        self._sending = asyncio.Lock()

    # The side of the takers.

    def taker(self, *, seconds: float | None = None, now: bool = True) -> Taker:
        """One more taker, which may be ``seconds`` behind, at most those of the broadcast (None).

        In the middle of a speech it begins 80 ms before what is heard now; these packets are marked to be dropped once
        decoded, so that sound begins at once and without noise. Without ``now`` it begins with the next speech. After
        `aclose` it is at its end. Raises `UsageError` for other ``seconds``, and on another event loop.
        """
        _SECONDS("seconds", seconds)
        samples = self._log.samples if seconds is None else round(seconds * RATE)
        joining = self._heard_now() if now else Joining(self._log.end)
        return Taker(self._log, samples, joining, self._is_held)

    @property
    def listeners(self) -> int:
        """How many takers there are."""
        return len(self._log.readers)

    def tell(self, word: WordStarted | Word) -> None:
        """Tell the takers, as a `WordHeard`, of a word of the speech at hand.

        A player tells those that are heard by itself; those of `send` are for the caller to tell, as `stream_packets`
        tells them. Nothing happens between speeches.
        """
        if self._speech is None:
            return
        number, sample = self._speech.number, word.sample if isinstance(word, WordStarted) else word.start_sample
        if isinstance(word, WordStarted):  # it may be the last one of the speech before
            number = word.speech or number
        self._log.append(WordHeard(number, word.text, word.start, word.end, sample))

    def _heard_now(self) -> Joining:
        """The place in the log from which a decoder is right when it comes to what is heard now."""
        speech, at = self._speech, self._log.end
        heard = 0 if speech is None else speech.clock.heard()
        if speech is None or heard >= speech.position:
            return Joining(at)
        for place, item in self._log.backwards():
            if item.number != speech.number:
                break
            if isinstance(item, LivePacket):
                at = place
                if item.position <= heard - SETTLED:
                    break
        return Joining(at, speech.number, heard)

    def _is_held(self, number: int) -> bool:
        return self._speech is not None and self._speech.number == number and self._speech.clock.held

    # The side of the speech.

    async def prepare(self) -> SinkFormat:
        """Any number of channels, at 48 kHz."""
        return SinkFormat(None, RATE)

    def start(self, ring: PcmRing) -> None:
        """A speech begins, and is heard as its own clock reads ``ring``."""
        self._begin(RingClock(ring, self._log.bind().time))
        self._device.start(ring)

    def take(self, body: int, item: BodyItem) -> None:
        """Hand on the packets that ``item`` completes, of the body of that number of the speech."""
        if self._speech is not None:
            self._hand_on(self._speech, self._speech.packets.take(body, item))

    async def drain(self) -> None:
        """Everything was taken: the speech has its last packets now. Return when it is heard to its end."""
        speech = self._speech
        if speech is not None:
            self._end(speech)
        await self._device.drain()
        if speech is self._speech:
            self._speech = None

    def abort(self) -> None:
        """Interrupt the speech: what is not taken is dropped, and takers drop what they hold."""
        if self._speech is not None:
            self._interrupt(self._speech)
        self._device.abort()

    async def aclose(self) -> None:
        """Interrupt the speech; takers get what they have not taken yet, and then the end."""
        self.abort()
        self._log.close()

    async def send(self, packets: AsyncIterable[AudioPacket]) -> None:
        """Hand on the packets of one speech, those of `stream_packets`; return when they have been heard.

        They are asked for as they are heard, at most 2 s ahead, and ``packets`` is closed in the end, if it can be.
        Speeches that are sent at once follow each other. Raises what ``packets`` raises, and `UsageError` while a
        player speaks; cancelling interrupts. Returns early when `abort` interrupts it, or a
        player.
        """
        async with AsyncExitStack() as stack:
            if isinstance(packets, AsyncGenerator):
                stack.push_async_callback(packets.aclose)
            await stack.enter_async_context(self._sending)
            if self._speech is not None:
                raise UsageError("a player is speaking into this broadcast: send when it has ended")
            clock = OwnClock(self._log.bind().time)
            speech = self._begin(clock)
            try:
                await self._send(speech, clock, packets)
            except TimeoutError:
                if speech is self._speech:  # it was not interrupted
                    raise
            except asyncio.CancelledError:
                self._interrupt(speech)
                raise
            finally:
                self._leave(speech)

    async def _send(self, speech: OnAir, clock: OwnClock, packets: AsyncIterable[AudioPacket]) -> None:
        """Hand on the packets as they are heard. Raises `TimeoutError` when the speech is interrupted."""
        async with asyncio.timeout(None) as limit:
            speech.sending = limit
            try:
                async for packet in packets:
                    if speech is not self._speech:  # interrupted just now
                        return
                    clock.add(packet.samples - packet.trim_start - packet.trim_end)
                    self._hand_on(speech, [packet])
                    if clock.left > AHEAD_SECONDS:
                        await asyncio.sleep(clock.left - AHEAD_SECONDS)
                self._end(speech)
                await asyncio.sleep(clock.left)
            finally:
                speech.sending = None

    def _begin(self, clock: Clock) -> OnAir:
        if self._speech is not None:
            self._leave(self._speech)
        self._number = speech_number() or self._number + 1
        self._speech = OnAir(self._number, clock)
        return self._speech

    def _hand_on(self, speech: OnAir, packets: Iterable[AudioPacket]) -> None:
        for packet in packets:
            data, _, samples, start, end = packet
            self._log.append(LivePacket(data, samples, start, end, speech.number, speech.position), samples)
            speech.position += samples - start - end

    def _end(self, speech: OnAir) -> None:
        """No packets follow."""
        if not speech.ended:
            self._hand_on(speech, speech.packets.finish())
            speech.ended = True
            self._log.append(SpeechEnded(speech.number))

    def _leave(self, speech: OnAir) -> None:
        """No more is heard of the speech, if it is still the one on the air."""
        if speech is self._speech:
            self._end(speech)
            self._off_air(speech)

    def _off_air(self, speech: OnAir) -> None:
        self._speech = None
        if speech.sending is not None:
            speech.sending.reschedule(0)  # long ago

    def _interrupt(self, speech: OnAir) -> None:
        """What is not heard of the speech is not to be heard, if it is still the one on the air."""
        if speech is not self._speech:
            return
        heard = speech.clock.heard()
        self._off_air(speech)
        if heard < speech.position or not speech.ended:
            self._log.flush()
            self._log.append(Flushed(speech.number, heard))
