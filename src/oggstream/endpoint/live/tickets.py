"""Tickets: whoever has one may listen in a room for a time, and do nothing else. A key need not be told for that."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable

LONGEST_SECONDS = 86400.0
USUAL_SECONDS = 300.0
_MARK = "live"


class Tickets:
    """Makes tickets and knows its own again, without keeping them. They are good for one server, until it ends."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)

    def make(self, room: str, seconds: float) -> str:
        """A ticket for ``room`` that is taken for so long; who has come in by then may stay."""
        ends = int(self._clock() + seconds)
        return f"{_MARK}.{ends}.{self._seal(room, ends)}"

    def admits(self, room: str, ticket: str) -> bool:
        """Whether ``ticket`` is one for ``room`` that is still good."""
        mark, _, rest = ticket.partition(".")
        ends, _, seal = rest.partition(".")
        if mark != _MARK or not (ends.isascii() and ends.isdigit()) or len(ends) > 12:
            return False
        expected = self._seal(room, int(ends))
        return hmac.compare_digest(expected.encode(), seal.encode()) and self._clock() < int(ends)

    def _seal(self, room: str, ends: int) -> str:
        return hmac.new(self._secret, f"{room} {ends}".encode(), "sha256").hexdigest()
