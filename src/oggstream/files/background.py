"""Writing to a pipe or a device without ever waiting for it: a daemon thread waits instead."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ..threads import LoopThread, in_thread
from .access import keeps_waiting, mode_of, open_output

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable  # type: ignore[attr-defined]  # Python 3.12

MOST_WAITING = 64 << 10
"""Bytes that may wait to be written, as many as a pipe holds: whoever writes should look at `BackgroundWriter.room`."""


class BackgroundWriter:
    """A binary file that takes all that is written at once; a thread passes it on to ``descriptor``, and closes that.

    ``on_written`` is called on the loop after each piece, also after one that failed. ``error`` is why writing failed,
    None if it did not; from then on nothing is written. Belongs to the running loop's thread.
    """

    def __init__(self, descriptor: int, on_written: Callable[[], object] | None = None) -> None:
        self.error: OSError | None = None
        self.on_written = on_written
        self._descriptor = descriptor
        self._waiting = 0  # bytes
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._progress = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        LoopThread(self._run).start()

    @property
    def room(self) -> int:
        """Bytes that may be written before as many wait as should."""
        return max(0, MOST_WAITING - self._waiting)

    def seekable(self) -> bool:
        """It is not."""
        return False

    def write(self, data: Buffer) -> int:
        """Take ``data``. Raises `OSError` if what came before could not be written."""
        if self.error is not None:
            raise self.error
        piece = bytes(data)
        self._waiting += len(piece)
        self._queue.put(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    async def written(self, *, all_of_it: bool = False) -> None:
        """Return when there is room, or with ``all_of_it`` when nothing waits any more. Raises `OSError`."""
        while self.error is None and (self._waiting if all_of_it else not self.room):
            self._progress.clear()
            await self._progress.wait()
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Let the thread close the descriptor once all is written."""
        self._queue.put(None)

    def _run(self) -> None:
        while (piece := self._queue.get()) is not None:
            error = self._pass_on(piece)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._note, len(piece), error)
        with suppress(OSError):
            os.close(self._descriptor)

    def _pass_on(self, piece: bytes) -> OSError | None:
        rest = memoryview(piece)
        try:
            while rest and self.error is None:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            return error
        return None

    def _note(self, size: int, error: OSError | None) -> None:
        self._waiting -= size
        self.error = self.error or error
        self._progress.set()
        if self.on_written is not None:
            self.on_written()


def writes_in_background(descriptor: int) -> bool:
    """Whether writing to ``descriptor`` may keep the loop waiting: not a file, and not the null device."""
    state = os.fstat(descriptor)
    if not keeps_waiting(state.st_mode):
        return False
    with suppress(OSError):
        return not os.path.samestat(state, os.stat(os.devnull))
    return True


async def open_output_waiting(path: str | os.PathLike[str]) -> int:
    """A descriptor to write to. Waits for the reader of a pipe, off the loop; cancelling gives that up.

    Raises `OSError`.
    """
    if keeps_waiting(mode_of(path)):
        return await in_thread(lambda: open_output(path, wait=True), abandoned=_close)
    return open_output(path)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        with suppress(OSError):
            os.close(descriptor)
