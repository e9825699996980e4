"""Places the words of a piece in the speech: as they were told, or else as they are estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..annotations import Speaker, Word
from ..audio.frame import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..text.piece import Piece
    from ..text.word_weights import WeighedWord
    from .output.outlet import Outlet
    from .output.ring_writer import RingWriter
    from .segment import PieceAnswer, Segment
    from .word_estimate import WordEstimate

ROUNDING = RATE // 1000
"""Samples by which words may overlap, or exceed the sound: services count in milliseconds."""
ESTIMATE = "estimate"
FEW = 4
"""Words that are too few to doubt the times of all."""
FASTEST = 150
"""Characters in a second that no voice can speak."""
SOUNDING = 0.88
"""The share of speech that is no pause."""


class PlacedWord(NamedTuple):
    """A word of the speech: characters of the original text, samples at 48 kHz since the first one of the speech.

    ``middle`` is that of the whole word, also where its sound breaks off.
    """

    text: str
    start: int
    end: int
    start_sample: int
    end_sample: int
    told_by: str
    middle: float = 0.0


class Placement(NamedTuple):
    """The words of a piece, in order.

    ``odd``: how many were moved so that they follow each other within the sound. ``doubted``: how many were told with
    times that no voice can have, so that these are estimated instead.
    """

    words: list[PlacedWord]
    odd: int = 0
    doubted: int = 0

    @property
    def told_by(self) -> str | None:
        """The origin of their times; None without words."""
        return self.words[0].told_by if self.words else None


_NOTHING = Placement([])


def place_words(segment: Segment, outlet: Outlet, floor: int = 0) -> Placement:
    """The words of ``segment``, as far as its sound is decoded. No estimate begins before sample ``floor`` (48 kHz)."""
    writer = outlet.writer
    if writer is None or segment.origin is None or segment.start is None:
        return _NOTHING
    place = _Place(segment, writer)
    if any(isinstance(item, Word) for answer in segment.answers for item in answer.intake.annotations):
        told = _told(segment, place)
        if not _is_doubtful(told, place):
            return told
        return _estimated(segment, outlet, place, floor)._replace(doubted=len(told.words))
    if segment.ended or not _will_tell(segment):
        return _estimated(segment, outlet, place, floor)
    return _NOTHING


class _Place:
    """Where a piece lies in the speech, in samples at 48 kHz. ``complete``: all of it is decoded."""

    def __init__(self, segment: Segment, writer: RingWriter) -> None:
        assert segment.origin is not None
        assert segment.start is not None
        scale = RATE / writer.ring.rate
        self.origin, self.start = round(segment.origin * scale), round(segment.start * scale)
        self.complete = segment.stop is not None
        self.last = round((writer.speech if segment.stop is None else segment.stop) * scale)


def _told(segment: Segment, place: _Place) -> Placement:
    before = place.start
    words: list[PlacedWord] = []
    odd = 0
    for word in reported_words(segment):
        begin, end = place.origin + word.start_sample, place.origin + word.end_sample
        if begin >= place.last and not place.complete:
            break  # its sound is not decoded yet
        start = min(max(begin, before), place.last)
        stop = min(max(end, start), place.last)
        odd += place.complete and (abs(start - begin) > ROUNDING or abs(stop - end) > ROUNDING)
        words.append(word._replace(start_sample=start, end_sample=stop, middle=(start + max(start, end)) / 2))
        before = stop
    return Placement(words, odd)


def _is_doubtful(told: Placement, place: _Place) -> bool:
    """Whether the times are in another unit, or of another sound: too short for any voice, or mostly outside of it."""
    if len(told.words) < FEW:
        return False
    first, last = told.words[0], told.words[-1]
    if last.middle - first.middle < (last.start - first.start) * RATE / FASTEST:
        return True
    return place.complete and told.odd > len(told.words) / 2


def _will_tell(segment: Segment) -> bool:
    """Whether the source may still tell words."""
    told = [item for item in segment.intake.annotations if isinstance(item, Speaker)]
    return told[-1].tells_words if told else segment.words_told


def _estimated(segment: Segment, outlet: Outlet, place: _Place, floor: int) -> Placement:
    piece = segment.piece
    if segment.estimate is None or segment.estimated_as != segment.spoken:
        segment.estimate = _new_estimate(piece, segment.spoken, segment.reported.count)
        segment.estimated_as = segment.spoken
    whole = segment.ended and not segment.broken
    expected = outlet.word_pace * segment.estimate.weight
    expected = expected or SOUNDING * RATE * len(piece.text) / outlet.characters_per_second
    segment.estimate.update(segment.loudness, segment.received if whole else None, expected, floor - place.origin)
    if place.complete and whole:
        outlet.word_pace = segment.estimate.pace
    words: list[PlacedWord] = []
    for (_, begins, ends), named in zip(segment.estimate.placed, segment.estimate.names, strict=False):
        first = min(max(place.origin + begins, place.start), place.last)
        last = min(max(place.origin + ends, place.start), place.last)
        words.append(PlacedWord(*named, first, last, ESTIMATE, place.origin + (begins + ends) / 2))
    return Placement(words)


def _new_estimate(piece: Piece, spoken: str | None = None, kept: int = 0) -> WordEstimate:
    """An estimate of the words of a piece; what stands for one word of the original text is one word.

    Of those behind the first ``kept`` words only the ones that were ``spoken``, if the service has told what was.
    """
    from .word_estimate import WordEstimate, weighed_words

    words: list[WeighedWord] = []
    for word in weighed_words(piece.text):
        if words and piece.start_of(words[-1].start) == piece.start_of(word.start):
            before = words.pop()
            words.append(word._replace(start=before.start, weight=before.weight + word.weight))
        else:
            words.append(word)
    if spoken is not None:
        words = words[:kept] + [words[at] for at in _said_of(piece.text, words, spoken) if at >= kept]
    return WordEstimate(words, [_named(piece, word) for word in words])


def _said_of(text: str, words: list[WeighedWord], spoken: str) -> list[int]:
    """Which of the words are in a transcript, in their order; all of them if it has none."""
    from difflib import SequenceMatcher

    from .word_estimate import weighed_words

    asked = [text[word.start : word.end].casefold() for word in words]
    said = [spoken[word.start : word.end].casefold() for word in weighed_words(spoken)]
    blocks = SequenceMatcher(None, asked, said, autojunk=False).get_matching_blocks()
    found = [at for block in blocks for at in range(block.a, block.a + block.size)]
    return found or list(range(len(words)))


def _named(piece: Piece, word: WeighedWord) -> tuple[str, int, int]:
    """The text of a word, as it was written, and its characters of the original text."""
    replaced = piece.replaced_at(word.start)
    text = replaced.written if replaced else piece.text[word.start : word.end]
    return text, piece.start_of(word.start), piece.locate(word.end)


def reported_words(segment: Segment) -> Iterator[PlacedWord]:
    """The words as reported, their samples counted from the start of the piece; all that is said for one is one."""
    before: PlacedWord | None = None
    for word, character in _each_reported(segment):
        replaced = segment.piece.replaced_at(character)
        now = word._replace(text=replaced.written, start=replaced.start, end=replaced.end) if replaced else word
        if before and replaced and before.start == now.start:
            before = before._replace(end_sample=max(before.end_sample, now.end_sample))
        else:
            if before:
                yield before
            before = now
    if before:
        yield before


def _each_reported(segment: Segment) -> Iterator[tuple[PlacedWord, int]]:
    """Each word that was reported, and where in the piece it stands."""
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
            character = answer.first_character + word.start
            start, stop = piece.start_of(character), piece.locate(answer.first_character + word.end)
            yield PlacedWord(word.text, start, max(start, stop), begin, end, word.told_by), character


def _heard(answer: PieceAnswer, position: int) -> int:
    """The sample of the body's sound at a position of the stream, which also counts the samples in ``gaps``."""
    left_out = 0
    for at, total in answer.gaps:
        if position < at:
            return min(position - left_out, at - total)
        left_out = total
    return position - left_out
