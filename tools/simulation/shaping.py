"""When servers release the bytes that they have synthesised: the habits of their muxers.

A body goes in together with a model of its synthesis; out come the arrivals at a client without a network between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from oggstream.ogg.page import Page, PageReader

RATE = 48000
HOLD = 1.0  # seconds of audio that ffmpeg's muxer has beyond a page of one second before it lets the page go

Arrivals = list[tuple[float, int]]


class Progress(Protocol):
    """A model of a synthesis."""

    def ready(self, seconds: float) -> float:
        """When the first ``seconds`` of audio are there, in seconds since the request."""
        ...


class Piece(NamedTuple):
    """Bytes that leave together, and how many seconds of audio there are up to their end."""

    size: int
    end: float


def generation_a(body: bytes, progress: Progress) -> Arrivals:
    """Ogg pages as soon as their audio is there, headers with the first; pages of 20 ms just so."""
    return _released(ogg_pieces(body), progress, hold=0.0)


def generation_b(body: bytes, progress: Progress) -> Arrivals:
    """Ogg pages as ffmpeg's muxer lets them go: the first at 2.0 s of audio, one a second, the last two together."""
    return _released(ogg_pieces(body), progress, hold=HOLD)


def pcm(body: bytes, progress: Progress, *, rate: int, piece: float = 0.04) -> Arrivals:
    """Samples of 16 bits in one channel at ``rate``, in chunks of ``piece`` seconds, as they come to be."""
    size = 2 * max(1, round(piece * rate))
    ends = range(size, len(body) + size, size)
    pieces = (Piece(min(end, len(body)) - (end - size), min(end, len(body)) / 2 / rate) for end in ends)
    return _released(pieces, progress, hold=0.0)


def delayed(arrivals: Arrivals, seconds: float) -> Arrivals:
    """The same, everything ``seconds`` later: the way of the request and back."""
    return [(at + seconds, size) for at, size in arrivals]


def in_chunks(arrivals: Arrivals, most: int) -> Arrivals:
    """The same, in pieces of at most ``most`` bytes, as sockets hand them over."""
    return [(at, min(most, size - taken)) for at, size in arrivals for taken in range(0, size, most)]


def ogg_pieces(body: bytes) -> list[Piece]:
    """The pages of an undamaged body of one link, its headers part of the first one with audio."""
    reader = PageReader()
    pieces: list[Piece] = []
    headers = 0
    for page in [*reader.feed(body), *reader.finish()]:
        if not isinstance(page, Page) or page.granule <= 0:
            headers += page.size
        else:
            pieces.append(Piece(headers + page.size, page.granule / RATE))
            headers = 0
    return pieces


def _released(pieces: Iterable[Piece], progress: Progress, *, hold: float) -> Arrivals:
    return list(_merged(_releases(list(pieces), progress, hold)))


def _releases(pieces: list[Piece], progress: Progress, hold: float) -> Iterator[tuple[float, int]]:
    latest = 0.0
    for piece in pieces:
        latest = max(latest, progress.ready(min(piece.end + hold, pieces[-1].end)))
        yield latest, piece.size


def _merged(arrivals: Iterable[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """What leaves at the same moment leaves in one piece."""
    held: tuple[float, int] | None = None
    for at, size in arrivals:
        if held is not None and held[0] == at:
            held = (at, held[1] + size)
            continue
        if held is not None:
            yield held
        held = (at, size)
    if held is not None:
        yield held
