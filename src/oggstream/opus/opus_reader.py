"""From bytes to packets with positions: Ogg Opus as RFC 7845 lays it out, and as streams really are.

    bytes -> PageReader -> LinkFinder -> PacketReader -> Timeline -> items

Fed with any pieces of a body it gives the same items. What can be passed over is (as a `Hole` where audio is missing,
as a warning otherwise); a body that cannot be played at all raises a `FormatError`, and goes on raising it.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from ..ogg.page import Page, PageReader, Skipped
from .budget import LINK, Budget
from .early import EarlyPage, in_sync
from .head import MAGIC as HEAD_MAGIC
from .items import AudioPacket, Hole, Item, PageSettled, PageWithdrawn, StreamStats
from .links import Link, LinkFinder, Stage
from .refusal import MAX_JUNK, no_audio, not_ogg
from .tags import MAGIC as TAGS_MAGIC, OpusTags

if TYPE_CHECKING:
    from ..errors import FormatError
    from .head import OpusHead

__all__ = ["AudioPacket", "Hole", "Item", "OpusReader", "StreamStats"]

_FIRST = 4096  # bytes kept to say what a body is that is not Ogg
_MIXED_FAMILIES = (0, 1)  # those whose channels have places; all others are discrete (RFC 7845 section 5.1.1)


class OpusReader:
    """Reads one body.

    ``stats``, its own or those given, are kept up while it does; ``head`` is that of the link that is being read, as
    soon as it is known.

    Items: an `OpusHead` when a link gives its first audio, its `OpusTags` if it has any, then `AudioPacket` and `Hole`
    in the order in which they are heard. A link without audio gives nothing.

    ``eager`` may be set and unset between any two calls. While it is, packets are given when their own last byte has
    come (``feed(b"")`` gives what is there), behind a `PageBegun`, as long as the stream is in sync; the same ones that
    the page gives as a whole. When it is complete the others follow, and `PageSettled`; or it proves damaged, and
    `PageWithdrawn` is followed by what is given in any case. ``stats`` counts whole pages only. An error that is raised
    withdraws as well.
    """

    def __init__(self, stats: StreamStats | None = None) -> None:
        self.stats = stats or StreamStats()
        self.eager = False
        self._pages = PageReader()
        self._links = LinkFinder()
        self._budget = Budget()
        self._first = b""
        self._position = 0  # samples that the links up to now give
        self._damage: Skipped | None = None  # since the last page that was of use
        self._early: EarlyPage | None = None  # the page at hand, if it is one to be read before it is complete
        self._error: FormatError | None = None

    @property
    def head(self) -> OpusHead | None:
        """The head of the link that is being read, whether it has audio or not; None before the first."""
        return self._links.link.head if self._links.link else None

    @property
    def complete(self) -> bool:
        """Whether the link that is being read has had its last page (EOS): if not, something may be missing."""
        return self._links.link is not None and self._links.link.stage is Stage.ENDED

    @property
    def whole(self) -> bool:
        """Whether all that has come is `complete` and nothing follows so far. Another link may still come."""
        return self.complete and not self._pages.held

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes of the body; return what they complete.

        Raises `WrongContainerError` or another `FormatError` once it is certain that nothing can be played: the first
        page begins later than `MAX_JUNK`.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        stats = self.stats
        stats.bytes += len(data)
        if len(self._first) < _FIRST:
            self._first += data[: _FIRST - len(self._first)]
        found = self._pages.feed(data)
        items: list[Item] = []
        if self._early is not None:
            items = self._settle(self._early, found)
        elif found:
            items = self._read(found)
        if not stats.pages and self._pages.skipped > MAX_JUNK:
            self._refuse(not_ogg(self._first, self._pages))
        if self.eager:
            items += self._look_ahead()
        return items

    def finish(self) -> list[Item]:
        """End of the body: return what was held back.

        Raises `EmptyBodyError`, `WrongContainerError`, `NoAudioError` or another `FormatError` if no link had audio.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        found = self._pages.finish()
        items = self._read(found) if self._early is None else self._settle(self._early, found)
        self._end_damage()
        self.stats.complete = self.complete
        if not self.stats.pages:
            self._refuse(not_ogg(self._first, self._pages))
        if not self.stats.links:
            self._refuse(no_audio(self._links))
        return items

    def _refuse(self, error: FormatError) -> None:
        self._error = error
        raise error

    def _look_ahead(self) -> list[Item]:
        """What can be given of the page that is not complete yet."""
        link = self._links.link
        if self._early is None and link is not None and self._damage is None:
            page = self._pages.begun()
            if page is not None and in_sync(link, page):
                self._early = EarlyPage(page, link)
        return [] if self._early is None else self._early.read(self._pages, self._budget)

    def _settle(self, early: EarlyPage, found: list[Page | Skipped]) -> list[Item]:
        """Read what was found, and say what became of the page that was read early, if it did."""
        if self._pages.offset == early.offset:
            return []
        self._early = None
        if not early.given:
            return self._read(found)
        if found and isinstance(found[0], Page):  # it is this one: damage would come before another
            return [*self._read(found[:1])[early.given :], PageSettled(), *self._read(found[1:])]
        self._budget.withdraw(early.head, early.samples)
        return [PageWithdrawn(early.position), *self._read(found)]

    def _read(self, found: list[Page | Skipped]) -> list[Item]:
        items: list[Item] = []
        for part in found:
            if isinstance(part, Skipped):
                self._note_damage(part)
                continue
            if not self.stats.pages and part.offset > MAX_JUNK:
                self._refuse(not_ogg(self._first, self._pages))
            self.stats.pages += 1
            link = self._links.find(part, self._position)
            if link is not None:
                items += self._read_page(link, part)
        return items

    def _read_page(self, link: Link, page: Page) -> list[Item]:
        line = link.timeline
        raw = page.granule
        page = link.clock.on_time(page)
        found = link.packets.feed(page, line.granule)
        if found is None:
            self.stats.warn(f"page {page.number} at byte {page.offset} is a repetition or too late: left out")
            return []
        self._note_gap(link, page, found.gap)
        packets = found.packets
        if link.stage is not Stage.AUDIO:
            packets = self._leave_headers(link, page, packets)
        durations = [link.measure(packet) for packet in packets]
        if 0 in durations:
            packets, durations = self._drop_bad(packets, durations)
        if durations:
            packets, durations = self._ration(link, page, packets, durations)
        if not link.clock.known:
            page = self._judge_clock(link, page, raw, durations)
        items: list[Item] = []
        if durations and not line.begun:
            items = self._announce(link)
        if link.gap is not None:
            items += self._close_gap(link, page, durations)
        if page.ends_packet:
            items += self._place(link, page, packets, durations)
        if page.eos and link.stage is Stage.AUDIO:
            link.stage = Stage.ENDED
        self._position = line.position
        return items

    def _leave_headers(self, link: Link, page: Page, packets: list[bytes]) -> list[bytes]:
        """Take the headers off ``packets``, or say that audio follows the end."""
        if link.stage is Stage.HEAD:
            # The finder has read it. It is not there if the page is wrongly marked as continued.
            link.stage = Stage.TAGS
            packets = packets[1:] if packets and packets[0].startswith(HEAD_MAGIC) else packets
        if link.stage is Stage.TAGS and packets:
            link.stage = Stage.AUDIO
            # RFC 7845 section 4: the pages of the headers have granule position 0, so what ends there is no audio.
            if packets[0].startswith(TAGS_MAGIC) or page.granule == 0:
                link.tags = _read_tags(packets[0], page, self.stats)
                return packets[1:]
            self.stats.warn(f"no OpusTags in the link of serial number {link.head.serial}")
        if link.stage is Stage.ENDED and packets:
            self._warn_once(link, f"audio after the EOS page, at byte {page.offset}", "ended")
        return packets

    def _judge_clock(self, link: Link, page: Page, granule: int, durations: list[int]) -> Page:
        """``page`` with its position at 48 kHz, now that its packets are known; ``granule`` is what stands on it."""
        if not link.clock.judge(granule, durations, last=page.eos, gap=link.gap is not None):
            return page
        rate = link.clock.rate
        self.stats.warn(f"granule positions are counted at {rate} Hz, not at 48000: scaled, from byte {page.offset} on")
        link.timeline.rescale(rate)
        return link.clock.on_time(page._replace(granule=granule))

    def _announce(self, link: Link) -> list[Item]:
        self.stats.links += 1
        family = link.head.mapping_family
        if family not in _MIXED_FAMILIES:
            self.stats.warn(f"channel mapping family {family}: channels are given as they come, without places")
        return link.opening

    def _drop_bad(self, packets: list[bytes], durations: list[int]) -> tuple[list[bytes], list[int]]:
        """Leave out what is malformed (RFC 6716 section 3.4); of that, empty packets are not even counted."""
        self.stats.bad_packets += sum(
            1 for packet, samples in zip(packets, durations, strict=True) if packet and not samples
        )
        good = [packet for packet, samples in zip(packets, durations, strict=True) if samples]
        return good, [samples for samples in durations if samples]

    def _ration(
        self, link: Link, page: Page, packets: list[bytes], durations: list[int]
    ) -> tuple[list[bytes], list[int]]:
        """Leave out what goes beyond the `Budget`, all that follows on the page included."""
        first = 0 if link.timeline.begun else LINK
        room = self._budget.room(link.head, page.offset + page.size) - first
        total = sum(durations)
        if total > room:
            fitting = sum(1 for end in accumulate(durations) if end <= room)
            self.stats.bad_packets += len(packets) - fitting
            message = f"more audio than a body of so many bytes may hold: packets left out from byte {page.offset} on"
            self._warn_once(link, message, "budget")
            packets, durations = packets[:fitting], durations[:fitting]
            total = sum(durations)
        if packets and first:
            self._budget.begin(link.head)
        self._budget.spend(link.head, total)
        return packets, durations

    def _place(self, link: Link, page: Page, packets: list[bytes], durations: list[int]) -> list[AudioPacket]:
        total = sum(durations)
        doubt = link.timeline.doubt(page.granule, total, last=page.eos)
        if doubt is not None and not link.clock.doubted:
            self._warn_once(link, f"{doubt}, at byte {page.offset}", doubt)
        self.stats.packets += len(packets)
        return link.timeline.place(packets, durations, page.granule, last=page.eos)

    def _note_gap(self, link: Link, page: Page, gap: str | None) -> None:
        """Something is missing or was skipped before ``page``: before audio that is a warning, later on a hole."""
        damage = self._damage
        if gap is None and damage is None:
            return
        if gap is None or not link.timeline.begun:
            self._end_damage()
            return
        self._damage = None
        lost = damage or Skipped(page.offset, 0, gap)
        link.gap = lost if link.gap is None else _merged(link.gap, lost)

    def _close_gap(self, link: Link, page: Page, durations: list[int]) -> list[Item]:
        """The hole before what ends on ``page``; none yet if the page does not say how long it is."""
        gap, line = link.gap, link.timeline
        if gap is None or not (durations or page.granule > line.granule):
            return []
        link.gap = None
        position = line.position
        most = self._budget.hole(link.head, page.offset + page.size)
        before = line.granule
        samples = line.conceal(page.granule, sum(durations), most)
        omitted = max(0, page.granule - sum(durations) - line.granule) if line.granule > before else 0
        if not samples:
            self.stats.warn(f"{gap.reason} at byte {gap.offset}: there is no time to conceal")
            return []
        self._budget.spend(link.head, samples)
        self.stats.holes += 1
        return [Hole(gap.offset, gap.size, position, samples, gap.reason, omitted)]

    def _note_damage(self, part: Skipped) -> None:
        self._damage = part if self._damage is None else _merged(self._damage, part)

    def _end_damage(self) -> None:
        """What was skipped did no harm to the audio, as far as is known."""
        part = self._damage
        if part is not None:
            self.stats.warn(f"{part.size} bytes at byte {part.offset} skipped: {part.reason}")
            self._damage = None

    def _warn_once(self, link: Link, message: str, kind: str) -> None:
        if kind not in link.noted:
            link.noted.add(kind)
            self.stats.warn(message)


def _read_tags(packet: bytes, page: Page, stats: StreamStats) -> OpusTags:
    tags = OpusTags.parse(packet)
    if tags.problem:
        stats.warn(f"damaged OpusTags that end on the page at byte {page.offset}: {tags.problem}")
    return tags


def _merged(first: Skipped, second: Skipped) -> Skipped:
    return Skipped(first.offset, first.size + second.size, first.reason)
