"""Port and token of the daemon, in a file that is this user's alone."""

from __future__ import annotations

import os

MOST = 200


def write(path: str, port: int, token: bytes) -> None:
    """Make the file, in one step for those who read it. Raises `OSError`."""
    new = f"{path}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, b"%d %s\n" % (port, token))
    finally:
        os.close(descriptor)
    os.replace(new, path)


def read(path: str) -> tuple[int, bytes]:
    """Port and token. Raises `ValueError` for a damaged file, and `OSError` if it is not there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        words = os.read(descriptor, MOST).split()
    finally:
        os.close(descriptor)
    port, token = words
    return int(port), token
