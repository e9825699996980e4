"""What the engine tells a source about a request, and what the source tells the engine: without a place in `open`."""

from __future__ import annotations

from asyncio import Timeout
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Asking:
    """One request for a piece.

    ``usual``: seconds in which its first sound is expected, 0 if unknown. ``fresh``: it must not use a connection that
    was idle. ``doubled``: the piece has been asked for a second time, which must not happen again. ``hedged``: that was
    the engine. ``patience``: of a source with a standby; the second request takes its place. ``lost``: the other
    request sounded first, so that this one is cancelled without being at fault.
    """

    usual: float = 0.0
    fresh: bool = False
    doubled: bool = False
    hedged: bool = False
    patience: Timeout | None = None
    lost: bool = False

    def hedge(self) -> None:
        """Note that the engine sends a second request."""
        self.doubled = self.hedged = True
        if self.patience is not None:
            self.patience.reschedule(None)


_current: ContextVar[Asking | None] = ContextVar("oggstream_asking", default=None)


def asking() -> Asking:
    """The request under way; one without any knowledge where the engine told nothing."""
    return _current.get() or Asking()


@contextmanager
def telling(request: Asking) -> Iterator[None]:
    """Tell the sources that are used in this block about ``request``."""
    token = _current.set(request)
    try:
        yield
    finally:
        _current.reset(token)
