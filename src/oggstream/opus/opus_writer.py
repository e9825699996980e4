"""Writing Ogg Opus streams (RFC 7845)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..ogg.page_writer import MAX_SEGMENTS, PageWriter, segments

if TYPE_CHECKING:
    from .head import OpusHead
    from .tags import OpusTags


class OggOpusWriter:
    """One link: headers, then audio packets gathered into pages, then the end.

    A page leaves when it has ``packets_per_page`` packets (or no more fit) and a further packet is there, or by
    `flush`. The last packet stays back until `finish`, for the end trim has to stand on the page that it is on (RFC
    7845 section 4.4). A link that is there already goes on with page number ``sequence``, at the position ``granule``,
    and without `headers`.
    """

    def __init__(
        self, head: OpusHead, tags: OpusTags, packets_per_page: int = 1, *, sequence: int = 0, granule: int = 0
    ) -> None:
        self.head = head
        self.tags = tags
        self.packets_per_page = packets_per_page
        self._pages = PageWriter(head.serial, sequence)
        self._packets: list[bytes] = []
        self._segments = 0
        self._granule = granule  # of the pages that have left
        self._pending = 0  # samples of the packets that have not

    def headers(self) -> bytes:
        """The pages of OpusHead, alone on its own, and of OpusTags (RFC 7845 section 3)."""
        return self._pages.page([bytes(self.head)], 0, bos=True) + self._pages.page([bytes(self.tags)], 0)

    def write(self, packet: bytes, samples: int) -> bytes:
        """Take a packet of ``samples`` (at 48 kHz, per channel); returns the page that is complete now, or nothing."""
        full = len(self._packets) == self.packets_per_page or self._segments + segments(len(packet)) > MAX_SEGMENTS
        page = self.flush() if full else b""
        self._packets.append(packet)
        self._segments += segments(len(packet))
        self._pending += samples
        return page

    def flush(self) -> bytes:
        """The page of the packets so far, if there are any. Only what follows can be trimmed then."""
        return self._flush() if self._packets else b""

    def finish(self, total_samples: int | None = None, *, trim_end: int = 0) -> bytes:
        """The last page, which ends the stream.

        ``total_samples`` is how many samples at 48 kHz are to be heard, None for all but the last ``trim_end``. Raises
        `UsageError` when the last page cannot say so: more than was written, or the end before its first packet.
        """
        end = self._granule + self._pending
        granule = end - trim_end if total_samples is None else self.head.pre_skip + total_samples
        if not self._granule <= granule <= end:
            raise UsageError(f"cannot end at {granule}: the last page spans {self._granule} to {end}")
        self._pending = granule - self._granule
        return self._flush(eos=True)

    def _flush(self, *, eos: bool = False) -> bytes:
        self._granule += self._pending
        page = self._pages.page(self._packets, self._granule, eos=eos)
        self._packets, self._segments, self._pending = [], 0, 0
        return page
