"""The received items of a speech as the bytes of one body: Ogg Opus, or samples in any container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..opus.head import OpusHead
from .item_stream import SpeechFrames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..audio.frame import PcmFrame
    from ..body.body_reader import BodyItem
    from .segment import Segment

PACKETS_PER_PAGE = 50
"""At most, where they come at once: a second of most speech."""
HELD_BYTES = 32 << 10
"""Samples that are encoded at once where much has come: two thirds of a second."""


class SampleBody(Protocol):
    """A body made of samples: `begin` once, `feed` with mono 16-bit samples in native order, `finish` once."""

    def begin(self) -> bytes:
        """The bytes before any audio."""
        ...

    def feed(self, pcm: bytes) -> bytes:
        """The bytes that are complete now, perhaps none."""
        ...

    def finish(self) -> bytes:
        """The rest."""
        ...


class SpeechPages:
    """Ogg Opus in one link, of the service's own packets; sound that came as samples is encoded.

    Packets that come together share a page, which leaves at once; so the first page is there with the first packet.
    """

    def __init__(self) -> None:
        from ..codec.recode import PacketMaker
        from ..opus.remux import Remuxer

        self._packets = PacketMaker()
        self._pages = Remuxer(PACKETS_PER_PAGE, one_link=True)

    def take(self, segment: Segment, item: BodyItem) -> list[bytes]:
        """The pages that ``item`` completes."""
        pages = [*map(self._pages.take, self._packets.take(segment.index, item))]
        if isinstance(item, OpusHead):  # of what follows: its gain and its channels stay as they are
            pages += [*map(self._pages.take, self._packets.finish()), self._pages.begin(item)]
        return _filled(pages)

    def flush(self) -> list[bytes]:
        """The page at hand."""
        return _filled((self._pages.flush(),))

    def finish(self) -> list[bytes]:
        """The last pages."""
        return _filled((*map(self._pages.take, self._packets.finish()), self._pages.finish()))


class SpeechSamples:
    """Mono samples of ``rate`` (per second), in the container that ``body`` writes."""

    def __init__(self, body: SampleBody, rate: int, volume: float = 1.0) -> None:
        from ..audio.convert import Converter

        self._frames = SpeechFrames(volume)
        self._converter = Converter(1, rate)
        self._body = body
        self._held = bytearray()
        self._begun = False

    def take(self, segment: Segment, item: BodyItem) -> list[bytes]:
        """The bytes of much sound; little is kept for `flush`."""
        self._hold(self._frames.take(segment, item))
        return self.flush() if len(self._held) >= HELD_BYTES else []

    def flush(self) -> list[bytes]:
        """The bytes of all samples so far."""
        held, self._held = bytes(self._held), bytearray()
        if not held:
            return []
        begin = b"" if self._begun else self._body.begin()
        self._begun = True
        return _filled((begin + self._body.feed(held),))

    def finish(self) -> list[bytes]:
        """The rest. A body without any sound has no bytes at all."""
        self._hold(self._frames.finish())
        for pcm in self._converter.finish():
            self._held += self._rounded(pcm)
        rest = self.flush()
        return [*rest, *_filled((self._body.finish(),))] if self._begun else rest

    def _hold(self, frames: Iterator[PcmFrame]) -> None:
        for frame in frames:
            for pcm in self._converter.convert(frame):
                self._held += self._rounded(pcm)

    @staticmethod
    def _rounded(pcm: object) -> memoryview:
        from ..codec.link_decoder import round_int16

        return round_int16(pcm)


def _filled(parts: Iterable[bytes]) -> list[bytes]:
    return [part for part in parts if part]
