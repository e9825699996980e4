"""A body that is made anew, joined to what came of it before: it goes on at the sample where the other one ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import SourceBrokenError

if TYPE_CHECKING:
    from ...opus.items import AudioPacket

ROLL = 3840
"""Samples at 48 kHz that a decoder hears before it gives the right ones (RFC 7845 section 4.6)."""
_OGG = b"OggS"
_SAMPLES = (b"RIFF", b"RF64")


class Rejoined:
    """``had`` is what came before. The same bytes again are left out; so are as many of samples; and of another Ogg
    Opus stream, the packets that were there already: the rest is a link of its own.

    ``samples``: it has no container. `feed` raises `SourceBrokenError` for what cannot be joined.
    """

    def __init__(self, had: bytes, *, samples: bool) -> None:
        self._had = had
        self._counts = samples or had.startswith(_SAMPLES)
        self._came = bytearray()
        self._joined = False
        self._relinked: _Relinked | None = None

    def feed(self, data: bytes) -> bytes:
        """What is new in the next bytes of the body."""
        if self._joined:
            return data if self._relinked is None else self._relinked.feed(data)
        self._came += data
        common = min(len(self._came), len(self._had))
        if self._counts or self._came[:common] == self._had[:common]:
            self._joined = len(self._came) >= len(self._had)
            return bytes(self._came[len(self._had) :])
        if not (self._had.startswith(_OGG) and self._came[: len(_OGG)] == _OGG[: len(self._came)]):
            raise SourceBrokenError("the process that made this phrase is gone, and it cannot be continued; try again")
        self._joined, self._relinked = True, _Relinked(self._had)
        return self._relinked.feed(bytes(self._came))

    def finish(self) -> bytes:
        """The last of it."""
        return self._relinked.finish() if self._relinked is not None else b""


class _Relinked:
    """A stream of Ogg Opus without what ``had`` holds of it."""

    def __init__(self, had: bytes) -> None:
        from ...opus.opus_reader import OpusReader
        from ...opus.remux import Remuxer

        self._heard = max(map(_end, _packets(OpusReader().feed(had))), default=0)
        self._reader = OpusReader()
        self._pages = Remuxer()

    def feed(self, data: bytes) -> bytes:
        return b"".join(map(self._take, _packets(self._reader.feed(data))))

    def finish(self) -> bytes:
        return b"".join(map(self._take, _packets(self._reader.finish()))) + self._pages.finish()

    def _take(self, packet: AudioPacket) -> bytes:
        if _end(packet) <= self._heard - ROLL:
            return b""
        known = min(max(self._heard - packet.position, 0), packet.samples - packet.trim_start - packet.trim_end)
        return self._pages.take(packet._replace(trim_start=packet.trim_start + known))


def _packets(items: Sequence[object]) -> list[AudioPacket]:
    from ...opus.items import AudioPacket

    return [item for item in items if isinstance(item, AudioPacket)]


def _end(packet: AudioPacket) -> int:
    """Up to which sample one has heard with it."""
    return packet.position + packet.samples - packet.trim_start - packet.trim_end
