"""Where the packets of a link lie in time: pre-skip, gaps and end trim (RFC 7845 section 4).

Two counts run side by side. The granule position is the sender's: it includes the pre-skip and may begin anywhere. The
position is ours: samples that the whole stream has given so far. Packets are placed page by page, as only the page that
a packet ends on has a granule position; in a contiguous stream, positions could be given out packet by packet.
"""

from __future__ import annotations

from .items import AudioPacket

MAX_CONCEALED = 2 * 48000
"""Samples of one gap that are concealed at most."""

_ALL = 1 << 63  # more samples than a page has


class Places:
    """Places packets one behind the other: from ``position`` on, ``skip`` samples dropped, then ``keep`` kept."""

    __slots__ = ("keep", "position", "skip")

    def __init__(self, position: int, skip: int, keep: int) -> None:
        self.position = position
        self.skip = skip
        self.keep = keep

    def place(self, data: bytes, samples: int) -> AudioPacket:
        """Give the next packet, of ``samples`` samples, its place."""
        kept = min(samples, self.keep)
        skipped = min(self.skip, kept)
        packet = AudioPacket(data, self.position, samples, skipped, samples - kept)
        self.keep -= kept
        self.skip -= skipped
        self.position += kept - skipped
        return packet


class Timeline:
    """The time of one link, ``pre_skip`` samples of which are dropped, beginning at ``position`` of the output."""

    def __init__(self, position: int, pre_skip: int) -> None:
        self.position = position  # samples given out by the whole stream; grows only
        self.granule = 0  # granule position at the end of what was placed
        self.begun = False  # a packet was placed
        self._pre_skip = pre_skip
        self._skip = pre_skip  # what is left of it to drop

    def rescale(self, clock: int) -> None:
        """What was counted so far was counted at ``clock`` Hz."""
        self.granule = self.granule * 48000 // clock

    def conceal(self, granule: int, samples: int, most: int = MAX_CONCEALED) -> int:
        """Close the gap before a page whose packets have ``samples`` samples; return how many must be concealed.

        The sender's count says how long it was. What falls into the pre-skip need not be made up, only counted. A gap
        of more than ``most`` samples is closed as if it had been so long.
        """
        missing = min(max(granule - samples - self.granule, 0), most, MAX_CONCEALED)  # 0 without a granule position
        skipped = min(missing, self._skip)
        self._skip -= skipped
        self.granule += missing
        self.position += missing - skipped
        return missing - skipped

    def doubt(self, granule: int, samples: int, *, last: bool) -> str | None:
        """What is wrong with the granule position of the next page, whose packets have ``samples`` samples, if any."""
        if granule < 0:
            return "no granule position where packets end"
        if self.begun or granule >= samples:
            return None
        if last:
            return "the only page ends before the pre-skip does" if granule < self._pre_skip else None
        # RFC 7845 section 4.5: it must not be below the samples of the first page.
        return "the first granule position is too small"

    def place(self, packets: list[bytes], durations: list[int], granule: int, *, last: bool) -> list[AudioPacket]:
        """Give the packets that end on a page, of ``durations`` samples each, their positions.

        ``last`` says that the page ends the stream.
        """
        total = sum(durations)
        keep = self._kept(granule, total) if last else total
        self.granule = self.granule + total if granule < 0 else granule
        self.begun = self.begun or total > 0
        if self._skip or keep < total:
            return self._trimmed(packets, durations, keep)
        placed = []
        position = self.position
        for data, samples in zip(packets, durations, strict=True):
            placed.append(AudioPacket(data, position, samples, 0, 0))
            position += samples
        self.position = position
        return placed

    def ahead(self, granule: int, *, last: bool) -> Places:
        """The places that `place` would give, one by one, while the page's packets are not known yet."""
        return Places(self.position, self._skip, self._kept(granule, _ALL) if last else _ALL)

    def _kept(self, granule: int, total: int) -> int:
        """Samples that stay of the last page's packets (RFC 7845 section 4.4): what the granule position grows by, if
        there are so many.

        Only this page's packets are trimmed: those before it are already played. A position below the pre-skip on a
        page that is first and last is invalid (section 4.5), and ignored.
        """
        if granule < 0 or (not self.begun and granule < self._pre_skip):
            return total
        return max(granule - self.granule, 0)

    def _trimmed(self, packets: list[bytes], durations: list[int], keep: int) -> list[AudioPacket]:
        """Place packets of which ``keep`` samples stay, less what is left of the pre-skip."""
        places = Places(self.position, self._skip, keep)
        placed = [places.place(data, samples) for data, samples in zip(packets, durations, strict=True)]
        self.position, self._skip = places.position, places.skip
        return placed
