"""The client's standard files where they are frames of its connection: pipes of this process, which threads carry."""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from ..client_files import ClientFiles, leave
from ..frames import FrameError, FrameReader, data_of
from ..request import CLOSED, EXIT, FILES, GO, INPUT, OUTPUT, SIGNAL, WANTED, Request
from ..taking_turns import interrupt

CHUNK = 1 << 15
MARK_BYTES = 16


class RelayedFiles(ClientFiles):
    """Its files as frames; its signals too."""

    def __init__(self, client: socket.socket, request: Request) -> None:
        super().__init__(client, request)
        self._frames = FrameReader()
        self._lock = Lock()
        self._terminals: list[str] = []  # those of its files that are one
        self._input: SimpleQueue[bytes] = SimpleQueue()
        self._mark = b""  # ends what the command has written
        self._ends: dict[Thread, int] = {}  # of the threads that carry output, and where the mark is written
        self._closed: set[str] = set()

    def come(self) -> bool:
        """Wait for the client's word to begin; return whether it came. Raises `OSError`."""
        fields = self._next()
        if fields is None or len(fields) != 5 or fields[0] != GO:
            return False
        self.pid = int(fields[1])
        self._terminals = fields[2].decode().split()
        if self._terminals:
            size = os.terminal_size((int(fields[3]), int(fields[4])))
            os.get_terminal_size = lambda *_: size
        return True

    def tell(self, *fields: bytes) -> None:
        """Say something to the client, which may be gone."""
        with self._lock:
            super().tell(*fields)

    def take_on(self) -> None:
        """Have ``sys.stdin``, ``stdout`` and ``stderr`` lead to the client, and descriptors 1 and 2."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number, name in enumerate(FILES):
            os.dup2(nowhere, number)
            setattr(sys, name, self._opened(number, name) if name in self._coded else None)
        os.close(nowhere)

    def _opened(self, number: int, name: str) -> io.TextIOWrapper:
        reading, writing = os.pipe()
        binary: io.BufferedReader | io.BufferedWriter
        if number:
            os.dup2(writing, number)  # for libraries; Python has another one, which nothing points elsewhere
            self._ends[_start(self._empty, name, reading)] = os.dup(writing)
            binary = io.BufferedWriter(_Pipe(writing, "w", name in self._terminals))
        else:
            fill = cache(lambda: _start(self._fill, writing))
            binary = io.BufferedReader(_Pipe(reading, "r", name in self._terminals, fill))
        lines = number == 2 or name in self._terminals
        return io.TextIOWrapper(binary, *self._coded[name], line_buffering=lines, write_through=number == 2)

    def watch(self) -> None:
        """In a thread: do what the client says; end, as at SIGTERM, when it is gone."""
        with suppress(OSError, FrameError):
            while (fields := self._next()) is not None:
                self._obey(fields)
        leave()

    def _obey(self, fields: list[bytes]) -> None:
        if fields[0] == INPUT:
            self._input.put(data_of(fields)[1])
        elif fields[0] == SIGNAL:
            interrupt(int(fields[1]))
        elif fields[0] == CLOSED:  # the command is to find that as it would find it there
            self._closed.add(fields[1].decode())

    def end(self, status: int) -> None:
        """Everything has been written: tell the client."""
        self.flush()
        self._mark = os.urandom(MARK_BYTES)
        for thread, end in self._ends.items():
            with suppress(OSError):  # nobody reads it any more
                os.write(end, self._mark)
            thread.join()
        self.tell(EXIT, b"%d" % status)

    def _next(self) -> list[bytes] | None:
        while (fields := self._frames.next()) is None:
            data = self._client.recv(CHUNK)
            if not data:
                return None
            self._frames.feed(data)
        return fields

    def _empty(self, name: str, reading: int) -> None:
        """In a thread: carry what is written to the client."""
        data = b""
        while name not in self._closed:
            data += os.read(reading, CHUNK)
            mark = self._mark
            if mark and mark not in data:
                continue  # its beginning may be there
            self.tell(OUTPUT, name.encode(), data.partition(mark)[0] if mark else data)
            if mark:
                return
            data = b""
        os.close(reading)

    def _fill(self, writing: int) -> None:
        """In a thread: have the client read, a chunk at a time."""
        with suppress(OSError):
            data = b"more"
            while data:
                self.tell(WANTED)
                data = self._input.get()
                os.write(writing, data)
        os.close(writing)


class _Pipe(io.FileIO):
    """The command's end of a pipe, which is a terminal where the client's file is one.

    ``on_use`` is called before it is read from, or given away to be read from.
    """

    def __init__(self, number: int, mode: str, terminal: bool, on_use: Callable[[], object] = bool) -> None:
        super().__init__(number, mode)
        self._terminal = terminal
        self._on_use = on_use

    def isatty(self) -> bool:
        return self._terminal

    def fileno(self) -> int:
        self._on_use()
        return super().fileno()

    def readinto(self, buffer: Any) -> int | None:
        self._on_use()
        return super().readinto(buffer)


def _start(work: Callable[..., None], *arguments: object) -> Thread:
    thread = Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread
