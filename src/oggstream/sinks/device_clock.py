"""Converts a device's times to the event loop's clock, and detects a device that has stopped."""

from __future__ import annotations

from collections.abc import Callable

CREEP_SECONDS = 1e-6  # per block: lets the two clocks drift apart by 200 ppm at 5 ms a block
STEP_SECONDS = 0.5  # a later offset than this is no wait for the interpreter's lock: one of the clocks was set
HELD, HELD_SECONDS = 1.25, 0.002  # of what a device says that it holds: some have a little more
SETTLING_CALLS = 20
SILENT_SECONDS = 1.0  # without a callback, after which the device counts as gone
LOOK_SECONDS = 0.25  # between looks; a watcher that was held up itself may not judge


class DacClock:
    """Tells when a block reaches the converter, on the clock ``now`` of the event loop.

    PortAudio gives two times on a clock of its own choice: when it called, and when the block's first sample will
    leave the converter. The offset between the clocks is the least that was seen: a callback runs late by its wait for
    the interpreter's lock, never early.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.latency = 0.0
        """What the device promised, for one that does not tell its times."""
        self._now = now
        self._offset: float | None = None

    def at(self, dac: float, called: float) -> float:
        """The time of ``dac``, both times being PortAudio's; now + latency if it is 0 or past (some hosts)."""
        now = self._now()
        if dac <= called:
            return now + self.latency
        offset = now - called
        if self._offset is not None and offset - self._offset < STEP_SECONDS:
            offset = min(offset, self._offset + CREEP_SECONDS)
        self._offset = offset
        return dac + offset


def held(latency: float) -> float:
    """Seconds that a device with this latency surely bridges without a call; 0 if it does not tell its latency."""
    return latency * HELD + HELD_SECONDS if latency > 0 else 0.0


class LateCalls:
    """Notes calls that came so late that the device ran dry: many systems do not tell.

    ``holds`` is what `held` says. The first calls fill the device's buffers, and after `STEP_SECONDS` without one the
    machine was asleep, or the device away.
    """

    def __init__(self) -> None:
        self.holds = 0.0
        self.longest = 0.0
        self._calls = 0
        self._called = 0.0

    def is_late(self, called: float) -> bool:
        """Whether this call, at the device's time ``called``, came too late."""
        gap, self._called = called - self._called, called
        self._calls += 1
        if self.holds <= 0 or self._calls <= SETTLING_CALLS or not self.holds < gap < STEP_SECONDS:
            return False
        self.longest = max(self.longest, gap)
        return True


class Heartbeat:
    """Watches a counter that a running device increments."""

    def __init__(self) -> None:
        self._count = -1
        self._since = self._looked = 0.0

    def alive(self, count: int, now: float) -> bool:
        """Return whether ``count`` changed within the last second. After a gap between calls it starts again."""
        if count != self._count or now - self._looked > LOOK_SECONDS:
            self._count = count
            self._since = now
        self._looked = now
        return now - self._since < SILENT_SECONDS
