"""The client's side of a call without descriptors: carries its standard files and signals as frames."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from threading import Lock, Semaphore, Thread

from ..frames import FrameError, data_of, frame
from ..relay import STUBBORN
from ..request import CLOSED, INPUT, OUTPUT, SIGNAL, WANTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Self

    from ..link import Link

CHUNK = 1 << 16
_KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


class Carrier:
    """Inside its ``with`` block signals go to process ``worker`` over ``link``. ``interrupts`` counts them.

    Standard input is read when the process wants it, and not before: what a command does not read is left to others.
    """

    def __init__(self, worker: int, link: Link) -> None:
        self.interrupts = 0
        self._worker = worker
        self._link = link
        self._due: list[int] = []
        self._before: dict[signal.Signals, Any] = {}
        self._woken, self._waking = socket.socketpair()
        self._wanted = Semaphore(0)
        self._lock = Lock()
        self._reader: Thread | None = None

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._interrupt)
        for end in (self._woken, self._waking):
            end.setblocking(False)
        # A wait for a socket goes on through Ctrl-C on Windows: it is woken by another socket.
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self.interrupts += 1
        self._due.append(number)

    def next_answer(self) -> list[bytes] | None:
        """The next answer that is not about the files, None at the end."""
        try:
            while (fields := self._next()) is not None:
                if fields[0] == WANTED:
                    self._read_more()
                elif fields[0] == OUTPUT:
                    self._write(*data_of(fields))
                else:
                    return fields
        except (OSError, FrameError):
            pass
        return None

    def _next(self) -> list[bytes] | None:
        while (fields := self._link.frames.next()) is None:
            self._hand_signals_on()
            ready, _, _ = select.select([self._woken.fileno(), self._link.fileno()], [], [])
            if self._woken.fileno() in ready:
                self._woken.recv(CHUNK)
            if self._link.fileno() in ready and not self._link.receive():
                return None
        return fields

    def _hand_signals_on(self) -> None:
        while self._due:
            number = self._due.pop(0)
            if self.interrupts < STUBBORN:
                self._say(frame(SIGNAL, b"%d" % number))
            else:
                os.kill(self._worker, _KILL)

    def _say(self, data: bytes) -> None:
        with self._lock:
            self._link.send(data)

    def _write(self, name: bytes, data: bytes) -> None:
        file = sys.stdout if name == b"stdout" else sys.stderr
        try:
            file.buffer.write(data)
            file.buffer.flush()
        except (OSError, ValueError, AttributeError):  # its reader is gone: the process will find that too
            self._say(frame(CLOSED, name))

    def _read_more(self) -> None:
        self._wanted.release()
        if self._reader is None:
            self._reader = Thread(target=self._read, daemon=True)
            self._reader.start()

    def _read(self) -> None:
        """In a thread: a chunk for each wish, as soon as it is there; an empty one at the end."""
        data = b"more"
        try:
            while data:
                self._wanted.acquire()
                try:
                    data = os.read(0, CHUNK)
                except OSError:
                    data = b""
                self._say(frame(INPUT, b"", data))
        except OSError:
            pass
