"""How much sound a body may ask for, so that what decoding costs is bounded by the bytes that have arrived.

A packet of two bytes can be 120 ms of 255 channels; a page of 29 bytes can claim that two seconds are lost, and one of
49 begin a link with a decoder of its own. So a few kilobytes could keep a processor busy for hours. Opus itself goes
down to 6 kbit/s (RFC 6716 section 2.1.1). A body may average as little as 3 kbit/s for each channel that is coded,
and have two minutes more, which under DTX is silence of several minutes. What goes beyond that is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..opus.head import OpusHead

SAMPLES_PER_BYTE = 128
"""Samples (48 kHz, of one coded channel) that each byte of the body allows for: 375 bytes a second."""

BURST = 120 * 48000
"""Samples that are allowed beyond that."""

LINK = 2880
"""Samples per channel that a new decoder counts for: making one takes as long as decoding these."""


MAX_HOLE = 1 << 23
"""Samples of one hole over all output channels, which are in memory at once: two seconds of up to 87 channels."""


class Budget:
    """Samples of coded channels that a body has used up, against the bytes that it has had."""

    def __init__(self) -> None:
        self._spent = 0
        self._void = 0  # samples that were decoded for nothing
        self._widest = 0  # channels of the widest link so far, to which others may be mixed

    def begin(self, head: OpusHead) -> None:
        """Note that a link has audio, which takes a decoder."""
        self._widest = max(self._widest, head.channels)
        self.spend(head, LINK)

    def room(self, head: OpusHead, end: int) -> int:
        """Samples per channel that a page of the link which ends at byte ``end`` of the body may still give."""
        return (BURST + end * SAMPLES_PER_BYTE - self._spent) // self.weight(head)

    def early(self, head: OpusHead, end: int) -> int:
        """Samples per channel that a page of the link may give when only its bytes up to ``end`` have come.

        What was given of pages that proved damaged is not given again: it counts against these alone, so that whole
        pages are played as if they alone were read.
        """
        return self.room(head, end) - self._void // self.weight(head)

    def withdraw(self, head: OpusHead, samples: int) -> None:
        """Note that ``samples`` per channel were given early, and in vain."""
        self._void += samples * self.weight(head)

    def hole(self, head: OpusHead, end: int) -> int:
        """Samples per channel that a hole before such a page may have at most."""
        return max(0, min(self.room(head, end), MAX_HOLE // head.channels))

    def spend(self, head: OpusHead, samples: int) -> None:
        """Use up ``samples`` per channel of the link."""
        self._spent += samples * self.weight(head)

    def weight(self, head: OpusHead) -> int:
        """How many coded channels a sample costs: those to be decoded, and the copying of output beyond 8 channels."""
        return head.streams + head.coupled + max(head.channels - 8, self._widest - 8, 0) // 4
