"""What is said for what is written: words and patterns, compiled once for all speeches that say the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .growing_pattern import GrowingPattern
from .whole_words import WholeWords

if TYPE_CHECKING:
    from ...said import Ipa

_UNMARKED = re.compile(r"[^<>&\"{}()/\[\]\\\n]+")
"""A word that no way of writing phonemes takes for a mark of its own."""
Rule = tuple["str | re.Pattern[str]", "str | Ipa"]
"""What is written, and what is said for it."""


class Found(NamedTuple):
    """A place from ``start`` to ``end`` of a text for which ``said`` is said; -1 as ``end``: more text will decide.

    ``sent``: how a service is asked for it, where that differs. ``spelled``: it has phonemes, which are not sent.
    """

    start: int
    end: int
    said: str = ""
    sent: str | None = None
    spelled: bool = False


class Replacements:
    """The ``rules``: where several fit, the one whose text begins first; then words, the longest first; then patterns,
    in their order. ``ipa``: how a service is given phonemes, as in `SourceTraits`; None: not at all.
    """

    def __init__(self, rules: Iterable[Rule], ipa: str | None = None) -> None:
        self._ipa = ipa
        words = {key: said for key, said in rules if isinstance(key, str)}
        self._said = words
        self._words = WholeWords(words) if words else None
        self._patterns = [(GrowingPattern(key), said) for key, said in rules if not isinstance(key, str)]

    def find(self, text: str, at: int, *, final: bool, blank: bool) -> Found | None:
        """The first place from ``at`` on; None if there is none, and none can begin in ``text``.

        ``final``: the text ends here; ``blank``: a blank follows it.
        """
        first: Found | None = None
        word = self._words and self._words.find(text, at, final=final, blank=blank)
        if word:
            start, end, key = word
            first = Found(start, -1) if end < 0 else self._found(start, end, text[start:end], self._said[key])
        for pattern, said in self._patterns:
            found = pattern.find(text, at, final=final)
            if found and (first is None or found[0] < first.start):
                start, match = found
                first = self._matched(match, said) if match else Found(start, -1)
        return first

    def _matched(self, match: re.Match[str], said: str | Ipa) -> Found:
        return self._found(match.start(), match.end(), match[0], match.expand(said) if isinstance(said, str) else said)

    def _found(self, start: int, end: int, word: str, said: str | Ipa) -> Found:
        if isinstance(said, str):
            return Found(start, end, said)
        spoken = word if said.say is None else said.say
        if self._ipa is None or not _UNMARKED.fullmatch(spoken):
            return Found(start, end, spoken, spelled=True)
        return Found(start, end, spoken, self._ipa.format(ipa=said.ipa, word=spoken))


@lru_cache(maxsize=8)
def _compiled(rules: tuple[Rule, ...], ipa: str | None) -> Replacements:
    return Replacements(rules, ipa)


def replacements(said: Mapping[str | re.Pattern[str], str | Ipa], ipa: str | None = None) -> Replacements:
    """Those of a mapping. Raises `UsageError` for a pattern that might take for ever."""
    return _compiled(tuple(said.items()), ipa)
