"""The received items of a speech as the bytes of one body: Ogg Opus, or samples in any container."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Protocol

from ..opus.head import OpusHead
from .item_stream import SpeechFrames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..audio.frame import PcmFrame
    from ..body.body_reader import BodyItem
    from .segment import Segment

AT_ONCE = 50
"""Received items that are worked on in one go, where they came at once: a second of most speech."""
FIRST_AT_ONCE = 8
"""The first of them, with which the first bytes leave: heads, and some 0.1 s."""
SAMPLES_AT_ONCE = 25
"""The same as `AT_ONCE` where they are decoded: 4 ms of work."""


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
        self._pages = Remuxer(AT_ONCE, one_link=True)
        self.at_once = FIRST_AT_ONCE

    def take(self, segment: Segment, items: list[BodyItem]) -> list[bytes]:
        """The pages of ``items``, as one."""
        return self.add(segment.index, items)

    def add(self, body: int, items: list[BodyItem]) -> list[bytes]:
        """The same for items of the body of that number."""
        pages: list[bytes] = []
        for item in items:
            pages += map(self._pages.take, self._packets.take(body, item))
            if type(item) is OpusHead:  # of what follows: its gain and its channels stay as they are
                pages += [*map(self._pages.take, self._packets.finish()), self._pages.begin(item)]
        pages.append(self._pages.flush())
        self.at_once = AT_ONCE
        return _joined(pages)

    def finish(self) -> list[bytes]:
        """The last pages."""
        return _joined([*map(self._pages.take, self._packets.finish()), self._pages.finish()])


class SpeechSamples:
    """Mono samples of ``rate`` (per second, one that Opus has), in the container that ``body`` writes."""

    def __init__(self, body: SampleBody, rate: int, volume: float = 1.0) -> None:
        from ..audio.convert import Converter

        self._frames = SpeechFrames(volume, rate)
        self._converter = Converter(1, rate)
        self._body = body
        self._begun = False
        self.at_once = FIRST_AT_ONCE

    def take(self, segment: Segment, items: list[BodyItem]) -> list[bytes]:
        """The bytes of the sound in ``items``."""
        self.at_once = SAMPLES_AT_ONCE
        return self._encoded(self._converted(self._frames.take(segment, items)))

    def finish(self) -> list[bytes]:
        """The rest. A body without any sound has no bytes at all."""
        rest = self._encoded(chain(self._converted(self._frames.finish()), self._converter.finish()))
        return _joined([*rest, self._body.finish()]) if self._begun else rest

    def _converted(self, frames: Iterator[PcmFrame]) -> Iterator[object]:
        for frame in frames:
            yield from self._converter.convert(frame)

    def _encoded(self, parts: Iterable[object]) -> list[bytes]:
        samples = b"".join(map(self._rounded, parts))
        if not samples:
            return []
        begin = b"" if self._begun else self._body.begin()
        self._begun = True
        return _joined([begin, self._body.feed(samples)])

    @staticmethod
    def _rounded(pcm: object) -> memoryview:
        from ..codec.link_decoder import round_int16

        return round_int16(pcm)


def _joined(parts: Iterable[bytes]) -> list[bytes]:
    """All of them as one; none where there are no bytes."""
    joined = b"".join(parts)
    return [joined] if joined else []
