"""The client's connection."""

from __future__ import annotations

import os
import sys
import time

from .frames import FrameError, FrameReader, frame
from .request import FILES, GO, READY, REFUSED, RUN, TAKEN, Request

try:
    import _socket as socket  # the C part of it: loading the rest takes 5 ms
except ImportError:
    import socket  # type: ignore[no-redef]

CHUNK = 1 << 16
HOST = "127.0.0.1"
WORKER_PATIENCE = 2.0
"""Seconds that the process which is to speak has for being ready, once the daemon has answered."""


class LinkError(Exception):
    """The daemon does not take it; the message says why."""


class NobodyError(LinkError):
    """A daemon has left its socket behind."""


class Link:
    """A connection to the daemon at ``address``, which has until ``deadline`` (`time.monotonic`) to answer.

    That is the path of its socket, or its port in this machine and the token that both ends know (``carries``: this one
    is for the standard files too). Raises `LinkError`.
    """

    def __init__(self, address: str | tuple[int, bytes], deadline: float) -> None:
        self._deadline = deadline
        self.carries = not isinstance(address, str)
        self.frames = FrameReader()
        self._socket = socket.socket(socket.AF_INET if self.carries else socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._limit()
            self._socket.connect(address if isinstance(address, str) else (HOST, address[0]))
            if not isinstance(address, str):
                self._prove(*address)
        except OSError as error:
            self._socket.close()
            if isinstance(error, ConnectionRefusedError):
                where = f"port {address[0]}" if self.carries else address
                raise NobodyError(f"no daemon listens at {where} (`oggstream daemon` starts one)") from error
            raise LinkError(_unreachable(error)) from error

    def _prove(self, port: int, token: bytes) -> None:
        """Before anything is told, either end shows that it is this user's. Raises `LinkError`, `OSError`."""
        from .loopback.proof import Proof

        proof = Proof(token, port)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(proof.hello)
        try:
            self._socket.sendall(proof.answer(self._answer_of("the daemon")))
        except FrameError as error:
            raise LinkError(f"what listens at port {port} is no daemon of yours") from error

    def request(self, request: Request) -> list[bytes]:
        """Send a request and return the daemon's answer. Raises `LinkError`."""
        try:
            self._socket.sendall(frame(*request.fields()))
            return self._answer_of("the daemon")
        except TimeoutError as error:
            raise LinkError("the daemon does not answer") from error
        except (OSError, FrameError) as error:
            raise LinkError(f"the daemon failed ({error})") from error

    def hand_over(self, argv: list[str]) -> int:
        """Have a process run ``argv`` in this process's surroundings; return its number. Raises `LinkError`.

        The daemon answers at once, then the process, which may still be opening the device. The standard files follow
        when it is there: one that hangs would keep a pipe from ending.
        """
        request, descriptors = surroundings(argv)
        answer = self.request(request)
        try:
            if answer[0] == TAKEN:
                self._deadline = time.monotonic() + WORKER_PATIENCE
                answer = self._answer_of("the daemon's process")
            if answer[0] != READY:
                raise LinkError("the daemon speaks another language")
            self._socket.settimeout(None)
            if self.carries:
                self.send(self._go())
            else:
                self._send(frame(GO), descriptors)
        except TimeoutError as error:
            raise LinkError("the daemon's process does not answer") from error
        except (OSError, FrameError) as error:
            raise LinkError(f"the daemon failed ({error})") from error
        return int(answer[1])

    def _answer_of(self, who: str) -> list[bytes]:
        answer = self.answer()
        if answer is None:
            raise LinkError(f"{who} has just ended")
        if answer[0] == REFUSED:
            raise LinkError(os.fsdecode(answer[1]))
        return answer

    def answer(self) -> list[bytes] | None:
        """The next answer, None at the end. Raises `TimeoutError` at the deadline, `FrameError`, `OSError`."""
        while (fields := self.frames.next()) is None:
            if self._socket.gettimeout() is not None:
                self._limit()
            if not self.receive():
                return None
        return fields

    def receive(self) -> bool:
        """Feed ``frames``; False at the end. Raises `TimeoutError`, `OSError`."""
        try:
            data = self._socket.recv(CHUNK)
        except ConnectionError:
            return False
        self.frames.feed(data)
        return bool(data)

    def send(self, data: bytes) -> None:
        """Raises `OSError`."""
        self._socket.sendall(data)

    def fileno(self) -> int:
        """Its descriptor."""
        return int(self._socket.fileno())

    def next_answer(self) -> list[bytes] | None:
        """The next answer, None at the end, however the daemon has ended."""
        try:
            return self.answer()
        except (OSError, FrameError):
            return None

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _go(self) -> bytes:
        """The word to begin, with what descriptors would tell."""
        terminals = [name for name in FILES if (file := getattr(sys, name)) is not None and file.isatty()]
        try:
            columns, lines = os.get_terminal_size(2)
        except OSError:
            columns, lines = 80, 24
        return frame(GO, b"%d" % os.getpid(), " ".join(terminals).encode(), b"%d" % columns, b"%d" % lines)

    def _send(self, data: bytes, descriptors: list[int]) -> None:
        sent = 0
        if descriptors:
            packed = b"".join(number.to_bytes(4, sys.byteorder) for number in descriptors)
            sent = self._socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])
        if sent < len(data):  # sending nothing fails where the process has done its work already, and gone
            self._socket.sendall(data[sent:])

    def _limit(self) -> None:
        self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))


def surroundings(argv: list[str]) -> tuple[Request, list[int]]:
    """What a command needs of this process: folder, environment, standard files. Raises `LinkError`."""
    from .. import __version__

    files, descriptors = [], []
    for name in FILES:
        file = getattr(sys, name)
        if file is not None:
            files.append((name, file.encoding, file.errors or "strict"))
            descriptors.append(file.fileno())
    os.umask(umask := os.umask(0o77))
    try:
        folder = os.getcwdb()
    except OSError as error:
        raise LinkError(f"the current folder is gone ({error.strerror})") from error
    environment = [os.fsencode(f"{name}={value}") for name, value in os.environ.items()]
    request = Request(
        RUN,
        __version__.encode(),
        folder=folder,
        umask=umask,
        files=files,
        arguments=[os.fsencode(argument) for argument in argv],
        environment=environment,
    )
    return request, descriptors


def _unreachable(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "the daemon does not answer"
    return f"the daemon cannot be reached ({error.strerror or error})"
