"""The speech that a broadcast is giving: how far it is, and by which clock it is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ...audio.frame import RATE
from .plain_packets import PlainPackets

if TYPE_CHECKING:
    from ...audio.ring import PcmRing


class Clock(Protocol):
    """By which a speech is heard."""

    def heard(self) -> int:
        """Samples at 48 kHz that have been heard by now."""
        ...

    @property
    def held(self) -> bool:
        """Whether what was given waits, though it is there."""
        ...


class RingClock:
    """That of the sink which reads ``ring``; ``time`` is that of the event loop."""

    def __init__(self, ring: PcmRing, time: Callable[[], float]) -> None:
        self._ring = ring
        self._time = time

    def heard(self) -> int:
        """As the ring knows it. What stretching put in counts, which is milliseconds."""
        return self._ring.heard_at(self._time()) * RATE // self._ring.rate

    @property
    def held(self) -> bool:
        """Until the policy lets it begin or go on after a stall, and while it is paused."""
        ring = self._ring
        return not ring.done and (not ring.playing or ring.paused or ring.stalled)


class OwnClock:
    """Sound is heard as it is given, one part behind the other."""

    held = False

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._given = 0
        self._ends = time()

    def add(self, samples: int) -> None:
        """So many more were given now."""
        self._given += samples
        self._ends = max(self._ends, self._time()) + samples / RATE

    @property
    def left(self) -> float:
        """Seconds until all is heard."""
        return max(0.0, self._ends - self._time())

    def heard(self) -> int:
        """What was given, but for what is still to come."""
        return max(0, self._given - round(self.left * RATE))


class OnAir:
    """One speech: its ``number``, and the ``position`` up to which packets were given."""

    def __init__(self, number: int, clock: Clock) -> None:
        self.number = number
        self.clock = clock
        self.packets = PlainPackets()
        self.position = 0
        self.ended = False
        """No packets follow."""
        self.sending: asyncio.Timeout | None = None
        """Ends what hands on the packets, where that is not a player."""
