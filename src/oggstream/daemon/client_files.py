"""The client's standard files, in the process that works for it: descriptors that the client passes."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import threading
from contextlib import suppress

from .frames import FrameReader, frame
from .request import EXIT, FILES, GO, Request
from .taking_turns import interrupt

CHUNK = 1 << 16
MOST_FILES = 4
LEAVE_SECONDS = 5.0  # longest wait for a command whose client is gone


class ClientFiles:
    """The client at the other end of ``client``: its word to begin, its files, and what it is told."""

    def __init__(self, client: socket.socket, request: Request) -> None:
        self.pid: int | None = None
        """The client's process, as far as it is known."""
        self._client = client
        self._coded = {name: (encoding, errors) for name, encoding, errors in request.files}

    def come(self) -> bool:
        """Wait for the client's word to begin; return whether it came. Raises `OSError`."""
        raise NotImplementedError

    def take_on(self) -> None:
        """Have ``sys.stdin``, ``stdout`` and ``stderr`` be the client's, and the descriptors below them."""
        raise NotImplementedError

    def watch(self) -> None:
        """In a thread: end, as at SIGTERM, when the client is gone."""
        raise NotImplementedError

    def tell(self, *fields: bytes) -> None:
        """Say something to the client, which may be gone."""
        with suppress(OSError):
            self._client.sendall(frame(*fields))

    def end(self, status: int) -> None:
        """Everything has been written: tell the client."""
        self.flush()
        self.tell(EXIT, b"%d" % status)

    def flush(self) -> None:
        """What Python has kept back."""
        for file in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                file.flush()


class PassedFiles(ClientFiles):
    """Those that come as descriptors with the client's word to begin."""

    def come(self) -> bool:
        """Wait for the client's word to begin; return whether it came. Raises `OSError`."""
        fields, self._descriptors = received(self._client)
        _, _, self.pid = peer(self._client)
        return fields == [GO] and len(self._descriptors) == len(self._coded)

    def take_on(self) -> None:
        """Have ``sys.stdin``, ``stdout`` and ``stderr`` be the client's, and descriptors 0 to 2."""
        given = dict(zip(self._coded, self._descriptors, strict=True))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number, name in enumerate(FILES):
            os.dup2(given.get(name, nowhere), number)
            here = name in given
            setattr(sys, name, _text_file(number, *self._coded[name]) if here else None)
        for descriptor in (nowhere, *self._descriptors):
            os.close(descriptor)

    def watch(self) -> None:
        """In a thread: end, as at SIGTERM, when the client is gone."""
        with suppress(OSError):
            while self._client.recv(1):
                pass
        leave()


def _text_file(number: int, encoding: str, errors: str) -> io.TextIOWrapper:
    """A standard file as Python opens it."""
    binary = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115  # for the process's life
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(binary, encoding, errors, line_buffering=lines, write_through=number == 2)


def received(connection: socket.socket) -> tuple[list[bytes], list[int]]:
    """The next frame, and the descriptors that came with it; no fields at the end."""
    frames = FrameReader()
    descriptors: list[int] = []
    while (fields := frames.next()) is None:
        data, files, _, _ = socket.recv_fds(connection, min(frames.wanted, CHUNK), MOST_FILES)
        if not data:
            return [], descriptors
        frames.feed(data)
        descriptors += files
    return fields, descriptors


def peer(client: socket.socket) -> tuple[int, int, int | None]:
    """User, group and process at the other end, as far as the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid(), os.getgid(), None
    told = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid, gid = (int.from_bytes(told[at : at + 4], sys.byteorder) for at in (0, 4, 8))
    return uid, gid, pid


def leave() -> None:
    """End as at SIGTERM, or else without tidying."""
    interrupt(signal.SIGTERM)
    threading.Event().wait(LEAVE_SECONDS)
    os._exit(1)
