"""Estimates when the words of a piece are spoken, from its text and the loudness of its sound. Pure.

The time that sounds is shared out by the weights of the words (`oggstream.text.word_weights`), between anchors: places
where a pause of the sound is taken for a border of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import accumulate, islice, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from ..audio.frame import RATE
from .pause_matching import MOST_MATCHED, Anchor, Pause, matched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..text.word_weights import WeighedWord

SHORTEST_PAUSE = RATE * 8 // 100
"""Samples of silence that may be a border; a stop consonant is silent for less."""
NEAR_PAUSE = RATE * 6 // 100
"""A word whose estimate lies that near to a pause, in samples that sound, begins behind the pause."""
TRUST = 60.0
"""Weights that must be heard until the pace that they had counts as much as the expected one."""

_TAG = re.compile("<[^>]*>")
Loudness = list[tuple[int, int]]
"""Per frame, the running totals of decoded samples and of audible ones."""


class Estimated(NamedTuple):
    """A word, and its samples at 48 kHz in the sound of the piece; it may end behind what is decoded."""

    word: WeighedWord
    start_sample: int
    end_sample: int


class WordEstimate:
    """Places ``words`` in the sound of their piece; `update` it while that is decoded.

    ``placed`` are the words that begin in what is decoded. The first ``settled`` of them stay as they are. ``names``:
    of each word its text, and its characters of the original text.
    """

    def __init__(self, words: Sequence[WeighedWord], names: Sequence[tuple[str, int, int]] = ()) -> None:
        self.names = names
        self.placed: list[Estimated] = []
        self.settled = 0
        self._words = list(words)
        self._weights = _sums(self._words)
        self._pauses: list[Pause] = []
        self._scanned = 0  # frames
        self._silent_from: tuple[int, int] | None = None  # the frame behind which the latest silence began
        self._anchors = [Anchor(0, 0)]

    @property
    def weight(self) -> float:
        """The weight of all words."""
        return self._weights[-1]

    @property
    def pace(self) -> float:
        """Audible samples for each weight; 0 before there is sound."""
        return self._anchors[-1].sounded / self.weight if len(self._anchors) > 1 else 0.0

    def update(self, loudness: Loudness, total: int | None, expected: float, floor: int = 0) -> None:
        """Estimate anew. ``total``: the samples of the whole piece, None while that is unknown; ``expected``: the
        audible ones that it may have then. What is not settled begins at ``floor`` or behind it.
        """
        if not self._words or not loudness or not loudness[-1][1]:
            return
        self._scan(loudness)
        anchors = self._kept()
        end = Anchor(self._sounding(loudness, total, expected), len(self._words))
        self._anchors = [*anchors, *self._between(anchors[-1], end), end]
        self._place(loudness, floor)

    def _kept(self) -> list[Anchor]:
        """The anchors among the words that are settled."""
        return [anchor for anchor in self._anchors if anchor.word < self.settled or not anchor.word]

    def _sounding(self, loudness: Loudness, total: int | None, expected: float) -> int:
        """The audible samples that the piece has, or is expected to have."""
        decoded, sounded = loudness[-1]
        if total is not None:
            return max(sounded, sounded * total // decoded)
        known = self._anchors[-2] if len(self._anchors) > 1 else self._anchors[0]
        weight = self._weights[known.word]
        pace = (known.sounded + expected / self.weight * TRUST) / (weight + TRUST)
        return max(sounded, round(known.sounded + pace * (self.weight - weight)))

    def _scan(self, loudness: Loudness) -> None:
        """Find the pauses in the frames that are new."""
        if self._scanned > len(loudness):  # some were withdrawn
            self._scanned, self._silent_from = 0, None
            self._pauses.clear()
        before = loudness[self._scanned - 1] if self._scanned else (0, 0)
        for frame in loudness[self._scanned :]:
            if frame[1] == before[1]:
                self._silent_from = self._silent_from or before
            elif self._silent_from is not None:
                begun, self._silent_from = self._silent_from, None
                if before[0] - begun[0] >= SHORTEST_PAUSE and begun[1]:
                    self._pauses.append(Pause(begun[1], before[0] - begun[0], before[0]))
            before = frame
        self._scanned = len(loudness)

    def _between(self, base: Anchor, end: Anchor) -> list[Anchor]:
        """The anchors between two, found for some pauses at a time."""
        anchors: list[Anchor] = []
        while True:
            first = bisect_right(self._pauses, base.sounded, key=itemgetter(0))
            pauses = self._pauses[first : first + MOST_MATCHED]
            borders = ((at, self._words[at - 1].border) for at in range(base.word + 1, end.word))
            some = list(islice((border for border in borders if border[1]), MOST_MATCHED))
            found = matched(base, end, pauses, some, self._weights)
            if first + MOST_MATCHED >= len(self._pauses) or not found:
                return [*anchors, *found]
            anchors += found[: -(-len(found) // 2)]
            base = anchors[-1]

    def _place(self, loudness: Loudness, floor: int) -> None:
        """Share out the time between the anchors, for the words that are not settled."""
        del self.placed[self.settled :]
        decoded = loudness[-1][0]
        for left, right in pairwise(self._anchors):
            first = self._weights[left.word]
            pace = (right.sounded - left.sounded) / (self._weights[right.word] - first)
            for at in range(max(left.word, self.settled), right.word):
                start = max(floor, self._begin(loudness, left.sounded + (self._weights[at] - first) * pace))
                stop = _sample(loudness, left.sounded + (self._weights[at + 1] - first) * pace)
                if start >= decoded:
                    return
                self._add(Estimated(self._words[at], start, stop))

    def _add(self, added: Estimated) -> None:
        """Add a word behind the others, of which the last ends where it begins or before."""
        start = added.start_sample
        if self.placed:
            last = self.placed[-1]
            start = max(start, last.start_sample)
            self.placed[-1] = last._replace(end_sample=min(last.end_sample, start))
        self.placed.append(added._replace(start_sample=start, end_sample=max(start, added.end_sample)))

    def _begin(self, loudness: Loudness, sounded: float) -> int:
        """Where a word begins that is expected behind ``sounded`` audible samples."""
        at = bisect_left(self._pauses, sounded - NEAR_PAUSE, key=itemgetter(0))
        near = min(self._pauses[at : at + 2], key=lambda pause: abs(pause.sounded - sounded), default=None)
        if near is not None and abs(near.sounded - sounded) <= NEAR_PAUSE:
            return near.end
        return _sample(loudness, sounded, behind=True)


def _sums(words: list[WeighedWord]) -> list[float]:
    """The weight before each word, and of all."""
    return [0.0, *accumulate(word.weight for word in words)]


def _sample(loudness: Loudness, sounded: float, *, behind: bool = False) -> int:
    """The sample up to which ``sounded`` audible ones reach; ``behind``: the one behind a silence there."""
    at = (bisect_right if behind else bisect_left)(loudness, sounded, key=itemgetter(1))
    before = loudness[at - 1] if at else (0, 0)
    if at == len(loudness):
        return round(before[0] + sounded - before[1])
    frame = loudness[at]
    share = (sounded - before[1]) / (frame[1] - before[1]) if frame[1] > before[1] else 0.0
    return round(before[0] + share * (frame[0] - before[0]))


def weighed_words(text: str) -> list[WeighedWord]:
    """The words of a piece; of a document of SSML those between its tags."""
    from ..text.ssml import is_ssml
    from ..text.word_weights import weighed

    return weighed(_TAG.sub(lambda tag: " " * len(tag[0]), text) if is_ssml(text) else text)
