"""The packets of a taker in real time, for those who play them as they come: RTP, endless Ogg, radio."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from ...audio.frame import RATE
from .live_item import (
    FADING_PACKET,
    SILENT_PACKET,
    SILENT_SAMPLES,
    Flushed,
    LiveItem,
    LivePacket,
    SpeechEnded,
    concealing,
)

if TYPE_CHECKING:
    from .taker import Taker

CONCEALED_SAMPLES = 2880
"""For so long a decoder makes up sound when packets are late in mid-speech; then there is silence."""
MOST_BEHIND_SECONDS = 1.0
"""What was missed while the loop was blocked is made up for; beyond this, time was lost."""
TICK_SECONDS = 0.02
_EARLY = 1e-6  # seconds: a timer may come so much too soon


class Pacer:
    """The items of ``taker`` when they are due, and packets of silence (speech 0) where there are none.

    Packets follow each other without a gap from ``now`` on, on any clock in seconds, so that they may be numbered and
    stamped one behind the other; no more comes than time passes. The first one is silence, and from that before the
    middle of a speech a decoder fades in. A speech begins, pauses and stalls as it does on the air.

    Nothing is trimmed any more: packets of which nothing is to be heard are left out, and so are some at the edges of
    bodies, so that what is heard too much at others does not add up, whatever the number of bodies.

    What was missed while the loop was blocked is made up for, if that is no more than ``most_behind`` seconds.
    """

    def __init__(self, taker: Taker, now: float, *, most_behind: float = MOST_BEHIND_SECONDS) -> None:
        self._taker = taker
        self._zero = now
        self._most_behind = most_behind
        self._sent = 0  # samples since then
        self._excess = 0  # of these, those that are not to be heard, since silence last made up for it
        self._speaking: LivePacket | None = None  # the last packet, while more of its speech are to come
        self._concealed = 0  # samples since then

    @property
    def next_at(self) -> float:
        """When the next packet is due at the latest."""
        return self._zero + self._sent / RATE

    def due(self, now: float, ahead: float = 0.0) -> list[LiveItem]:
        """What is due by ``now``. Packets of a speech that are there come up to ``ahead`` seconds early."""
        if now - self.next_at > self._most_behind:
            self._zero += now - self.next_at
        items: list[LiveItem] = []
        while (early := self.next_at - now) <= ahead + _EARLY:
            taken = self._next() if self._sent else []
            items += taken
            if taken and isinstance(taken[-1], LivePacket):
                self._sent += taken[-1].samples
            elif early <= _EARLY:
                items.append(self._filler())
            else:
                break
        return items

    def _next(self) -> list[LiveItem]:
        """The next items, to the next packet that is to be sent, if it is there and may sound."""
        items: list[LiveItem] = []
        while not self._taker.held and (taken := self._taker.take()) is not None:
            for item in taken:
                if not isinstance(item, LivePacket):
                    if isinstance(item, SpeechEnded | Flushed):
                        self._speaking = None
                    items.append(item)
                elif not self._left_out(item):
                    self._speaking = item._replace(trim_start=0, trim_end=0)
                    self._concealed = 0
                    return [*items, self._speaking]
        return items

    def _left_out(self, packet: LivePacket) -> bool:
        """Whether the time that goes by is nearer to what is heard of the speech without ``packet``."""
        if packet.heard <= 0:
            return True
        trimmed = packet.samples - packet.heard
        if packet.trim_end:
            left_out = abs(self._excess - packet.heard) < self._excess + trimmed
        else:  # a speech should not lose its beginning
            left_out = trimmed > 0 and self._excess >= packet.samples
        self._excess += -packet.heard if left_out else trimmed
        return left_out

    def _filler(self) -> LivePacket:
        """A packet for a time for which there is none."""
        speech = self._speaking
        if speech is not None and self._concealed < CONCEALED_SAMPLES:
            data, samples = concealing(speech.data[0])
            filler = LivePacket(data, samples, 0, 0, speech.number, speech.position + speech.samples)
            self._concealed += samples
        else:
            midway = speech is not None or (not self._sent and self._taker.joined_midway)
            filler = LivePacket(FADING_PACKET if midway else SILENT_PACKET, SILENT_SAMPLES, 0, 0, 0, 0)
        self._excess = 0
        self._sent += filler.samples
        return filler


class Paced:
    """An asynchronous iterator over the items of a `Pacer`, each when it is due; leaving it closes its taker.

    It never ends by itself but with the broadcast, or when its taker is closed. ``most_behind`` is as in `Pacer`.
    """

    def __init__(self, taker: Taker, *, most_behind: float = MOST_BEHIND_SECONDS) -> None:
        self._taker = taker
        self._most_behind = most_behind
        self._pacer: Pacer | None = None
        self._ready: deque[LiveItem] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Read no more."""
        self._taker.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LiveItem:
        """The next item, when it is due."""
        time = asyncio.get_running_loop().time
        if self._pacer is None:
            self._pacer = Pacer(self._taker, time(), most_behind=self._most_behind)
        while not self._ready:
            if self._taker.closed:
                raise StopAsyncIteration
            self._ready.extend(self._pacer.due(time()))
            if not self._ready:
                await asyncio.sleep(max(0.0, self._pacer.next_at - time()))
        return self._ready.popleft()
