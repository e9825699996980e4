"""Where a text may be cut: at the ends of sentences, of clauses, of words, and of what reads as one character."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from .language import LanguageGuess
from .sentence import CONTEXT, ends_sentence, open_end

LOOKAHEAD = 12
"""Characters behind the end of a sentence that must be there before it is believed."""
_CLOSERS = "[\"'\u201d\u2019\u00bb\u203a)\\]}\u300d\u300f\u3011\u300b\u3009\uff09*_`]*"
_STOPS = ".!?\u2026\u203c\u2047-\u2049\u061f\u06d4\u0964\u0965\u104b\u1362\u1367\u17d4"
_WIDE_STOPS = "\u3002\uff01\uff1f\uff61\uff0e"  # no blank follows these
_BORDER = re.compile(
    "(?P<line>\n+)"
    f"|(?P<end>(?<![{_STOPS}{_WIDE_STOPS}])"
    f"(?:[{_STOPS}]+{_CLOSERS}[ \n]+|[{_STOPS}]*[{_WIDE_STOPS}][{_STOPS}{_WIDE_STOPS}]*{_CLOSERS}[ \n]*))"
    f"|(?P<clause>[,;:\u060c\u061b\u2013\u2014]{_CLOSERS}[ \n]+|(?<= )-{{1,3}}[ \n]+|[)\\]]+ +"
    f"|[\u2014\u3001\uff0c\uff1b\uff1a]{_CLOSERS}[ \n]*)"
)
_WORD = re.compile("[^\\W_]")
_NUMBERING = re.compile("[ \n]*[(\\[]?(?:[0-9]{1,4}|[A-Za-z]|[ivxIVX]{1,5})[.)]+[ \n]+")


class Border(NamedTuple):
    """A place to cut: ``at`` is the position of what comes next; ``paragraph``: more than a sentence ends there."""

    at: int
    sentence: bool
    paragraph: bool = False


def first_word(text: str) -> int:
    """Position of the first thing to pronounce, a letter or a digit of any script; the length of ``text`` without."""
    match = _WORD.search(text)
    return match.start() if match else len(text)


def has_words(text: str, start: int = 0) -> bool:
    """Say whether there is anything to pronounce in ``text`` from ``start`` on."""
    return _WORD.search(text, start) is not None


class BorderScanner:
    """Finds the borders of sentences and clauses in a text that grows, each decided once.

    A sentence's end is decided with exactly `LOOKAHEAD` characters after it, however many there are, so that the answer
    does not depend on how much has come. Positions are those of the whole text; `scan` gets a window of it.
    ``language``: BCP 47, None to guess it from the text.
    """

    def __init__(self, language: str | None = None) -> None:
        self.borders: list[Border] = []
        self._language = language.lower().replace("_", "-").partition("-")[0] if language else None
        self._guess = LanguageGuess()
        self._guessed = 0  # what is before it was used for the guess
        self._next = 0  # what is before it has been looked at
        self._context = 0  # where the present sentence begins

    def scan(self, window: str, begin: int, *, final: bool, enough: Callable[[Border], bool] | None = None) -> None:
        """Look for borders in ``window``, which begins at position ``begin``; ``final``: the text ends with it.

        It stops once there is a border that is ``enough``; another call goes on behind that.
        """
        at = max(self._next - begin, 0)
        while not (enough and any(map(enough, self.borders))) and (match := _BORDER.search(window, at)):
            at = match.end()
            if not final and "\n" not in match[0]:
                ahead = LOOKAHEAD if match.lastgroup == "end" else 1
                if at + ahead > len(window):
                    return
            self._decide(match, window, begin)
            self._next = begin + at

    def likely_end(self, window: str, begin: int) -> int:
        """Position in ``window`` behind a sentence's end that is not decided yet for want of text; 0 without one."""
        match = _BORDER.search(window, max(self._next - begin, 0))
        if not match or match.lastgroup != "end" or open_end(window[: match.end()]) < match.end():
            return 0
        return match.end() if self._is_end(window, max(self._context - begin, 0), *match.span()) else 0

    def _decide(self, match: re.Match[str], window: str, begin: int) -> None:
        start, end = match.span()
        self._read_language(window, begin, end)
        clause = match.lastgroup == "clause"
        if "\n" in match[0]:
            clause = clause or window[:start].endswith((",", ";"))
            self._close(begin + end, sentence=not clause, paragraph=window.endswith("\n\n", 0, end))
        elif clause:
            self.borders.append(Border(begin + end, sentence=False))
        elif self._is_end(window, max(self._context - begin, 0), start, end):
            self._close(begin + end)
        elif match[0].startswith(("...", "\u2026")):
            self.borders.append(Border(begin + end, sentence=False))

    def _close(self, at: int, *, sentence: bool = True, paragraph: bool = False) -> None:
        self.borders.append(Border(at, sentence or paragraph, paragraph))
        self._context = at

    def _is_end(self, window: str, context: int, start: int, end: int) -> bool:
        """Say whether a sentence ends between ``start`` (of its full stop) and ``end``."""
        if _NUMBERING.fullmatch(window, context, end):
            return False  # the number of a point, not a sentence
        context = max(context, start - CONTEXT)
        language = self._language or self._guess.best
        return ends_sentence(window[context:end], window[end : end + LOOKAHEAD], start - context, language)

    def _read_language(self, window: str, begin: int, end: int) -> None:
        """Let the guess know the text up to ``end`` of the window."""
        if self._language is None:
            self._guess.read(window[max(self._guessed - begin, 0) : end])
            self._guessed = max(self._guessed, begin + end)

    def pass_over(self, at: int) -> None:
        """Forget what is before position ``at``: it was taken."""
        taken = 0
        while taken < len(self.borders) and self.borders[taken].at <= at:
            taken += 1
        del self.borders[:taken]
        self._next = max(self._next, at)
        self._context = max(self._context, at)


def last_word_end(text: str, limit: int) -> int:
    """Position behind the last blank before ``limit``, 0 if there is none."""
    return max(text.rfind(" ", 0, limit), text.rfind("\n", 0, limit)) + 1


def character_end(text: str, limit: int) -> int:
    """The last position up to ``limit`` that tears nothing apart; ``limit`` if all of the text before is one character.

    Kept together are base and combining marks, joined emoji, flags (pairs of regional indicators), and syllables of
    Hangul's letters: the usual cases of UAX 29, extended grapheme clusters.
    """
    if limit >= len(text):
        return len(text)
    for at in range(limit, 0, -1):
        if not joined(text, at):
            return at
    return limit


def joined(text: str, at: int) -> bool:
    """Say whether what is before and after position ``at`` belongs together."""
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return False
    if "\u200d" in (before, after) or _extends(after):
        return True
    if _is_flag_half(before) and _is_flag_half(after):
        start = at
        while start and _is_flag_half(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    return "\u1100" <= before <= "\u11ff" and "\u1160" <= after <= "\u11ff"


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _extends(character: str) -> bool:
    """Say whether ``character`` only changes the one before it: a mark, a selector, a skin tone, a tag."""
    from unicodedata import category

    return (
        category(character) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or character == "\u200c"
    )
