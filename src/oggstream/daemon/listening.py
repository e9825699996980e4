"""The daemon's socket: one daemon for each user, told apart by a lock that ends with its process."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple

from ..errors import ConfigError
from . import address
from .address import LOCK, NAME, PORT, AddressError, make_folder
from .link import HOST
from .loopback import place
from .loopback.proof import Gate, new_token

BACKLOG = 128


class Door(NamedTuple):
    """Where clients come in; ``gate`` is what each has to pass, None where the system says whose it is."""

    socket: socket.socket
    name: str
    gate: Callable[[], Gate] | None = None


@contextmanager
def listening() -> Iterator[Door]:
    """Where clients connect to; a file that an earlier daemon left is replaced. Raises `ConfigError`."""
    try:
        folder = make_folder()
        lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(lock)
        except OSError:
            os.close(lock)
            raise ConfigError("a daemon runs already (`oggstream daemon --status` tells of it)") from None
        path = os.path.join(folder, PORT if address.LOOPBACK else NAME)
        door = _at_port(path) if address.LOOPBACK else _at_path(path)
    except (OSError, AddressError) as error:
        raise ConfigError(f"the daemon's socket cannot be made: {error}") from error
    try:
        yield door
    finally:
        with suppress(OSError):
            os.unlink(path)
        door.socket.close()
        os.close(lock)


def _lock(descriptor: int) -> None:
    """Raise `OSError` if another process has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _at_path(path: str) -> Door:
    with suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return Door(listener, path)


def _at_port(path: str) -> Door:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":  # else another process may listen at it too
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    listener.bind((HOST, 0))
    listener.listen(BACKLOG)
    port, token = listener.getsockname()[1], new_token()
    place.write(path, port, token)
    return Door(listener, f"port {port} of this machine", partial(Gate, token, port))
