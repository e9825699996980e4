"""A simulated device that keeps what was played, and finds the sounds in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from ..sinks.null_sink import NullSink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..audio.ring import PcmRing

AUDIBLE = 10 ** (-50 / 20)
"""-50 dBFS: what is softer counts as silence."""
LATENCY = 0.02
RATE = 48000
WINDOW = 0.005  # seconds; a sound's own zero crossings are no silence


class Silence(NamedTuple):
    """A silence between two sounds: when it begins, in seconds on the loop's clock, and how long it lasts."""

    at: float
    seconds: float


class KeptSink(NullSink):
    """A `NullSink` at 48 kHz, heard 20 ms after it takes a sample, that records.

    Times are right as long as the device is never idle between two speeches: idle time is not recorded.
    """

    def __init__(self) -> None:
        super().__init__(rate=RATE, latency=LATENCY, record=True)
        self._zero: float | None = None  # when the first sample of the recording is heard

    def start(self, ring: PcmRing) -> None:
        """Begin to read ``ring``."""
        if self._zero is None:
            self._zero = asyncio.get_running_loop().time() + LATENCY
        super().start(ring)

    @property
    def first_audible(self) -> float | None:
        """When the first sample above -50 dBFS was heard, in seconds on the loop's clock; None if none was."""
        loud = self._level() > AUDIBLE
        if self._zero is None or not loud.any():
            return None
        return self._zero + int(loud.argmax()) / RATE

    def silences(self, longest: float) -> list[Silence]:
        """The silences between sounds that last more than ``longest`` seconds, found to 5 ms: pauses, and stalls."""
        import numpy as np

        step = round(WINDOW * RATE)
        level = self._level()
        whole = len(level) // step * step
        loud = np.flatnonzero(level[:whole].reshape(-1, step).max(axis=1) > AUDIBLE)
        windows = np.diff(loud) - 1
        zero = self._zero or 0.0
        return [
            Silence(round(zero + float(loud[place] + 1) * WINDOW, 6), round(float(windows[place]) * WINDOW, 6))
            for place in np.flatnonzero(windows * WINDOW > longest)
        ]

    def _level(self) -> NDArray[np.float32]:
        """The loudest channel's amplitude, sample by sample."""
        level: NDArray[np.float32] = abs(self.recording).max(axis=1, initial=0.0)
        return level
