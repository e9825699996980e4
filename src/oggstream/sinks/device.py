"""The loudspeaker: a PortAudio stream whose callback reads the ring.

The callback runs in PortAudio's thread and must come back within a period (5 ms by default), the interpreter's lock
included: it copies, counts and pads, takes no lock of its own, and tells nobody. What it shares with the event loop
are attributes that one side writes, as in the ring.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..errors import DeviceError
from ..events import Warned, emit
from ..threads import begin
from .base import SinkFormat
from .clock import DacClock, Heartbeat

if TYPE_CHECKING:
    from ..audio.ring import PcmRing

POLL_SECONDS = 0.01  # between looks at a ring that is nearly drained; a block is taken well before it is heard
REST_SECONDS = 0.1  # the same while much is left: short enough for the heartbeat, and a wake-up costs 0.1 ms
OPEN_SECONDS = 10.0  # longest wait for the audio system to open the device
CLOSE_SECONDS = 2.0  # the same to close it
FADE_OUT_SECONDS = 0.25  # longest wait for a fade to be heard before the stream is closed


class DeviceSink:
    """Plays on an output device.

    ``device`` is an index, a name or part of one (see `oggstream.sinks.devices.devices`), or None for the system's
    default. ``latency`` is how far ahead of the converter the device is asked to run, in seconds; ``blocksize`` the
    samples per callback, 0 for what suits the device. ``lead_in`` is silence that must have been played since the
    device was opened before the first sample: Bluetooth swallows the first part of a second otherwise.

    The stream is opened by `prepare` and plays silence until `aclose`, so that the next ring starts at once.
    ``callbacks`` and ``underflows`` count what the device asked for, and how often it says that it ran dry.
    """

    name = "device"

    def __init__(
        self,
        device: str | int | None = None,
        *,
        latency: float = 0.02,
        lead_in: float = 0.0,
        blocksize: int = 0,
    ) -> None:
        self.device = device
        self.callbacks = 0  # callback
        self.underflows = 0  # callback
        self._latency = latency
        self._blocksize = blocksize
        self._lead_in = lead_in
        self._lead_samples = 0  # loop, before the first ring: the lead-in at the device's rate
        self._played = 0  # callback: samples, silence included, since the device was opened
        self._rings: tuple[PcmRing | None, PcmRing | None] = (None, None)  # loop: the one before, the present one
        self._clock = DacClock(lambda: 0.0)
        self._heartbeat = Heartbeat()
        self._guard = Lock()  # held while opening or closing: of what follows
        self._stream: Any = None  # sounddevice.RawOutputStream, open and running
        self._wanted = False  # loop: one that is opened too late is closed again
        self._format = SinkFormat(None, 0)
        self._opening: asyncio.Future[None] | None = None

    async def prepare(self) -> SinkFormat:
        """Open the device, once, in a thread, and let it play silence; return its channels and rate.

        Cancelling it lets the opening go on, for the next `prepare` or until `aclose`. Raises `DeviceError`.
        """
        if self._opening is None:
            self._clock = DacClock(asyncio.get_running_loop().time)
            self._wanted = True
            self._opening = begin(self._open)
        opening = self._opening
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await asyncio.shield(opening)
        except TimeoutError as error:
            raise DeviceError(f"the audio system did not open the device within {OPEN_SECONDS:g} s") from error
        finally:
            if opening.done() and opening.exception() is not None:
                self._opening = None  # to be tried again
        return self._format

    def start(self, ring: PcmRing) -> None:
        """Read ``ring`` from the next block on; one that is still playing is faded out first.

        Raises `DeviceError` for a device that is not open, or a ring of another format than `prepare` returned.
        """
        if self._stream is None:
            raise DeviceError("the device is not open: await prepare() first")
        if (ring.channels, ring.rate) != self._format:
            raise DeviceError(f"a ring for this device needs the format {self._format}")
        self.abort()
        self._rings = (self._rings[1], ring)

    async def drain(self) -> None:
        """Return when the last sample has been heard, by the converter's clock.

        May be awaited from the start on. Raises `DeviceError` when the device stops asking for samples.
        """
        ring = self._rings[1]
        if ring is None:
            return
        while not ring.done:
            self.check()
            await asyncio.sleep(min(max(ring.fill / ring.rate / 2, POLL_SECONDS), REST_SECONDS))
        await self._heard(ring)

    def check(self) -> None:
        """Raise `DeviceError` if the device is gone: it stopped its stream, or asked for nothing for a second."""
        now = asyncio.get_running_loop().time()
        if self._stream is None or not self._stream.active or not self._heartbeat.alive(self.callbacks, now):
            raise DeviceError("the output device stopped playing: see that it is still there, or choose another")

    def abort(self) -> None:
        """Fade out within the next block and stay silent; the stream stays open."""
        ring = self._rings[1]
        if ring is not None and not ring.done:
            ring.cut()

    async def aclose(self) -> None:
        """Fade out what plays, then stop and close the stream, in a thread and within a time limit.

        Cancelling it closes the stream all the same.
        """
        self._wanted = False
        try:
            await self._faded()
        finally:
            self._rings = (None, None)
            if self._opening is not None:
                self._opening = None
                await self._closed()

    async def _heard(self, ring: PcmRing) -> None:
        """Wait until what ``ring`` has handed over has left the converter."""
        end = ring.time_of(ring.read)
        if end is not None:
            await asyncio.sleep(end - asyncio.get_running_loop().time())

    async def _faded(self) -> None:
        """Cut what plays and wait until its fade is heard, if the device still plays at all."""
        self.abort()
        ring = self._rings[1]
        if ring is not None and ring.cutting and self._stream is not None:
            with suppress(TimeoutError, DeviceError):
                async with asyncio.timeout(FADE_OUT_SECONDS):
                    await self.drain()

    async def _closed(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.shield(begin(self._close))
        except TimeoutError:
            emit(Warned, message=f"the audio system did not close the device within {CLOSE_SECONDS:g} s")

    def _open(self) -> None:
        """Open and start the stream; runs in a thread."""
        from .portaudio import close_output, open_output

        with self._guard:
            self._played = 0
            stream = open_output(self.device, self._callback, latency=self._latency, blocksize=self._blocksize)
            if not self._wanted:
                close_output(stream)
                return
            self._format = SinkFormat(stream.channels, round(stream.samplerate))
            self._clock.latency = stream.latency
            self._lead_samples = round(self._lead_in * stream.samplerate)
            self._stream = stream

    def _close(self) -> None:
        """Close the stream, after an opening that is still under way; runs in a thread."""
        from .portaudio import close_output

        with self._guard:
            stream, self._stream = self._stream, None
            if stream is not None:
                close_output(stream)

    def _callback(self, out: Any, frames: int, time: Any, status: Any) -> None:
        """Fill ``out`` with ``frames`` samples; runs in PortAudio's thread."""
        self.callbacks += 1
        if status and status.output_underflow:
            self.underflows += 1
        at = self._clock.at(time.outputBufferDacTime, time.currentTime)
        before, ring = self._rings
        if before is not None and before.cutting and not before.silenced:
            ring = before  # its fade comes first
        if ring is None or self._played < self._lead_samples:
            out[:] = bytes(len(out))
        else:
            ring.read_into(memoryview(out), at)
        self._played += frames
