"""The callback between a PortAudio stream and the rings, and its counters."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from .device_clock import DacClock, LateCalls, held

if TYPE_CHECKING:
    from ..audio.ring import PcmRing


class StreamCallback(Protocol):
    """The callback of one stream. It plays silence until it gets a ring, and for ``lead`` samples in any case."""

    kind: str
    """ "c" or "python"."""

    @property
    def callback(self) -> Any:
        """What `open_output` takes: a function, or the addresses of one in C and of its data."""
        ...

    @property
    def callbacks(self) -> int:
        """How often the device asked for samples."""
        ...

    @property
    def underflows(self) -> int:
        """How often the device ran dry: it said so, or called too late."""
        ...

    @property
    def longest_gap(self) -> float:
        """The longest time between two calls that the device could not bridge, in seconds; 0 if there was none."""
        ...

    @property
    def played(self) -> int:
        """Samples that the device got, silence included."""
        ...

    @property
    def called(self) -> float | None:
        """When the device last asked, on the event loop's clock."""
        ...

    @property
    def latest(self) -> tuple[float, int]:
        """The latest block: how many seconds it was ahead of the converter, and its number of samples."""
        ...

    def settle(self, *, channels: int, latency: float, lead: int) -> None:
        """Store the properties of the opened stream, before the first ring."""
        ...

    def play(self, ring: PcmRing) -> None:
        """Read ``ring`` from the next block on; one that is being cut fades out first."""
        ...

    def release(self) -> None:
        """Forget the rings; the stream is closed."""
        ...


class PythonCallback:
    """The callback in Python: it needs the interpreter's lock within a period of the device.

    ``now`` is the event loop's clock. What is shared with the loop are attributes that one side writes.
    """

    kind = "python"

    def __init__(self, now: Callable[[], float]) -> None:
        self.callbacks = 0  # callback
        self.underflows = 0  # callback
        self.played = 0  # callback
        self.called: float | None = None  # callback
        self.latest = (0.0, 0)  # callback
        self._now = now
        self._clock = DacClock(now)
        self._late = LateCalls()
        self._lead = 0  # before the first ring
        self._rings: tuple[PcmRing | None, PcmRing | None] = (None, None)  # loop: the one before, the present one

    @property
    def longest_gap(self) -> float:
        """The longest time between two calls that the device could not bridge, in seconds; 0 if there was none."""
        return self._late.longest

    @property
    def callback(self) -> Callable[..., None]:
        """The function that sounddevice calls."""
        return self._call

    def settle(self, *, channels: int, latency: float, lead: int) -> None:  # noqa: ARG002  # the callback in C needs it
        """Store the properties of the opened stream."""
        self._clock.latency = latency
        self._late.holds = held(latency)
        self._lead = lead

    def play(self, ring: PcmRing) -> None:
        """Read ``ring`` from the next block on; one that is being cut fades out first."""
        if not ring.concurrent:  # else it has been played before, on a device that was lost
            ring.share(Lock())
        self._rings = (self._rings[1], ring)

    def release(self) -> None:
        """Forget the rings."""
        self._rings = (None, None)

    def _call(self, out: Any, frames: int, time: Any, status: Any) -> None:
        """Fill ``out`` with ``frames`` samples; runs in PortAudio's thread."""
        self.callbacks += 1
        self.called = self._now()
        if self._late.is_late(time.currentTime) or (status and status.output_underflow):
            self.underflows += 1
        at = self._clock.at(time.outputBufferDacTime, time.currentTime)
        self.latest = (time.outputBufferDacTime - time.currentTime, frames)
        before, ring = self._rings
        if before is not None and before.cutting and not before.silenced:
            ring = before  # its fade comes first
        if ring is None or self.played < self._lead:
            out[:] = bytes(len(out))
        else:
            ring.read_into(memoryview(out), at)
        self.played += frames
