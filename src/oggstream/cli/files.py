"""Files and standard input, read without asyncio."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from ..errors import SourceError

CHUNK = 1 << 16
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def read_chunks(path: str) -> Iterator[bytes]:
    """The bytes of a file, or with ``-`` of standard input, each chunk as soon as it is there. Raises `SourceError`."""
    shown = "standard input" if path == "-" else path
    try:
        descriptor = _standard_input() if path == "-" else os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {shown}: {_reason(error)}{_advice(path)}") from error
    try:
        while chunk := os.read(descriptor, CHUNK):
            yield chunk
    except OSError as error:
        raise SourceError(f"cannot read {shown}: {_reason(error)}") from error
    finally:
        if path != "-":
            os.close(descriptor)


def _standard_input() -> int:
    if sys.stdin is None:  # its number may stand for another file by now
        raise ValueError("it is closed")
    return sys.stdin.fileno()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _advice(path: str) -> str:
    return "; fetch a URL with `curl -s URL |` and read `-`" if "://" in path else ""
