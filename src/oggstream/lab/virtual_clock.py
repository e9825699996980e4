"""An event loop on a virtual clock: time jumps to the next timer as soon as there is nothing else to do."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

from ..threads import works_for

if TYPE_CHECKING:
    from selectors import SelectorKey

LOOK = 0.005  # seconds of real time between two looks at a thread that may have ended


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose `time` begins at 0 and passes in no time, so that equal programs run equally on every machine.

    It stands still while a thread of `oggstream.threads` works for it, so that what the thread gives comes at the same
    virtual moment however long it took. What arrives from outside (sockets, signals) is handled when it comes, and is
    as little repeatable as ever.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector(self)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting ``timeout`` seconds it adds them to ``now``."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """What is ready. Without a time limit it waits in earnest: only another thread or a signal can help then."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if works_for(self._loop):
            return super().select(LOOK)
        if timeout is None:
            return super().select(None)
        self.now += timeout
        return ready
