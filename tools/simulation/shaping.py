"""Models when servers release synthesised bytes, which depends on their muxers.

The input is a body with a model of its synthesis; the output is the arrivals at a client without a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from oggstream.ogg.page import Page, PageReader

RATE = 48000
HOLD = 1.0  # seconds of audio after a page of one second that ffmpeg's muxer needs before it releases the page

Arrivals = list[tuple[float, int]]


class Progress(Protocol):
    """A model of a synthesis."""

    def ready(self, seconds: float) -> float:
        """When the first ``seconds`` of audio are ready, in seconds since the request."""
        ...


class Piece(NamedTuple):
    """Bytes that are sent together, and the seconds of audio up to their end."""

    size: int
    end: float


def generation_a(body: bytes, progress: Progress) -> Arrivals:
    """Ogg pages as soon as their audio is ready, headers with the first one; also for pages of 20 ms."""
    return _released(ogg_pieces(body), progress, hold=0.0)


def generation_b(body: bytes, progress: Progress) -> Arrivals:
    """Ogg pages as ffmpeg's muxer releases them: the first at 2.0 s of audio, one per second, the last two together."""
    return _released(ogg_pieces(body), progress, hold=HOLD)


def pcm(body: bytes, progress: Progress, *, rate: int, piece: float = 0.04) -> Arrivals:
    """16-bit mono samples at ``rate``, in chunks of ``piece`` seconds, as soon as they are ready."""
    size = 2 * max(1, round(piece * rate))
    ends = range(size, len(body) + size, size)
    pieces = (Piece(min(end, len(body)) - (end - size), min(end, len(body)) / 2 / rate) for end in ends)
    return _released(pieces, progress, hold=0.0)


def delayed(arrivals: Arrivals, seconds: float) -> Arrivals:
    """The same arrivals ``seconds`` later: the round trip of the request."""
    return [(at + seconds, size) for at, size in arrivals]


def in_chunks(arrivals: Arrivals, most: int) -> Arrivals:
    """The same arrivals in chunks of at most ``most`` bytes, as sockets deliver them."""
    return [(at, min(most, size - taken)) for at, size in arrivals for taken in range(0, size, most)]


def ogg_pieces(body: bytes) -> list[Piece]:
    """The pages of an undamaged body of one link, with its headers joined to the first page of audio."""
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
    """Merge chunks that are sent at the same moment."""
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
