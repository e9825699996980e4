"""The daemon's socket: one daemon for each user, told apart by a lock that ends with its process."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import ConfigError
from .address import LOCK, NAME, AddressError, make_folder

BACKLOG = 128


@contextmanager
def listening() -> Iterator[socket.socket]:
    """The socket that clients connect to; a file that an earlier daemon left is replaced. Raises `ConfigError`."""
    try:
        folder = make_folder()
        lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ConfigError("a daemon runs already (`oggstream daemon --status` tells of it)") from None
        listener = _bound(os.path.join(folder, NAME))
    except (OSError, AddressError) as error:
        raise ConfigError(f"the daemon's socket cannot be made: {error}") from error
    try:
        yield listener
    finally:
        with suppress(OSError):
            os.unlink(os.path.join(folder, NAME))
        listener.close()
        os.close(lock)


def _bound(path: str) -> socket.socket:
    with suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener
