"""The interpreter's switch interval while devices play through a callback in Python that asked for another one."""

from __future__ import annotations

import sys

_requests: list[float] = []
_before = 0.0  # what the program had


def shorten(seconds: float) -> None:
    """Let threads wait for the interpreter's lock no longer than ``seconds``; the shortest request counts."""
    global _before  # noqa: PLW0603  # there is one interpreter
    if not _requests:
        _before = sys.getswitchinterval()
    _requests.append(seconds)
    sys.setswitchinterval(min(_requests))


def restore(seconds: float) -> None:
    """Withdraw a request; after the last one, the interval is what it was before the first."""
    _requests.remove(seconds)
    sys.setswitchinterval(min(_requests) if _requests else _before)
