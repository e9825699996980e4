"""Converts a device's times to the event loop's clock, and detects a device that has stopped."""

from __future__ import annotations

from collections.abc import Callable

CREEP_SECONDS = 1e-6  # per block: lets the two clocks drift apart by 200 ppm at 5 ms a block
STEP_SECONDS = 0.5  # a later offset than this is no wait for the interpreter's lock: one of the clocks was set
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
