"""Text that espeak-ng can be given: nothing in it makes the library write beyond its buffers. Pure.

espeak-ng (1.51 and 1.52) checks no bound where it joins dotted letters to an abbreviation (`CheckDottedAbbrev`, a
buffer of 80 bytes) and where it takes endings off a word (`TranslateWord3`, 200 bytes of phonemes). Both are found in
a run of characters: such runs are interrupted by spaces here, which is heard as a short break. Every character keeps
its place. ``tools/fuzzing/voice.py`` looks for texts that still end the library.
"""

from __future__ import annotations

import re

MOST_DOTTED = 8
"""Letters with a dot behind each, one after the other: "e.g.", "U.S.A."; the dot of the next is left out."""

MOST_APOSTROPHES = 4
"""Apostrophes in one word: "rock'n'roll's"; the next one is left out."""

LONGEST_WORD = 60
"""Characters of a word without a space. The longest in English dictionaries has 45."""

# Control characters: NUL ends the text, 0x01 begins a command inside it.
_UNSPEAKABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), " ")
_DOTTED = re.compile(rf"(?:[^\s.]\.\s?){{{MOST_DOTTED},}}")
_WORD = re.compile(r"\S+")
_APOSTROPHE = re.compile(r"['\u2018\u2019\u02bc\uff07`\u00b4]")


def safe_text(text: str) -> str:
    """``text``, of the same length, with spaces in place of what would end the process."""
    text = text.translate(_UNSPEAKABLE)
    text = _DOTTED.sub(_interrupt_dots, text)
    return _WORD.sub(_interrupt_word, text)


def _interrupt_dots(run: re.Match[str]) -> str:
    """Leave out every dot whose number is a multiple of `MOST_DOTTED`."""
    parts = run[0].split(".")
    return (
        "".join(part + (" " if number % MOST_DOTTED == 0 else ".") for number, part in enumerate(parts[:-1], 1))
        + parts[-1]
    )


def _interrupt_word(word: re.Match[str]) -> str:
    letters = list(word[0])
    apostrophes = 0
    length = 0
    for index, letter in enumerate(letters):
        length += 1
        apostrophes += _APOSTROPHE.match(letter) is not None
        if apostrophes > MOST_APOSTROPHES or length > LONGEST_WORD:
            letters[index] = " "
            apostrophes = length = 0
    return "".join(letters)
