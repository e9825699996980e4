"""Bodies of Ogg Opus, one behind the other, as one stream that every player understands.

RFC 3533 section 4: the links of a chained stream differ in their serial numbers. Services may give all their bodies the
same one, and many players show the length of one link only. So a body whose head is like that of the one before goes on
in its link, and another one begins a link with a serial number of its own.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..errors import FormatError
from ..ogg.page import CAPTURE, Page, PageReader
from ..ogg.page_writer import without_end
from .head import OpusHead
from .items import AudioPacket, Hole, Item
from .opus_reader import OpusReader
from .remux import SILENT_SAMPLES, Remuxer, can_share
from .tags import OpusTags

PACKETS_PER_PAGE = 50  # a second of most speech


class BodyJoiner:
    """Takes bodies one after the other, each by `feed` to its `end`; returns the bytes of one stream.

    The first body is given as it came, byte for byte, and so is anything that does not begin as Ogg does. Nothing is
    decoded. What `last` gives is held back until it is known whether another body follows.
    """

    def __init__(self) -> None:
        self._ending = _Ending()
        self._serials: set[int] = set()  # of the pages so far
        self._body: _Body | None = None  # the one at hand

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of a body; return what of the stream is certain now."""
        if not data:
            return b""
        if self._body is None:
            kind = _Plain if not data.startswith(CAPTURE) else _Remuxed if self._serials else _AsItCame
            self._body = kind(self._ending, self._serials)
        return self._body.feed(data)

    def end(self) -> bytes:
        """The body at hand is complete."""
        if self._body is None:
            return b""
        body, self._body = self._body, None
        pages, self._ending = body.end()
        return pages

    @property
    def last(self) -> bytes:
        """What is still to be written if no body follows. If one does, it must not stand in the stream."""
        return self._ending.closed

    def settle(self) -> None:
        """What `last` gave stays in the stream: a body that follows begins a link of its own."""
        self._ending = _Ending()


class _Ending(NamedTuple):
    """How a body ends: with the bytes ``closed`` if nothing follows, ``opened`` if its link goes on."""

    closed: bytes = b""
    opened: bytes = b""
    head: OpusHead | None = None  # None: its link cannot go on
    sequence: int = 0  # of the page that follows
    granule: int = 0  # behind all samples of the link, those included that are trimmed at its end


def _ending(closed: bytes, page: Page, head: OpusHead, trim: int) -> _Ending:
    granule = page.granule + trim
    return _Ending(closed, without_end(page, granule), head, page.number + 1 & 0xFFFFFFFF, granule)


class _Body(Protocol):
    def __init__(self, before: _Ending, serials: set[int]) -> None: ...

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> tuple[bytes, _Ending]: ...


class _Plain:
    """A body of another kind."""

    def __init__(self, before: _Ending, serials: set[int]) -> None:  # noqa: ARG002  # as the others
        self._before = before.closed

    def feed(self, data: bytes) -> bytes:
        before, self._before = self._before, b""
        return before + data

    def end(self) -> tuple[bytes, _Ending]:
        return b"", _Ending()


class _AsItCame:
    """A body that is given byte for byte; what may be its last page is held back."""

    def __init__(self, before: _Ending, serials: set[int]) -> None:
        self._held = bytearray(before.closed)
        self._offset = -len(before.closed)  # of what is held, in the body
        self._serials = serials
        self._pages = PageReader()
        self._reader: OpusReader | None = OpusReader()
        self._page: Page | None = None  # the last one
        self._trim = 0  # of the last packet

    def feed(self, data: bytes) -> bytes:
        self._held += data
        for part in self._pages.feed(data):
            if isinstance(part, Page):
                self._page = part
                self._serials.add(part.serial)
        self._follow(data)
        page = self._page
        until = page.offset if page is not None and page.eos else self._pages.offset
        given = bytes(self._held[: until - self._offset])
        del self._held[: until - self._offset]
        self._offset = until
        return given

    def end(self) -> tuple[bytes, _Ending]:
        self._follow(None)
        reader, page, closed = self._reader, self._page, bytes(self._held)
        if reader is None or page is None or page.size != len(closed):
            return b"", _Ending(closed)
        head = reader.head
        if head is None or head.serial != page.serial or not reader.complete or reader.stats.warnings:
            return b"", _Ending(closed)
        return b"", _ending(closed, page, head, self._trim)

    def _follow(self, data: bytes | None) -> None:
        """See how the packets lie; None: to the end."""
        if self._reader is None:
            return
        try:
            items = self._reader.finish() if data is None else self._reader.feed(data)
        except FormatError:  # it is not Opus
            self._reader = None
            return
        for item in items:
            if isinstance(item, AudioPacket):
                self._trim = item.trim_end + (self._trim if item.trim_end == item.samples else 0)


class _Remuxed:
    """A body whose packets go on in the link before, or in one with another serial number."""

    def __init__(self, before: _Ending, serials: set[int]) -> None:
        self._before = before
        self._serials = serials
        self._remuxer = Remuxer(PACKETS_PER_PAGE, one_link=True, serial=max(serials) + 1 & 0xFFFFFFFF)
        self._reader = OpusReader()
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        try:
            return self._write(self._reader.feed(data))
        except FormatError:  # nothing in it can be played
            return b""

    def end(self) -> tuple[bytes, _Ending]:
        try:
            pages = self._write(self._reader.finish())
        except FormatError:
            pages = b""
        head, trim = self._remuxer.head, self._remuxer.trim
        if head is None:
            return pages, _Ending() if self._begun else self._before
        self._serials.add(head.serial)
        closed = self._remuxer.finish()
        page = next(part for part in PageReader().feed(closed) if isinstance(part, Page))
        return pages, _ending(closed, page, head, trim)

    def _write(self, items: list[Item]) -> bytes:
        return b"".join(map(self._write_item, items))

    def _write_item(self, item: Item) -> bytes:
        if isinstance(item, OpusHead):
            return self._begin(item)
        if isinstance(item, OpusTags):
            self._remuxer.tags = item
        elif isinstance(item, Hole):
            return self._remuxer.silence(item.samples // SILENT_SAMPLES)
        return self._remuxer.take(item) if isinstance(item, AudioPacket) else b""

    def _begin(self, head: OpusHead) -> bytes:
        """A link of the body begins."""
        if self._begun:
            return self._remuxer.begin(head)
        self._begun = True
        before = self._before
        if before.head is not None and can_share(before.head, head):
            self._remuxer.resume(before.head, before.sequence, before.granule)
            return before.opened
        return before.closed + self._remuxer.begin(head)
