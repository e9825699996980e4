"""Sinks for the measurements."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from oggstream.sinks.sink import SinkFormat, SinkTraits

if TYPE_CHECKING:
    from oggstream.audio.ring import PcmRing

BLOCK = 4096  # samples taken at a time


class InstantSink:
    """Consumes everything as soon as it is written, and notes when that began (``first_write``, CLOCK_MONOTONIC)."""

    traits = SinkTraits(name="instant", at_once=True)

    def __init__(self) -> None:
        self.first_write: float | None = None
        self._ring: PcmRing | None = None

    async def prepare(self) -> SinkFormat:
        """A device's usual format."""
        return SinkFormat(2, 48000)

    def start(self, ring: PcmRing) -> None:
        """Begin to read ``ring``."""
        self.first_write = None
        self._ring = ring
        self._block = memoryview(bytearray(BLOCK * ring.frame_bytes))
        ring.on_write = self._take

    async def drain(self) -> None:
        """Return when all is read."""
        while self._ring is not None and not self._ring.done:
            self._take()
            await asyncio.sleep(0)

    def abort(self) -> None:
        """Forget the ring."""
        if self._ring is not None:
            self._ring.on_write = None
        self._ring = None

    async def aclose(self) -> None:
        """Forget the ring."""
        self.abort()

    def _take(self) -> None:
        assert self._ring is not None
        if self.first_write is None and self._ring.written:
            self.first_write = time.monotonic()
        while self._ring.playing and (fill := self._ring.fill):  # reading more than there is would be a stall
            self._ring.read_into(self._block[: fill * self._ring.frame_bytes], time.monotonic())
