"""Which pages belong together: chained links, multiplexed streams, and the one Opus stream of each that is played.

RFC 3533 section 4: the BOS pages of streams that are multiplexed come first, in a row. So the first BOS page after any
other page, or one of a stream that is in the row already, begins a new link, whether the one before has ended or not
(servers that restart under the same serial number do not end it).
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from ..errors import FormatError
from ..ogg.packet import PacketReader, split
from ..sniff import ogg_codec
from .clock import GranuleClock
from .head import MAGIC, OpusHead
from .timeline import Timeline
from .toc import multistream_samples, packet_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ogg.page import Page, Skipped
    from .items import Item
    from .tags import OpusTags

_MAX_GROUP = 1024  # multiplexed streams that are told apart; a further one begins a new link


class Stage(Enum):
    """What the next packet of a link is (RFC 7845 section 3)."""

    HEAD = 1
    TAGS = 2
    AUDIO = 3
    ENDED = 4  # audio, though the EOS page is past


class Link:
    """The stream that is played of one link, and how far it has been read."""

    __slots__ = ("clock", "gap", "head", "measure", "noted", "packets", "stage", "tags", "timeline")

    def __init__(self, head: OpusHead, number: int, position: int) -> None:
        self.head = head
        self.stage = Stage.HEAD
        self.packets = PacketReader(number)
        self.timeline = Timeline(position, head.pre_skip)
        self.clock = GranuleClock(head.input_sample_rate)
        self.tags: OpusTags | None = None
        self.gap: Skipped | None = None  # of what is missing, until a page shows how long it was
        self.noted: set[str] = set()  # warnings that this link has already had
        self.measure: Callable[[bytes], int] = (
            packet_samples if head.streams == 1 else partial(multistream_samples, streams=head.streams)
        )

    @property
    def opening(self) -> list[Item]:
        """What is given before the first audio."""
        return [self.head] if self.tags is None else [self.head, self.tags]


class LinkFinder:
    """Takes every page in turn and knows the link that it belongs to.

    Of what cannot be played it keeps the first of each kind, for the message if nothing can.
    """

    def __init__(self) -> None:
        self.link: Link | None = None
        self.opus_at: int | None = None  # offset of the first head that could be played
        self.bad_head: FormatError | None = None
        self.other: tuple[int, str] | None = None  # offset and codec of the first stream that is not Opus
        self._group: set[int] = set()  # serial numbers of the BOS pages in a row
        self._open = False  # the page before was a BOS page

    def find(self, page: Page, position: int) -> Link | None:
        """The link of which ``page`` is a page to be played, None if it is to be ignored.

        A link that begins here begins at ``position`` of the output.
        """
        if page.bos:
            self._begin(page, position)
        self._open = page.bos
        if self.link is None or self.link.head.serial != page.serial:
            return None
        return self.link

    def _begin(self, page: Page, position: int) -> None:
        if not self._open or page.serial in self._group or len(self._group) >= _MAX_GROUP:
            self._group.clear()
            self.link = None
        self._group.add(page.serial)
        if self.link is None:
            self.link = self._identify(page, position)

    def _identify(self, page: Page, position: int) -> Link | None:
        """Make a link of the stream that begins here, if it is Opus and can be played (RFC 7845 section 5.1)."""
        if not page.body.startswith(MAGIC):
            self.other = self.other or (page.offset, ogg_codec(page.body) or "data of an unknown codec")
            return None
        try:
            packets, _ = split(page.lacing, page.body)
            if not packets:
                raise FormatError("OpusHead does not end on its page")  # noqa: TRY301  # one place for all bad heads
            head = OpusHead.parse(packets[0], page.serial)
        except FormatError as error:
            at = page.offset + page.size - len(page.body)
            self.bad_head = self.bad_head or FormatError(f"the Opus stream at byte {at}: {error}", offset=at)
            return None
        if self.opus_at is None:
            self.opus_at = page.offset
        return Link(head, page.number, position)
