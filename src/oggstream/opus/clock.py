"""Granule positions that are counted at another clock than 48 kHz, against RFC 7845 section 4: recognised and scaled.

Some encoders count the samples that they were given, at 24 or 16 kHz. A page's position then grows by half or a third
of what its packets last, which no right stream does: only the end trim of a last page may make it grow by less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ogg.page import Page

RATE = 48000
"""Hz, of granule positions (RFC 7845 section 4)."""
_OTHERS = (24000, 16000, 12000, 8000, 44100, 32000)


class GranuleClock:
    """The clock of one link, whose head says ``input_rate``. ``known``: it is certain, and is ``rate`` Hz."""

    __slots__ = ("_candidate", "_input_rate", "_last", "known", "rate")

    def __init__(self, input_rate: int) -> None:
        self.rate = RATE
        self.known = False
        self._input_rate = input_rate
        self._candidate: int | None = None  # by the first page
        self._last: int | None = None  # granule position of the page before

    def scaled(self, granule: int) -> int:
        """A granule position at 48 kHz; -1 stays."""
        return granule if self.rate == RATE or granule < 0 else granule * RATE // self.rate

    def on_time(self, page: Page) -> Page:
        """``page`` with its position at 48 kHz."""
        return page if self.rate == RATE else page._replace(granule=self.scaled(page.granule))

    def judge(self, granule: int, durations: list[int], *, last: bool, gap: bool) -> bool:
        """Look at a page whose packets last ``durations`` and that has the position ``granule`` as it stands there.

        ``last``: it ends the stream, ``gap``: something is missing before it. True if another clock shows by it.
        """
        if self.known or granule < 0 or not durations:
            return False
        total, before = sum(durations), self._last
        grown = granule - (before or 0)
        self._last = granule
        if before is None and last and 0 <= total - grown < durations[-1]:
            return False  # the only page, right at 48 kHz with its end trim
        found = self._candidate if gap else self._clock(grown, total, durations[-1], last=last)
        self.known = found is not None or (grown == total and not gap)
        if found is not None and before is None and not last:
            self._candidate, self.known = found, False  # the next page will tell
            return False
        self.rate = found or RATE
        return found is not None

    @property
    def doubted(self) -> bool:
        """Whether the first page is one of another clock, which the next one is to show."""
        return self._candidate is not None and not self.known

    def _clock(self, grown: int, total: int, packet: int, *, last: bool) -> int | None:
        if not last:
            return next((clock for clock in _OTHERS if grown * RATE == total * clock), None)
        clock = self._candidate or self._input_rate  # with an end trim, the position alone says little
        trimmed = total - grown * RATE // clock if clock in _OTHERS else -1
        return clock if 0 <= trimmed < packet else None
