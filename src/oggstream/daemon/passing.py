"""How the daemon gives a client's connection to one of its processes."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from .client_files import ClientFiles, PassedFiles, received
from .frames import FrameReader, data_of, frame

if TYPE_CHECKING:
    from .request import Request

SHARED = b"shared"


def hand(line: socket.socket, data: bytes, connection: socket.socket, pid: int) -> None:
    """Send a client's request, as a frame, and its connection over the line to process ``pid``. Raises `OSError`."""
    if sys.platform == "win32":
        line.sendall(frame(SHARED, b"", connection.share(pid)) + data)
    else:
        sent = socket.send_fds(line, [data], [connection.fileno()])
        line.sendall(data[sent:])


def receive(line: socket.socket) -> tuple[list[bytes], socket.socket | None]:
    """The daemon's next frame, and the connection of the client that it is from; no fields at the end.

    Raises `TimeoutError`, `OSError`.
    """
    if sys.platform == "win32":
        return _shared(line)
    fields, files = received(line)
    return fields, socket.socket(fileno=files[0]) if files else None


def _shared(line: socket.socket) -> tuple[list[bytes], socket.socket | None]:
    fields = _frame(line)
    if fields[:1] != [SHARED]:
        return fields, None
    connection = socket.fromshare(data_of(fields)[1])  # type: ignore[attr-defined]  # of Windows
    return _frame(line), connection


def _frame(line: socket.socket) -> list[bytes]:
    """The next frame, and not a byte more; no fields at the end."""
    frames = FrameReader()
    while (fields := frames.next()) is None:
        data = line.recv(frames.wanted)
        if not data:
            return []
        frames.feed(data)
    return fields


def files_of(client: socket.socket, request: Request) -> ClientFiles:
    """How this client's files come."""
    if client.family == getattr(socket, "AF_UNIX", None):
        return PassedFiles(client, request)
    from .loopback.relayed import RelayedFiles

    return RelayedFiles(client, request)
