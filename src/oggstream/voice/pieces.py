"""Where a text is cut for an engine: the first piece short, so that its sound comes soon, and none too long. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..text.borders import Border


def cut(text: str, first: int, longest: int, language: str | None = None) -> Iterator[tuple[int, int]]:
    """The places (start, end) of the pieces of ``text``, which leave nothing out.

    The first piece ends at the first sentence or clause that ends within ``first`` characters, any later one behind as
    many sentences as ``longest`` characters hold. Where nothing ends, words are kept whole, and characters always.
    """
    if 0 < len(text) <= min(first, longest):
        yield 0, len(text)
        return
    from ..text.borders import LOOKAHEAD, BorderScanner

    scanner = BorderScanner(language)
    start = known = 0  # up to where the borders are known
    while start < len(text):
        limit = start + (longest if start else max(first, longest))
        if min(limit, len(text)) > known:
            known = limit
            scanner.scan(text[: limit + LOOKAHEAD], 0, final=limit + LOOKAHEAD >= len(text))
        rest = [border for border in scanner.borders if start < border.at < len(text)]
        end = _first_end(rest, start + first) if not start else 0
        end = end or _end(text, rest, start, start + longest)
        yield start, end
        start = end


def _first_end(borders: list[Border], limit: int) -> int:
    """The last place up to ``limit`` at which a sentence ends, else a clause; 0 without one."""
    near = [border for border in borders if border.at <= limit]
    return max((border.at for border in near if border.sentence), default=max((each.at for each in near), default=0))


def _end(text: str, borders: list[Border], start: int, limit: int) -> int:
    from ..text.borders import character_end, last_word_end

    if limit >= len(text):
        return len(text)
    if end := _first_end(borders, limit):
        return end
    word = last_word_end(text, limit)
    if word > start:
        return word
    end = character_end(text, limit)
    return end if end > start else limit
