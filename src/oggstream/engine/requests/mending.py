"""Finds where a piece of text can be continued after the connection was lost in the middle of its speech.

Words whose times were told match the sound with the text; without them pauses do: a pause near the expected end of a
clause is taken for that end. The audio after it is dropped, and the text after it is requested again.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

from ...annotations import Annotation, Word
from ...audio.frame import RATE

SHORTEST_PAUSE = RATE // 10  # samples of silence between two clauses
NEAR = 0.2  # how far a clause may end from its expected place, as a share of the text before it
NEAR_CHARACTERS = 10  # or this many
_CLAUSE_ENDS = frozenset(",.;:!?…—\n،؟।")  # followed by a space
_WIDE_ENDS = frozenset("\u3002\u3001\uff01\uff1f\uff0c\uff1b\uff1a")  # Chinese and Japanese: no space


class Continuation(NamedTuple):
    """Keep the first ``samples`` (48 kHz) of the piece, and request its text from character ``chars`` on."""

    samples: int
    chars: int


def behind_a_word(text: str, annotations: Iterable[Annotation], earliest: int, received: int) -> Continuation | None:
    """The end of the last word that came whole, if it was told where that is; None if no word is left behind it.

    ``received``: samples (48 kHz) that came; of those, ``earliest`` cannot be dropped any more.
    """
    words = [item for item in annotations if isinstance(item, Word)]
    best = None
    for word, following in zip_longest(words, words[1:]):
        until = word.end_sample if following is None else (word.end_sample + following.start_sample) // 2
        samples = min(max(until, word.end_sample), received)
        rest = next((at for at in range(word.end, len(text)) if text[at].isalnum()), None)
        if word.end_sample <= received and samples >= earliest and rest is not None:
            best = Continuation(samples, rest)
    return best


def continuation(text: str, loudness: list[tuple[int, int]], earliest: int, rate: float) -> Continuation | None:
    """The last place at which ``text`` can be continued; None if none is certain enough.

    ``loudness``: per frame, the running totals of received and of audible samples; ``earliest``: samples that cannot
    be dropped any more; ``rate``: characters spoken per second.
    """
    if not loudness:
        return None
    total, audible = loudness[-1]
    ends = _clause_ends(text)
    best = None
    for pause, sounded in _pauses(loudness):
        if pause < earliest or not audible:
            continue
        spoken = rate * total / RATE * sounded / audible  # characters before the pause, at an even pace
        near = min(ends, key=lambda end: abs(end - spoken), default=None)
        if near is not None and abs(near - spoken) <= max(NEAR_CHARACTERS, NEAR * spoken):
            best = Continuation(pause, near)
    return best


def _pauses(loudness: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The middle of each pause between sounds, and the audible samples before it."""
    pauses = []
    begun = before = (0, 0)
    for frame in loudness:
        if frame[1] > before[1]:
            if before[0] - begun[0] >= SHORTEST_PAUSE and begun[1]:
                pauses.append(((begun[0] + before[0]) // 2, begun[1]))
            begun = frame
        before = frame
    if before[0] - begun[0] >= SHORTEST_PAUSE and begun[1]:
        pauses.append(((begun[0] + before[0]) // 2, begun[1]))
    return pauses


def _clause_ends(text: str) -> list[int]:
    """The places at which the text can be continued: after a mark that ends a clause, and the space after it."""
    ends = []
    for at, mark in enumerate(text[:-1], 1):
        if mark in _WIDE_ENDS or (mark in _CLAUSE_ENDS and text[at].isspace()):
            rest = text[at:]
            end = len(text) - len(rest.lstrip())
            if end < len(text):
                ends.append(end)
    return ends
