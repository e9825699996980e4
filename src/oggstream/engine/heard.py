"""Finds how much of a text was heard when its speech is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..audio.frame import RATE
from ..report import Heard
from .words import ESTIMATE, place_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .output.outlet import Outlet
    from .segment import Segment


def heard(text: str, segments: Sequence[Segment], outlet: Outlet) -> Heard:
    """The part of ``text`` that the device has played: whole segments are exact, and the last one to the word whose
    middle was heard, if the times of its words were told; else that is an estimate.
    """
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
        placed = place_words(segment, outlet)
        ends = (word.end for word in placed.words if word.middle * writer.ring.rate < speech * RATE)
        chars = max(ends, default=segment.piece.start)
        exact = placed.told_by not in (ESTIMATE, None)
        break
    return Heard(text=text[:chars], chars=chars, seconds=speech / writer.ring.rate, exact=exact)
