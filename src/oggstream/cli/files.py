"""Files and standard input, read without asyncio."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator

from ..errors import SourceError
from ..files.access import mode_of, open_input, reason

CHUNK = 1 << 16


def read_chunks(path: str) -> Generator[bytes, None, None]:
    """The bytes of a file, or with ``-`` of standard input, each chunk as soon as it is there. Raises `SourceError`."""
    shown = "standard input" if path == "-" else path
    try:
        descriptor = _standard_input() if path == "-" else open_input(path)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {shown}: {reason(error)}{_advice(path)}") from error
    try:
        while chunk := os.read(descriptor, CHUNK):
            yield chunk
    except OSError as error:
        raise SourceError(f"cannot read {shown}: {reason(error)}") from error
    finally:
        if path != "-":
            os.close(descriptor)


def read_all(path: str, limit: int) -> bytes:
    """All of that, no more than ``limit`` bytes. Raises `SourceError`, also for a device, which may have no end."""
    shown = "standard input" if path == "-" else path
    try:
        if path != "-" and stat.S_ISCHR(mode_of(path)):
            raise SourceError(f"cannot read {shown}: it is a device, not a file")
    except OSError as error:
        raise SourceError(f"cannot read {shown}: {reason(error)}") from error
    body = bytearray()
    for chunk in read_chunks(path):
        body += chunk
        if len(body) > limit:
            raise SourceError(f"{shown} has more than {limit >> 20} MB, which is more than can be shown")
    return bytes(body)


def _standard_input() -> int:
    if sys.stdin is None:  # its number may stand for another file by now
        raise ValueError("it is closed")
    return sys.stdin.fileno()


def _advice(path: str) -> str:
    return "; fetch a URL with `curl -s URL |` and read `-`" if "://" in path else ""
