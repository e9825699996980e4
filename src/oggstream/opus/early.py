"""Packets of a page that is not complete yet.

A page's segment table comes before its body (RFC 3533 section 6), so a packet can go when its own last byte has come:
over a thin link that is most of a second before its page's checksum can be looked at. Nothing here changes the link,
its time or the counters: the page is read as a whole when it is complete, and what went before is the beginning of
what that gives.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from ..ogg.packet import packet_sizes
from .budget import LINK
from .items import PageBegun
from .links import Stage

if TYPE_CHECKING:
    from ..ogg.page import Page, PageReader
    from .budget import Budget
    from .items import Item
    from .links import Link


def in_sync(link: Link, page: Page) -> bool:
    """Whether ``page``, by its header, is the one that comes next in ``link``, and brings audio behind audio or tags.

    What else it may be is left until its checksum is known: the begin of a link, another stream, what follows a gap.
    """
    return (
        link.stage is Stage.AUDIO
        and link.gap is None
        and not page.bos
        and page.serial == link.head.serial
        and link.packets.expects(page)
    )


class EarlyPage:
    """The page at hand of ``link``, of which ``page`` has the header and the segment table.

    ``given`` counts the items it has given so far, without the `PageBegun` before them, ``samples`` what they decode
    to. ``position`` is where they began.
    """

    def __init__(self, page: Page, link: Link) -> None:
        self.offset = page.offset
        self.head = link.head
        self.position = link.timeline.position
        self.samples = 0 if link.timeline.begun else LINK
        self.given = 0
        self._link = link
        self._places = link.timeline.ahead(link.clock.scaled(page.granule), last=page.eos)
        self._wary = page.eos and not link.clock.known  # the end trim is not known before the clock is
        self._joins = page.continued  # the next packet to end has begun on the page before
        self._start = page.size - sum(page.lacing)  # of that packet, counted from the page's first byte
        self._ends = list(accumulate(packet_sizes(page.lacing), initial=self._start))[:0:-1]  # the next one last

    def read(self, pages: PageReader, budget: Budget) -> list[Item]:
        """The items of what has come of the page since the last time."""
        held = pages.held
        if not self._ends or self._ends[-1] > held:
            return []
        packets: list[Item] = []
        # The bytes that are still to come do not count: they may never.
        room = budget.early(self.head, self.offset + held)
        while self._ends and self._ends[-1] <= held:
            data = self._next(pages)
            samples = self._link.measure(data)
            if self.samples + samples > room or (self._wary and samples > self._places.keep):
                self._ends.clear()  # they wait for the rest of the page
            elif samples:
                self.samples += samples
                packets.append(self._places.place(data, samples))
        return self._opened(packets) if packets else []

    def _next(self, pages: PageReader) -> bytes:
        """Cut out the next packet."""
        end = self._ends.pop()
        data = pages.piece(self._start, end)
        self._start = end
        if self._joins:
            self._joins = False
            return self._link.packets.joined(data)
        return data

    def _opened(self, packets: list[Item]) -> list[Item]:
        """The packets, behind what must come before the first of them."""
        if self.given:
            self.given += len(packets)
            return packets
        opening = [] if self._link.timeline.begun else self._link.opening
        self.given = len(opening) + len(packets)
        return [PageBegun(), *opening, *packets]
