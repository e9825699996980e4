"""A text as what the network speaks: sentences of phonemes, and which phonemes each of its words became. Pure.

hibari's phonemizer normalizes before it cuts into words ("9:30" is "nine thirty"): the words that it speaks are aligned
with those of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_PHONEMES = 400
"""Of one pass through the network, as in hibari itself: it was made for sentences, and memory grows with the square."""

LONGEST_NUMBER = 18
"""Digits in a row; more are read one by one. From 37 on hibari has no word and fails."""

LONGEST_WORD = 40
"""Characters in a row; longer words are cut. The phonemizer's time grows with the cube of the parts of a word: "x1" 200
times would take it minutes.
"""

_LONG_NUMBER = re.compile(rf"\d(?:,?\d){{{LONGEST_NUMBER},}}")
_MARKUP = str.maketrans("[]", "()")  # [word](/phonemes/) would set the phonemes
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”\u2019)\]]*\s+(?=\S)|\n+")
_WORD = re.compile(rf"\S{{1,{LONGEST_WORD}}}")
_NO_EDGE = re.compile(r"\w(?:.*\w)?", re.DOTALL)
_CLAUSE_END = ",;:—"
_SPACE = " "


class Place(NamedTuple):
    """A word: its characters in the text, and the phonemes (of the ids of its sentence) that it became."""

    start: int
    end: int
    first: int
    behind: int


class Sentence(NamedTuple):
    """What goes through the network at once: ``ids`` with 0 at both ends, and the words in order."""

    ids: list[int]
    words: list[Place]


class _Spoken(NamedTuple):
    """A word as it is spoken: its phonemes, and its number among the words of the text."""

    phonemes: str
    origin: int


Phonemize = Callable[[str], "tuple[str, list[str]]"]
"""A sentence to its normalized words, joined by spaces, and to the phonemes of each."""


class Script:
    """Cuts texts into `Sentence`. ``titles``: abbreviations ("Dr") whose full stop ends none."""

    def __init__(self, phonemize: Phonemize, vocabulary: Mapping[str, int], titles: frozenset[str]) -> None:
        self._phonemize = phonemize
        self._vocabulary = vocabulary
        self._titles = titles

    def sentences(self, text: str) -> Iterator[Sentence]:
        """The sentences of ``text``; those without a sound of English are left out."""
        for begin, end in self._borders(text):
            places = [(begin + m.start(), begin + m.end()) for m in _WORD.finditer(text[begin:end])]
            if places:
                originals = [text[start:stop] for start, stop in places]
                for part in _parts(self._spoken(originals)):
                    sentence = self._sentence(text, places, part)
                    if len(sentence.ids) > 2:  # the two ends
                        yield sentence

    def _borders(self, text: str) -> Iterator[tuple[int, int]]:
        begin = 0
        for match in _SENTENCE_END.finditer(text):
            if self._ends_sentence(text, begin, match):
                yield begin, match.start()
                begin = match.end()
        yield begin, len(text)

    def _ends_sentence(self, text: str, begin: int, match: re.Match[str]) -> bool:
        """False behind a title or an initial ("Dr. Smith", "J. K. Rowling"), and before a small letter."""
        if "\n" in match[0]:
            return True
        if text[match.end()].islower():
            return False
        if text[match.start() - 1] != ".":
            return True
        word = text[begin : match.start() - 1].rsplit(None, 1)[-1:]
        letters = word[0].lstrip("(\"“'\u2018") if word else ""
        return not (letters in self._titles or (len(letters) == 1 and letters.isupper()))

    def _spoken(self, originals: list[str]) -> list[_Spoken]:
        sentence = _speakable(_SPACE.join(originals))
        try:
            normalized, phonemes = self._phonemize(sentence)
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            return list(self._word_by_word(originals))
        origins = aligned(originals, normalized.split(_SPACE), len(phonemes))
        return [_Spoken(*pair) for pair in zip(phonemes, origins, strict=True)]

    def _word_by_word(self, originals: list[str]) -> Iterator[_Spoken]:
        """Where the phonemizer fails, only the word is lost that it fails on."""
        for index, word in enumerate(originals):
            plain = _SPACE.join(re.findall(r"[^\W\d_]+|\d", unicodedata.normalize("NFKC", word)))
            try:
                phonemes = self._phonemize(plain)[1] if plain else []
            except (IndexError, KeyError, TypeError, ValueError, AttributeError):
                continue
            yield from (_Spoken(part, index) for part in phonemes)

    def _sentence(self, text: str, places: list[tuple[int, int]], part: list[_Spoken]) -> Sentence:
        ids, found = [0], dict[int, Place]()
        for number, spoken in enumerate(part):
            if number:
                ids.append(self._vocabulary[_SPACE])
            first = len(ids)
            letters = [self._vocabulary[phoneme] for phoneme in spoken.phonemes if phoneme in self._vocabulary]
            ids += letters
            sounding = len(spoken.phonemes.rstrip(_NOT_SOUNDING))
            behind = first + sum(phoneme in self._vocabulary for phoneme in spoken.phonemes[:sounding])
            word = _NO_EDGE.search(text[slice(*places[spoken.origin])])
            if word is None or behind == first:
                continue
            start = places[spoken.origin][0] + word.start()
            known = found.get(spoken.origin)
            found[spoken.origin] = Place(start, start + len(word[0]), known.first if known else first, behind)
        return Sentence([*ids, 0], [found[origin] for origin in sorted(found)])


_NOT_SOUNDING = ';:,.!?—…"()“” '


def aligned(originals: list[str], spoken: list[str], count: int) -> list[int]:
    """For each of ``count`` spoken words the number of the original one that it comes from, in rising order."""
    if len(spoken) != count:
        return [index * len(originals) // count for index in range(count)]
    origins = [0] * count
    for kind, begin, end, first, behind in SequenceMatcher(None, originals, spoken, autojunk=False).get_opcodes():
        for index in range(first, behind):
            if kind == "insert":
                origins[index] = max(0, begin - 1)
            else:
                origins[index] = begin + (index - first) * (end - begin) // (behind - first)
    return origins


def _speakable(sentence: str) -> str:
    plain = sentence.translate(_MARKUP)
    return _LONG_NUMBER.sub(lambda match: _SPACE.join(re.findall(r"\d", match[0])), plain)


def _parts(spoken: list[_Spoken]) -> Iterator[list[_Spoken]]:
    """Parts of at most `MOST_PHONEMES`, cut behind a comma or the like where there is one in the second half."""
    part: list[_Spoken] = []
    length = 0
    for word in _short(spoken):
        if part and length + len(word.phonemes) + 1 > MOST_PHONEMES:
            cut = _best_cut(part)
            yield part[:cut]
            part = part[cut:]
            length = sum(len(kept.phonemes) + 1 for kept in part)
        part.append(word)
        length += len(word.phonemes) + 1
    if part:
        yield part


def _best_cut(part: list[_Spoken]) -> int:
    for cut in range(len(part), len(part) // 2, -1):
        if part[cut - 1].phonemes[-1:] in _CLAUSE_END and part[cut - 1].phonemes:
            return cut
    return len(part)


def _short(spoken: list[_Spoken]) -> Iterator[_Spoken]:
    for word in spoken:
        for begin in range(0, max(1, len(word.phonemes)), MOST_PHONEMES // 2):
            yield word._replace(phonemes=word.phonemes[begin : begin + MOST_PHONEMES // 2])
