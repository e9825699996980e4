"""Where a text may be cut: at the ends of sentences, of clauses, of words, and of what reads as one character."""

from __future__ import annotations

import re
from typing import NamedTuple

LOOKAHEAD = 12
"""Characters behind the end of a sentence that must be there before it is believed."""

_OPEN_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_CLOSERS = "\"'\u201d\u2019\u00bb\u203a)\\]}\u300d\u300f\u3011\u300b\u3009\uff09"
_BORDER = re.compile(
    f"(?P<line>\n+)"
    f"|(?P<end>(?:[.!?\u2026\u203c\u2047-\u2049\u061f\u06d4\u0964\u0965\u104b\u1362\u1367\u17d4]+[{_CLOSERS}]*[ \n]+"
    f"|[.!?\u2026]*[\u3002\uff01\uff1f\uff61][.!?\u2026\u3002\uff01\uff1f\uff61]*[{_CLOSERS}]*[ \n]*))"
    f"|(?P<clause>[,;:\u060c\u061b\u2013\u2014-]+[{_CLOSERS}]*[ \n]+"
    f"|[\u2014\u3001\uff0c\uff1b\uff1a]+[{_CLOSERS}]*[ \n]*"
    f"|[)\\]]+ +)"
)
_WORD = re.compile("[^\\W_]")
_NUMBERING = re.compile("[ \n]*[(\\[]?(?:[0-9]{1,4}|[A-Za-z]|[ivxIVX]{1,5})[.)]+[ \n]+")


class Border(NamedTuple):
    """A place to cut: ``at`` is the position of what comes next; ``paragraph``: more than a sentence ends there."""

    at: int
    sentence: bool
    paragraph: bool = False


def has_words(text: str, start: int = 0, end: int | None = None) -> bool:
    """Say whether there is anything to pronounce: a letter or a digit of any script."""
    return _WORD.search(text, start, len(text) if end is None else end) is not None


class BorderScanner:
    """Finds the borders of sentences and clauses in a text that grows, each decided once.

    A sentence's end is decided with exactly `LOOKAHEAD` characters after it, however many there are, so that the answer
    does not depend on how much has come. Positions are those of the whole text; `scan` gets a window of it.
    """

    def __init__(self, language: str = "en") -> None:
        self.borders: list[Border] = []
        self._language = language
        self._next = 0  # what is before it has been looked at
        self._context = 0  # where the present sentence begins

    def scan(self, window: str, begin: int, *, final: bool) -> None:
        """Look for borders in ``window``, which begins at position ``begin``; ``final``: the text ends with it."""
        at = max(self._next - begin, 0)
        while match := _BORDER.search(window, at):
            at = match.end()
            if at == len(window) and not final and match.lastgroup != "line":
                return  # more of the same may follow
            kind = match.lastgroup
            if kind == "end" and not final and at + LOOKAHEAD > len(window):
                return
            self._decide(kind, window, begin, match.start(), at)
            self._next = begin + at

    def _decide(self, kind: str | None, window: str, begin: int, start: int, end: int) -> None:
        blank = window[start:end]
        if kind == "clause":
            self.borders.append(Border(begin + end, sentence=False))
        elif kind == "line" or "\n" in blank:
            listing = kind == "line" and window[:start].rstrip().endswith((",", ";"))
            self._close(begin + end, sentence=not listing, paragraph="\n\n" in blank)
        elif self._is_end(window, max(self._context - begin, 0), start, end):
            self._close(begin + end)

    def _close(self, at: int, *, sentence: bool = True, paragraph: bool = False) -> None:
        self.borders.append(Border(at, sentence, paragraph))
        self._context = at

    def _is_end(self, window: str, context: int, start: int, end: int) -> bool:
        """Ask sentencex whether a sentence ends between ``start`` (of its full stop) and ``end``."""
        from sentencex import segment

        if _NUMBERING.fullmatch(window, context, end):
            return False  # the number of a point, not a sentence
        reached = context
        for sentence in segment(self._language, window[context : end + LOOKAHEAD]):
            reached += len(sentence)
            if start < reached <= end:
                return True
            if reached > end:
                return False
        return False

    def pass_over(self, at: int) -> None:
        """Forget what is before position ``at``: it was taken."""
        self.borders = [border for border in self.borders if border.at > at]
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
        if not _joined(text, at):
            return at
    return limit


def _joined(text: str, at: int) -> bool:
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
