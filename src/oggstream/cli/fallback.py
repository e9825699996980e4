"""The default sink: the default device, or a file where there is no device."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from ..audio.frame import RATE
from ..errors import DeviceError, OutputError
from ..sinks.device_sink import DeviceSink
from ..sinks.sink import SinkFormat, SinkTraits, check_sink, traits_of, underflows_of

if TYPE_CHECKING:
    from ..audio.ring import PcmRing
    from ..sinks.wav_sink import WavSink
    from .terminal.console import Console

FILE = "speech.wav"
KEPT = "speech.wav~"
"""What an earlier `FILE` is called from then on: it may be all there is of something."""


class DeviceOrFile:
    """The default device, or `FILE` in the current folder where there is no PortAudio or no output.

    Which of them it is turns out in `prepare`, so that the request need not wait for it. A device that is there and
    fails is an error, raised as `DeviceError`. ``settings`` are parameters of `DeviceSink`.
    """

    def __init__(self, console: Console, **settings: Any) -> None:
        self._console = console
        self._reason = ""  # why there is no sound, until it is told
        self._sink: DeviceSink | WavSink = DeviceSink(**settings)
        self._preparing = asyncio.Lock()

    @property
    def traits(self) -> SinkTraits:
        """Those of the sink in use."""
        return traits_of(self._sink)

    @property
    def underflows(self) -> int:
        """How often the device ran dry."""
        return underflows_of(self._sink)

    async def prepare(self) -> SinkFormat:
        """Open the device; the file waits for `start`, so that a request that fails leaves none."""
        async with self._preparing:  # a player does it ahead, and its first speech again
            return SinkFormat(None, RATE) if self.traits.at_once else await self._prepare()

    async def _prepare(self) -> SinkFormat:
        try:
            return await self._sink.prepare()
        except DeviceError as error:
            from ..sinks.wav_sink import WavSink
            from ..threads import in_thread

            if await in_thread(_has_output):
                raise
            self._reason = str(error)
            self._sink = WavSink(FILE)
            return SinkFormat(None, RATE)

    def start(self, ring: PcmRing) -> None:
        """Begin to read ``ring``. Raises `OutputError` if the file cannot be written."""
        if self._reason:
            self._console.note(f"{self._reason}; writing {FILE} instead{_keep_earlier_file()}")
            self._reason = ""
        self._sink.start(ring)

    def check(self) -> None:
        """Raise `DeviceError` if the device is gone."""
        check_sink(self._sink)

    async def drain(self) -> None:
        """Return when the last sample has been heard, or is in the file."""
        await self._sink.drain()

    def abort(self) -> None:
        """Silence now."""
        self._sink.abort()

    async def aclose(self) -> None:
        """Close the device, or complete the file."""
        await self._sink.aclose()


def _has_output() -> bool:
    from ..sinks.portaudio import devices

    try:
        return bool(devices())
    except DeviceError:
        return False


def _keep_earlier_file() -> str:
    """Move a `FILE` that is there out of the way, and say so."""
    if not os.path.isfile(FILE):
        return ""
    try:
        os.replace(FILE, KEPT)
    except OSError as error:
        raise OutputError(f"cannot write {FILE}: {error.strerror or error}") from error
    return f" (the earlier one is now {KEPT})"
