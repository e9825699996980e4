"""What the best player could do that knew all arrivals beforehand, from the arrivals of a capture alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..audio.frame import RATE, PcmFrame
from ..body.body_reader import BodyReader
from ..options import SLOWEST
from ..opus.items import AudioPacket, Hole, PageWithdrawn
from ..sources.captures.replay_source import end_of

if TYPE_CHECKING:
    from ..sources.captures.capture import Capture


class Point(NamedTuple):
    """At ``at`` (seconds since the request) what sounds from ``begin`` to ``end`` (seconds of audio) was there."""

    at: float
    begin: float
    end: float


class Clairvoyant(NamedTuple):
    """The best that can be had. All times in seconds.

    ``first_packet`` is when the first audio was there, since the request. ``start`` is the smallest delay from then to
    the start of playback with which nothing is ever late; ``start_stretched`` the same for a player that may slow the
    speech down.
    """

    first_packet: float
    start: float
    start_stretched: float


def clairvoyant(points: list[Point], slowest: float = SLOWEST) -> Clairvoyant | None:
    """The best for packets that come as ``points`` say; None if there are none.

    A packet whose audio begins at m and that arrives a after the first one is not late if playback begins at least
    a - m after the first, or a - m / v when it is played at the rate v from the beginning.
    """
    if not points:
        return None
    first = min(point.at for point in points)
    start = max(0.0, *(point.at - first - point.begin for point in points))
    stretched = max(0.0, *(point.at - first - point.begin / slowest for point in points))
    return Clairvoyant(first, start, stretched)


def packets(capture: Capture) -> list[Point]:
    """When each packet of a capture was there, in the order in which they sound, by the reader that plays them.

    A packet is there with its own last byte, whether its page is complete or not, unless that page proves damaged.
    Nothing is known of a body that cannot be read: what was readable of it is returned. Without libopus, too.
    """
    from ..errors import FormatError

    reader = BodyReader(content_type=capture.content_type, format=_asked_for(capture))
    reader.eager = True
    points: list[Point] = []
    taken = 0
    try:
        for at, size in capture.arrivals:
            _take(points, reader.feed(capture.body[taken : taken + size]), at)
            while reader.pending:
                _take(points, reader.feed(b""), at)
            taken += size
        _take(points, reader.finish(), end_of(capture))
    except FormatError:
        pass
    return points


def _take(points: list[Point], items: Sequence[object], at: float) -> None:
    for item in items:
        if isinstance(item, AudioPacket):
            samples = item.samples - item.trim_start - item.trim_end
            _append(points, at, item.position, samples)
        elif isinstance(item, PcmFrame):
            _append(points, at, item.position, len(item.pcm) * RATE // item.rate)
        elif isinstance(item, Hole):
            _append(points, at, item.position, item.samples)
        elif isinstance(item, PageWithdrawn):
            while points and points[-1].begin * RATE >= item.position - 0.5:
                points.pop()


def _append(points: list[Point], at: float, position: int, samples: int) -> None:
    if samples > 0:
        points.append(Point(at, position / RATE, (position + samples) / RATE))


def _asked_for(capture: Capture) -> str:
    return "opus" if capture.format == "auto" else capture.format
