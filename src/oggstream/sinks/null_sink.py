"""A simulated device: consumes in real time on the event loop's clock, which may be a virtual one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..audio.frame import RATE
from .sink import Closing, SinkFormat, SinkTraits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..audio.ring import PcmRing


class NullSink(Closing):
    """Plays into nothing, as a device would: a block every ``period`` seconds, heard ``latency`` seconds later.

    Block n is taken from the ring at the time of `start` plus n periods, and its first sample reaches the simulated
    converter ``latency`` after that. These times are computed, not measured: on a virtual clock, two runs are equal to
    the sample. After the loop was blocked, the missed blocks are played at once.

    ``channels`` and ``rate`` are the device's format; None takes any number of channels. With ``record`` all that was
    played since the first `start`, silence included, is kept in `recording`.
    """

    traits = SinkTraits(name="null")

    def __init__(
        self,
        *,
        channels: int | None = None,
        rate: int = RATE,
        period: float = 0.01,
        latency: float = 0.02,
        record: bool = False,
    ) -> None:
        self.callbacks = 0
        self.underflows = 0  # a simulated device is never late
        self._format = SinkFormat(channels, rate)
        self._period = period
        self._latency = latency
        self._played: list[bytes] | None = [] if record else None
        self._channels = channels or 1
        self._ring: PcmRing | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    async def prepare(self) -> SinkFormat:
        """Return the simulated device's format."""
        return self._format

    def start(self, ring: PcmRing) -> None:
        """Begin to read ``ring``, its first block at once. A ring that is still playing is dropped."""
        self._stop()
        self._ring = ring
        self._channels = ring.channels
        self._idle.clear()
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        self._blocks = 0
        samples = round(self._period * ring.rate)
        self._step = samples / ring.rate
        self._block = memoryview(bytearray(samples * ring.frame_bytes))
        self._tick()

    async def drain(self) -> None:
        """Return when the last sample has been heard. Cancelling it changes nothing that is played."""
        ring = self._ring  # another one may be started before this one is heard to its end
        await self._idle.wait()
        if ring is not None and (end := ring.time_of(ring.read)) is not None:
            await asyncio.sleep(end - self._loop.time())

    def abort(self) -> None:
        """Take what the fade needs, which is one more block or few, and forget the ring."""
        if self._ring is not None:
            self._ring.cut()
            while not self._ring.done:
                self._play()
        self._stop()
        self._ring = None

    async def aclose(self) -> None:
        """Stop."""
        self.abort()

    @property
    def recording(self) -> NDArray[np.float32]:
        """What was played so far, with ``record``: shape (samples, channels); otherwise empty."""
        import numpy as np

        return np.frombuffer(b"".join(self._played or ()), np.float32).reshape(-1, self._channels)

    def _tick(self) -> None:
        """Play the block that is due and those that a blocked loop missed, then wait for the next."""
        assert self._ring is not None
        self._play()
        while not self._ring.done and self._due() <= self._loop.time():
            self._play()
        if self._ring.done:
            self._stop()
        else:
            self._timer = self._loop.call_at(self._due(), self._tick)

    def _play(self) -> None:
        assert self._ring is not None
        self._ring.read_into(self._block, self._due() + self._latency)
        self._blocks += 1
        self.callbacks += 1
        if self._played is not None:
            self._played.append(bytes(self._block))

    def _due(self) -> float:
        """When the next block is taken."""
        return self._origin + self._blocks * self._step

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._idle.set()
