"""When sound may begin."""

from __future__ import annotations

from typing import NamedTuple


class StartRule(NamedTuple):
    """Start once ``start_buffer`` seconds of audio are there, or all that will ever come.

    A service that sends pages of a second starts with its first page; one that sends a page per packet is waited for
    just long enough that the next packet may be a little late.
    """

    start_buffer: float

    def may_start(self, buffered: float, *, ended: bool) -> bool:
        """Say whether playback may begin with ``buffered`` seconds received, ``ended`` if nothing more will come."""
        return buffered > 0 and (ended or buffered >= self.start_buffer)
