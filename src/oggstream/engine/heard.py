"""Finds how much of a text was heard when its speech is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..audio.frame import RATE
from ..report import Heard
from ..text.word_borders import word_end_before, word_end_from
from .words import place_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .output.outlet import Outlet
    from .output.ring_writer import RingWriter
    from .segment import Segment


def heard(text: str, segments: Sequence[Segment], outlet: Outlet) -> Heard:
    """The part of ``text`` that the device has played: whole segments are exact, the last one may be an estimate."""
    writer = outlet.writer
    if writer is None:
        return Heard(text="", chars=0, seconds=0.0, exact=True)
    speech = writer.positions.speech_at(writer.ring.read)
    chars, exact = 0, True
    for segment in segments:
        if segment.start is None or segment.start >= speech:
            break
        if segment.stop is not None and segment.stop <= speech and not segment.broken:
            chars = segment.piece.end
            continue
        known = _by_words(segment, writer, speech * RATE // writer.ring.rate)
        if known is not None:
            chars = known
            break
        samples = (speech - segment.start) * RATE // writer.ring.rate
        chars = _word_near(text, segment, _share(segment, samples, outlet.characters_per_second))
        exact = False
        break
    return Heard(text=text[:chars], chars=chars, seconds=speech / writer.ring.rate, exact=exact)


def _by_words(segment: Segment, writer: RingWriter, speech: int) -> int | None:
    """The end of the last word whose middle lies before sample ``speech``; None if the words have no times."""
    words = place_words(segment, writer).words
    if not words:
        return None
    heard = [word.end for word in words if (word.start_sample + word.end_sample) / 2 < speech]
    return max(heard, default=segment.piece.start)


def _share(segment: Segment, samples: int, characters_per_second: float) -> float:
    """The share of the segment's words in its first ``samples``, from 0 to 1; pauses do not count."""
    sounding = _sounding(segment, samples)
    decoded, total = segment.loudness[-1] if segment.loudness else (0, 0)
    if decoded and (segment.stop is None or segment.broken):
        whole = segment.received
        if not segment.ended or segment.broken:
            whole = max(whole, round(len(segment.text) / characters_per_second * RATE))
        total = total * whole // decoded
    return min(1.0, sounding / total) if total else 0.0


def _sounding(segment: Segment, samples: int) -> int:
    """How many of the first ``samples`` can be heard."""
    before = (0, 0)
    for at, audible in segment.loudness:
        if at >= samples:
            return before[1] + (audible - before[1]) * (samples - before[0]) // (at - before[0])
        before = (at, audible)
    return before[1]


def _word_near(text: str, segment: Segment, share: float) -> int:
    """The end of the word, in the original text, nearest to a share of the segment."""
    at = segment.piece.at(share)
    start, end = segment.piece.start, segment.piece.end
    before = word_end_before(text, at, start)
    after = word_end_from(text, at, end)
    return before if at - before < after - at else after
