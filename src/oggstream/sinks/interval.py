"""The interpreter's switch interval while devices play through a callback in Python that asked for another one."""

from __future__ import annotations

import sys

_wishes: list[float] = []
_before = 0.0  # what the program had


def shorten(seconds: float) -> None:
    """Let threads wait for the interpreter's lock no longer than ``seconds``; of several wishes the least counts."""
    global _before  # noqa: PLW0603  # there is one interpreter
    if not _wishes:
        _before = sys.getswitchinterval()
    _wishes.append(seconds)
    sys.setswitchinterval(min(_wishes))


def restore(seconds: float) -> None:
    """Take back a wish; after the last one the interval is what it was before the first."""
    _wishes.remove(seconds)
    sys.setswitchinterval(min(_wishes) if _wishes else _before)
