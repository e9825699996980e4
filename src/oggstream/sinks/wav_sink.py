"""A WAV file instead of a device: as fast as the stream comes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ..audio.frame import RATE
from ..errors import OutputError
from .sink import SinkFormat, SinkTraits

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

    from ..audio.ring import PcmRing
    from ..audio.wav_file import WavWriter

_FLAGS = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
BLOCK = 4800  # samples taken from the ring at a time


class WavSink:
    """Writes 16 bits at 48 kHz with the stream's channels.

    ``file`` is a path, ``-`` for standard output, or a binary file that is open for writing.

    There is no task: each write to the ring is taken from it at once, so a sample counts as heard when it is written.
    Several speeches, one after the other, go into one file. A file that was given open stays open.

    Whatever opens, writes or closes the file raises `OutputError`, once; in mid-speech it comes out of the ring's
    ``write``.
    """

    traits = SinkTraits(name="wav", at_once=True)

    def __init__(self, file: str | os.PathLike[str] | BinaryIO) -> None:
        self._target = file
        self._file: BinaryIO | None = None
        self._writer: WavWriter | None = None
        self._ring: PcmRing | None = None
        self._block = memoryview(b"")
        self._failed = False
        self._made = False  # the file was not there before
        self._idle = asyncio.Event()
        self._idle.set()

    async def prepare(self) -> SinkFormat:
        """Open the file, so that one that cannot be written is known before anything is asked of a service.

        What it held stays until a speech begins, and a file that was made for a speech that never began goes again.
        """
        self._open()
        return SinkFormat(None, RATE)

    def start(self, ring: PcmRing) -> None:
        """Write what ``ring`` holds and will hold. The first ring's channels and rate are those of the file."""
        self._release()
        writer = self._begin_file(ring)
        if (ring.channels, ring.rate) != (writer.channels, writer.rate):
            raise OutputError(
                f"{self._path}: has {writer.channels} channels at {writer.rate} Hz, "
                f"not {ring.channels} at {ring.rate}: write each format to a file of its own"
            )
        self._loop = asyncio.get_running_loop()
        self._block = memoryview(bytearray(BLOCK * ring.frame_bytes))
        self._ring = ring
        self._idle.clear()
        ring.on_write = self._take
        self._take()

    async def drain(self) -> None:
        """Return when the ring's last sample is in the file, and the file's header tells its length."""
        await self._idle.wait()
        self._complete()

    def abort(self) -> None:
        """Leave what is not written yet."""
        if self._ring is not None:
            self._ring.cut()
        self._release()

    async def aclose(self) -> None:
        """Complete the header and close the file, if it is ours."""
        self._release()
        try:
            self._complete()
        finally:
            file, self._file = self._file, None
            began, self._writer = self._writer is not None, None
            if file is not None and file is not self._target and file is not sys.stdout.buffer:
                with self._named_errors():
                    file.close()
                    if self._made and not began:
                        os.unlink(self._path)

    @property
    def _path(self) -> str:
        if isinstance(self._target, str | os.PathLike):
            return "standard output" if self._target == "-" else os.fspath(self._target)
        return str(getattr(self._target, "name", "output"))

    def _open(self) -> BinaryIO:
        if self._file is None:
            with self._named_errors():
                if self._target == "-":
                    self._file = sys.stdout.buffer
                elif isinstance(self._target, str | os.PathLike):
                    self._made = not os.path.lexists(self._target)
                    self._file = open(os.open(self._target, _FLAGS, 0o666), "wb")  # noqa: SIM115  # closed by aclose
                else:
                    self._file = self._target
        return self._file

    def _begin_file(self, ring: PcmRing) -> WavWriter:
        """Write the header, once."""
        from ..audio.wav_file import WavWriter

        if self._writer is None:
            file = self._open()
            with self._named_errors():
                if isinstance(self._target, str | os.PathLike) and os.path.isfile(self._target):
                    os.truncate(self._target, 0)
                self._writer = WavWriter(file, ring.channels, ring.rate)
        return self._writer

    def _take(self) -> None:
        """Move all that the ring holds into the file."""
        ring, writer = self._ring, self._writer
        assert ring is not None
        assert writer is not None
        while ring.playing and ring.fill:
            out = self._block[: ring.fill * ring.frame_bytes]
            ring.read_into(out, self._loop.time())
            with self._named_errors():
                writer.write(_int16(out))
        if ring.done:
            self._idle.set()

    def _release(self) -> None:
        """Forget the ring."""
        if self._ring is not None:
            self._ring.on_write = None
            self._ring = None
        self._idle.set()

    def _complete(self) -> None:
        """Make the file a whole one, as far as it goes."""
        if self._writer is not None and not self._failed:
            with self._named_errors():
                self._writer.close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._release()
            if not self._failed:
                self._failed = True
                raise OutputError(f"cannot write {self._path}: {error.strerror or error}") from error


def _int16(samples: memoryview) -> Buffer:
    """Float32 samples to 16 bits as libopus does it: times 32768, to the nearest, clipped."""
    import numpy as np

    scaled = np.frombuffer(samples, np.float32) * np.float32(32768)
    return np.rint(scaled).clip(-32768, 32767).astype(np.int16)
