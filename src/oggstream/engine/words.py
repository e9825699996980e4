"""Places the words of a piece in the speech: maps their reported times to the samples heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..annotations import Word
from ..audio.frame import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .output.ring_writer import RingWriter
    from .segment import PieceAnswer, Segment

ROUNDING = RATE // 1000
"""Samples by which words may overlap, or exceed the sound: services count in milliseconds."""


class PlacedWord(NamedTuple):
    """A word of the speech: characters of the original text, samples at 48 kHz since the first one of the speech."""

    text: str
    start: int
    end: int
    start_sample: int
    end_sample: int
    told_by: str


class Placement(NamedTuple):
    """The words of a piece, in order. ``odd``: some were moved so that they follow each other within the sound."""

    words: list[PlacedWord]
    odd: bool


_NOTHING = Placement([], odd=False)


def place_words(segment: Segment, writer: RingWriter | None) -> Placement:
    """The words reported for ``segment``, as far as its sound is decoded."""
    if writer is None or segment.origin is None or segment.start is None:
        return _NOTHING
    if not any(answer.intake.annotations for answer in segment.answers):
        return _NOTHING
    scale = RATE / writer.ring.rate
    origin, before = round(segment.origin * scale), round(segment.start * scale)
    last = round((writer.speech if segment.stop is None else segment.stop) * scale)
    words: list[PlacedWord] = []
    odd = False
    for word in _reported(segment):
        begin, end = origin + word.start_sample, origin + word.end_sample
        if begin >= last and segment.stop is None:
            break  # its sound is not decoded yet
        start = min(max(begin, before), last)
        stop = min(max(end, start), last)
        if segment.stop is not None:
            odd = odd or abs(start - begin) > ROUNDING or abs(stop - end) > ROUNDING
        words.append(word._replace(start_sample=start, end_sample=stop))
        before = stop
    return Placement(words, odd)


def _reported(segment: Segment) -> Iterator[PlacedWord]:
    """The words as reported, their samples counted from the start of the piece."""
    piece = segment.piece
    limits = [answer.first_sample for answer in segment.answers[1:]]
    for answer, limit in zip(segment.answers, [*limits, None], strict=True):
        for word in answer.intake.annotations:
            if not isinstance(word, Word):
                continue
            begin = answer.first_sample + _heard(answer, word.start_sample)
            if limit is not None and begin >= limit:
                break  # dropped, and requested again in the next body
            end = answer.first_sample + _heard(answer, word.end_sample)
            start = piece.start_of(answer.first_character + word.start)
            stop = piece.locate(answer.first_character + word.end)
            yield PlacedWord(word.text, start, max(start, stop), begin, end, word.told_by)


def _heard(answer: PieceAnswer, position: int) -> int:
    """The sample of the body's sound at a position of the stream, which also counts the samples in ``gaps``."""
    left_out = 0
    for at, total in answer.gaps:
        if position < at:
            return min(position - left_out, at - total)
        left_out = total
    return position - left_out
