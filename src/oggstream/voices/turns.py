"""Who goes first when several speeches are made at once: those of which nothing has been heard yet."""

from __future__ import annotations

from threading import Condition

PATIENCE_SECONDS = 0.02
"""Longest wait before each `espeak.BUFFER_MS` of speech: whoever gives way still makes three times real time."""


class Turns:
    """Speeches enter, start (their first audio is made) and leave; those that have started give way to the others."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._starting = 0

    @property
    def awaited(self) -> bool:
        """Whether others have nothing yet."""
        return self._starting > 0

    def enter(self) -> None:
        """A speech begins."""
        with self._changed:
            self._starting += 1

    def start(self) -> None:
        """Its first audio is made, or it ends without any: to be called once for each `enter`."""
        with self._changed:
            self._starting -= 1
            if not self._starting:
                self._changed.notify_all()

    def give_way(self) -> None:
        """Wait while others have nothing yet, up to `PATIENCE_SECONDS`."""
        if self._starting:  # read without the lock: being wrong costs a turn, and locking one for every piece
            with self._changed:
                self._changed.wait_for(lambda: not self._starting, PATIENCE_SECONDS)
