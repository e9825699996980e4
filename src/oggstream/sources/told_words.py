"""What a service tells of words, as words of the text that it was given. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

from ..annotations import Word
from ..audio.frame import RATE
from ..text.told_text import TextWord, is_spoken, letters_of, words_of
from ..text.word_borders import ends_word

LONGEST_WORD = 10.0
"""Seconds of a word at most; what ends later is cut."""
LONGEST_PAUSE = 60.0
"""Seconds between two words at most: what begins later is not of this text."""
MOST_WAITING = 64
"""Words that fit nowhere yet; beyond that, the oldest one is counted as missed."""
_OVERLAP = RATE // 20  # samples by which a word may begin before the one told ahead of it
_LONGEST_TEXT = 10_000  # characters of a word or, with some services, a sentence
_LONGEST_GROUP = 200  # characters told one by one, without a border between them
_EVIDENCE = 4  # letters by which a place in the text is found again; each word left out asks for another one
_CANDIDATES = 8  # places of a word that are looked at
_RUN = 16  # words in a row that are looked at


class _Told(NamedTuple):
    """A word as told; ``start`` and ``end`` in seconds."""

    text: str
    letters: str
    start: float
    end: float


class ToldWords:
    """Finds the words that a service tells in ``text``, which it was given to speak, and gives them as `Word`.

    Both go forward only: each word of the text gets one place at most, and places follow each other. Case, punctuation
    and accents do not matter, and words may be told in parts or several as one. What is told in other words ("twenty
    five dollars" for "$25") is placed as soon as the words behind it fit again. ``missed`` counts what was told and has
    no place: words that are not in the text, without a time, or before the one told ahead of them.

    Times are seconds from the first sample of the sound of ``text``. Takes time in proportion to what is told, of which
    no more is looked at than ``text`` can hold. Raises nothing, whatever is told.
    """

    def __init__(self, text: str, told_by: str = "service") -> None:
        self.missed = 0
        self._text = text
        self._told_by = told_by
        self._words = list(words_of(text))
        self._ends = [0, *accumulate(len(word.letters) for word in self._words)]  # letters before each word, and all
        self._borders = frozenset(self._ends)
        self._letters = "".join(word.letters for word in self._words)
        self._places: dict[str, list[int]] = {}
        for number, word in enumerate(self._words):
            self._places.setdefault(word.letters, []).append(number)
        self._at = 0  # the first word without a place
        self._reach = 0  # letters of the text that are told, where all that waits is as in the text
        self._waiting: list[_Told] = []
        self._agrees = True  # what waits is as in the text
        self._group: list[tuple[str, float | None, float | None]] = []  # characters of a word that may go on
        self._room = 20 * len(text) + 1000  # characters that are looked at; a word takes the room of five
        self._begun = self._until = 0  # samples, of the last word

    def words(self, told: Sequence[tuple[Any, Any, Any]]) -> list[Word]:
        """Take words of one message, (text, start, end) each; return those that have a place now."""
        found: list[_Told] = []
        for text, start, end in self._admitted(told, 5):
            begins, ends = _seconds(start), _seconds(end)
            if begins is None or not isinstance(text, str) or len(text) > _LONGEST_TEXT:
                self.missed += 1
            elif letters := letters_of(text):
                found.append(_Told(text, letters, begins, begins if ends is None else ends))
        found.sort(key=lambda word: word.start)
        return self._take(found)

    def characters(self, chars: Sequence[Any], starts: Sequence[Any], ends: Sequence[Any]) -> list[Word]:
        """Take characters and their times; a word may begin in one message and end in the next. See `words`."""
        found: list[_Told] = []
        for char, start, end in zip(self._admitted(chars, 1), starts, ends, strict=False):
            if isinstance(char, str) and char:
                if self._group and self._ends_before(char):
                    found += self._end_group()
                self._group.append((char[:_LONGEST_GROUP], _seconds(start), _seconds(end)))
        self.missed += max(0, len(chars) - min(len(starts), len(ends)))
        return self._take(found)

    def finish(self) -> list[Word]:
        """Nothing more is told: the words that were waited with."""
        given = self._take(list(self._end_group()))
        if self._waiting:
            stop = min(len(self._words), self._at + 2 * len(self._waiting) + _CANDIDATES)
            if self._agrees:
                stop = bisect_left(self._ends, self._reach)
            self._settle(stop, given, open_end=True)
        return given

    def _admitted(self, told: Sequence[Any], size: int) -> Sequence[Any]:
        admitted = told[: self._room // size]
        self._room -= size * len(admitted)
        self.missed += len(told) - len(admitted)
        return admitted

    def _ends_before(self, char: str) -> bool:
        """Whether the word told in characters ends before ``char``."""
        before = "".join(part for part, _, _ in self._group[-3:])
        return len(self._group) >= _LONGEST_GROUP or char.isspace() or ends_word(before + char, len(before))

    def _end_group(self) -> Iterator[_Told]:
        """The word told in characters, whose time is that of what is spoken of it: commas have pauses."""
        group, self._group = self._group, []
        spoken = [part for part in group if any(map(is_spoken, part[0]))]
        if not spoken:
            return
        begins, ends = spoken[0][1], spoken[-1][2]
        if begins is None:
            self.missed += 1
            return
        text = "".join(part[0] for part in group)
        yield _Told(text, letters_of(text), begins, begins if ends is None else ends)

    def _take(self, told: list[_Told]) -> list[Word]:
        given: list[Word] = []
        for word in told:
            if self._at == len(self._words):
                self.missed += 1
                continue
            self._waiting.append(word)
            if self._agrees and self._letters.startswith(word.letters, self._reach):
                self._reach += len(word.letters)
                if self._reach in self._borders:
                    self._agree(given)
                continue
            self._agrees = False
            if (place := self._found_again()) is not None:
                self._settle(place + 1, given)
            elif len(self._waiting) > MOST_WAITING:
                del self._waiting[0]
                self.missed += 1
        return given

    def _found_again(self) -> int | None:
        """The number of the word that was told last, if it is certain where in the text that is."""
        places = self._places.get(self._waiting[-1].letters, [])
        first = bisect_left(places, self._at)
        usual = self._at + len(self._waiting) - 1
        for place in places[first : first + _CANDIDATES]:
            if place - self._at > 2 * len(self._waiting) + _CANDIDATES:
                break
            if self._agreement(place) >= _EVIDENCE + max(0, place - usual):
                return place
        return None

    def _agreement(self, place: int) -> int:
        """Letters of the last words told that are those of the text up to ``place``; a character of Chinese is two."""
        letters = 0
        last = min(len(self._waiting), place - self._at + 1, _RUN)
        for back in range(last):
            told = self._waiting[-1 - back].letters
            if told != self._words[place - back].letters:
                break
            letters += len(told) if told.isascii() else 2 * len(told)
        return letters

    def _agree(self, given: list[Word]) -> None:
        """Give the words that wait, which are those of the text letter by letter."""
        stop = bisect_left(self._ends, self._reach)
        self._share(self._words[self._at : stop], self._waiting, given, exact=True)
        self._go_on(stop)

    def _settle(self, stop: int, given: list[Word], *, open_end: bool = False) -> None:
        """Give the words that wait, which are those of the text before ``stop`` in other words."""
        from difflib import SequenceMatcher

        told, words = self._waiting, self._words[self._at : stop]
        matcher = SequenceMatcher(None, [word.letters for word in told], [word.letters for word in words], False)
        for kind, first, last, begin, end in matcher.get_opcodes():
            if kind == "equal":
                for word, said in zip(words[begin:end], told[first:last], strict=True):
                    self._share([word], [said], given, exact=True)
            elif kind == "replace":
                if open_end and last == len(told):
                    self._guess(words[begin:end], told[first:], given)
                else:
                    self._share(words[begin:end], told[first:last], given, exact=False)
            elif kind == "delete":
                self.missed += last - first
        self._go_on(stop)

    def _guess(self, words: Sequence[TextWord], told: Sequence[_Told], given: list[Word]) -> None:
        """Share the last words if they may be those that were told: numbers, marks, or others with the same initial."""
        words = words[: len(told)]
        pairs = zip((word.letters for word in words), (said.letters for said in told), strict=False)
        if all(not letters.isalpha() or letters[0] == said[0] for letters, said in pairs):
            self._share(words, told, given, exact=False)
        else:
            self.missed += len(told)

    def _go_on(self, stop: int) -> None:
        self._at, self._reach = stop, self._ends[stop]
        self._waiting, self._agrees = [], True

    def _share(self, words: Sequence[TextWord], told: Sequence[_Told], given: list[Word], *, exact: bool) -> None:
        """Give ``words``, which were told as ``told``: letter by letter, else (not ``exact``) in proportion."""
        clock = _Clock(told)
        borders = [0, *accumulate(_weight(word.letters, exact=exact) for word in words)]
        marks = clock.marks(borders, whole=not exact and len(words) <= len(told))
        start = 0
        for number, word in enumerate(words):
            after = words[number + 1] if number + 1 < len(words) else None
            if after is not None and after.start == word.end and not clock.is_border(marks[number + 1]):
                continue  # characters of one word, in a script without spaces
            begin, end = marks[start], marks[number + 1]
            text = None if exact else clock.text(begin, end)
            self._give(words[start]._replace(end=word.end), text, clock.start(begin), clock.end(end), given)
            start = number + 1

    def _give(self, word: TextWord, text: str | None, begins: float, ends: float, given: list[Word]) -> None:
        begin = round(begins * RATE)
        if begin < self._begun - _OVERLAP or begin > self._until + LONGEST_PAUSE * RATE:
            self.missed += 1
            return
        begin = max(begin, self._begun if given else self._until)
        if given and given[-1].end_sample > begin:
            given[-1] = replace(given[-1], end_sample=begin)
        stop = max(begin, round(min(ends, begins + LONGEST_WORD) * RATE))
        given.append(
            Word(
                text=text or self._text[word.start : word.end],
                start=word.start,
                end=word.end,
                start_sample=begin,
                end_sample=stop,
                told_by=self._told_by,
            )
        )
        self._begun, self._until = begin, stop


class _Clock:
    """Times within words that were told, by marks: letters since the first one, also parts of letters."""

    def __init__(self, told: Sequence[_Told]) -> None:
        self._told = told
        self._borders = [0, *accumulate(len(word.letters) for word in told)]

    def marks(self, borders: Sequence[int], *, whole: bool) -> list[float]:
        """The marks of ``borders``, which count something else. ``whole``: at the nearest borders of what was told."""
        scale = self._borders[-1] / borders[-1]
        marks = [border * scale for border in borders[:-1]] + [float(self._borders[-1])]
        if not whole:
            return marks
        taken = 0
        for number in range(1, len(marks) - 1):
            last = len(self._borders) - len(marks) + number
            taken = min(range(taken + 1, last + 1), key=lambda at: abs(self._borders[at] - marks[number]))
            marks[number] = self._borders[taken]
        return marks

    def is_border(self, mark: float) -> bool:
        at = bisect_left(self._borders, mark)
        return self._borders[at] == mark

    def start(self, mark: float) -> float:
        return self._time(bisect_right(self._borders, mark) - 1, mark)

    def end(self, mark: float) -> float:
        return self._time(bisect_left(self._borders, mark) - 1, mark)

    def text(self, begin: float, end: float) -> str | None:
        """What was told from ``begin`` to ``end``; None if words begin or end elsewhere."""
        if not (self.is_border(begin) and self.is_border(end)):
            return None
        told = self._told[bisect_left(self._borders, begin) : bisect_left(self._borders, end)]
        return " ".join(word.text.strip() for word in told)

    def _time(self, number: int, mark: float) -> float:
        number = min(max(number, 0), len(self._told) - 1)
        word = self._told[number]
        part = (mark - self._borders[number]) / len(word.letters)
        return word.start + part * max(0.0, word.end - word.start)


def _weight(letters: str, *, exact: bool) -> int:
    """About how many letters it takes to tell ``letters``: digits and marks are written out."""
    return len(letters) if exact else sum(1 if char.isalpha() else 5 for char in letters)


def _seconds(value: Any) -> float | None:
    """A time as told; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -0.05 <= value <= 86400:
        return None
    return max(0.0, float(value))
