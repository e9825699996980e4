"""A file instead of a device: as fast as the stream comes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from ..audio.frame import RATE
from ..errors import OutputError
from ..files import access
from ..files.background import BackgroundWriter, open_output_waiting, writes_in_background
from ..threads import imported
from .sink import Closing, SinkFormat, SinkTraits

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

    from ..audio.ring import PcmRing

BLOCK = 4800  # samples taken from the ring at a time


class SampleWriter(Protocol):
    """Writes 16-bit samples into a file."""

    @property
    def channels(self) -> int:
        """Those of the file."""
        ...

    @property
    def rate(self) -> int:
        """That of the file, in Hz."""
        ...

    def write(self, samples: Buffer) -> None:
        """Append whole samples of all channels, interleaved. Raises `OSError`."""
        ...

    def close(self) -> None:
        """Make the file a whole one. May be called twice. Raises `OSError`."""
        ...


class FileSink(Closing):
    """Writes 16 bits at 48 kHz with the stream's channels; a subclass has the writer of its format.

    ``file`` is a path, ``-`` for standard output, or a binary file that is open for writing. An asynchronous context
    manager: leaving it closes the file.

    There is no task: each write to the ring is taken from it at once, so a sample counts as heard when it is written.
    Several speeches, one after the other, go into one file. A file that was given open stays open.

    A pipe or a device (standard output may be one) is written to in a thread, which alone waits for its reader; the
    ring is emptied as fast as that goes on. A symbolic link is followed; anything but a regular file is never removed.

    Whatever opens, writes or closes the file raises `OutputError`, once; in mid-speech it comes out of the ring's
    ``write``, or of `check` and `drain` where a thread writes.
    """

    traits = SinkTraits(at_once=True)
    goes_on = True
    """A file that is a whole one takes more all the same."""

    def __init__(self, file: str | os.PathLike[str] | BinaryIO) -> None:
        self._target = file
        self._file: BinaryIO | BackgroundWriter | None = None
        self._writer: SampleWriter | None = None
        self._ring: PcmRing | None = None
        self._block = memoryview(b"")
        self._failed = False
        self._made = False  # the file was not there before
        self._holds: int | None = None  # descriptor of a file that may hold something yet
        self._idle = asyncio.Event()
        self._idle.set()

    def _make_writer(self, file: BinaryIO, channels: int, rate: int) -> SampleWriter:
        """A writer for ``file``, which is made when the first sound comes."""
        raise NotImplementedError

    async def prepare(self) -> SinkFormat:
        """Open the file, so that one that cannot be written is known before anything is asked of a service.

        What it held stays until a speech begins, and a file that was made for a speech that never began goes again.
        """
        await imported("numpy")  # samples pass through it
        if self._failed and self._file is not None:
            raise OutputError(f"cannot write {self._path}: it failed before; use another sink")
        self._failed = False
        if self._file is None and isinstance(self._target, str | os.PathLike) and self._target != "-":
            with self._named_errors():
                self._made = not access.exists(self._target)
                self._open_descriptor(await open_output_waiting(self._target))
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
        self.check()
        if self.goes_on:
            self._complete()
        if isinstance(self._file, BackgroundWriter) and not self._failed:
            with self._named_errors():
                await self._file.written(all_of_it=True)

    def check(self) -> None:
        """Raise `OutputError` if the thread that writes could not."""
        if isinstance(self._file, BackgroundWriter) and self._file.error is not None:
            with self._named_errors():
                raise self._file.error

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
                        access.remove(self._path)

    @property
    def _path(self) -> str:
        if isinstance(self._target, str | os.PathLike):
            return "standard output" if self._target == "-" else os.fspath(self._target)
        return str(getattr(self._target, "name", "output"))

    def _open(self) -> BinaryIO | BackgroundWriter:
        if self._file is None:
            with self._named_errors():
                if self._target == "-":
                    self._file = self._standard_output()
                elif isinstance(self._target, str | os.PathLike):
                    self._made = not access.exists(self._target)
                    self._open_descriptor(access.open_output(self._target))
                else:
                    self._file = self._target
        assert self._file is not None
        return self._file

    def _open_descriptor(self, descriptor: int) -> None:
        if writes_in_background(descriptor):
            self._file = self._in_background(descriptor)
        else:
            self._file = open(descriptor, "wb")  # noqa: SIM115  # closed by aclose
            self._holds = descriptor

    def _standard_output(self) -> BinaryIO | BackgroundWriter:
        try:
            descriptor = sys.stdout.fileno()
        except (OSError, ValueError, AttributeError):  # something without a number stands in for it
            return sys.stdout.buffer
        return self._in_background(os.dup(descriptor)) if writes_in_background(descriptor) else sys.stdout.buffer

    def _in_background(self, descriptor: int) -> BackgroundWriter:
        return BackgroundWriter(descriptor, self._take_on)

    def _begin_file(self, ring: PcmRing) -> SampleWriter:
        """Write the header, once."""
        if self._writer is None:
            file = self._open()
            with self._named_errors():
                if self._holds is not None:
                    access.empty(self._holds)
                self._writer = self._make_writer(file, ring.channels, ring.rate)  # type: ignore[arg-type]  # enough of a file
        return self._writer

    def _take(self) -> None:
        """Move all that the ring holds into the file, as far as that has room."""
        ring, writer = self._ring, self._writer
        assert ring is not None
        assert writer is not None
        while ring.playing and ring.fill and self._has_room:
            out = self._block[: ring.fill * ring.frame_bytes]
            ring.read_into(out, self._loop.time())
            with self._named_errors():
                self._write(writer, out)
        if ring.done:
            self._idle.set()

    def _write(self, writer: SampleWriter, samples: memoryview) -> None:
        writer.write(int16(samples))

    @property
    def _has_room(self) -> bool:
        return not isinstance(self._file, BackgroundWriter) or self._file.room > 0

    def _take_on(self) -> None:
        """The thread has written something, or failed: `check` and `drain` tell that."""
        if isinstance(self._file, BackgroundWriter) and self._file.error is not None:
            self._idle.set()
        elif self._ring is not None:
            self._take()

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


def int16(samples: memoryview) -> Buffer:
    """Float32 samples to 16 bits as libopus does it: times 32768, to the nearest, clipped."""
    import numpy as np

    scaled = np.frombuffer(samples, np.float32) * np.float32(32768)
    return np.rint(scaled).clip(-32768, 32767).astype(np.int16)
