"""The times of one request, as its answer's ``Server-Timing`` tells them (W3C Server Timing)."""

from __future__ import annotations

from collections.abc import Callable


class ServerTiming:
    """Since the request's head: ``queue``, when it had a place, and ``first``, when it had sound."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = clock()
        self.seconds: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """It has come to ``name`` now."""
        self.seconds[name] = self._clock() - self._begun

    def header(self) -> str:
        """The value of the header."""
        return ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in self.seconds.items())
