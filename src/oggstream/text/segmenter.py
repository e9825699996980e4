"""Cuts a text that is still being written into the pieces that are asked for one after the other."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from ..errors import UsageError
from .borders import Border, BorderScanner, character_end, first_word, has_words, last_word_end
from .piece import Piece
from .plain import PlainText, spoken_length
from .sentence import open_end

if TYPE_CHECKING:
    from .replacing.replaced_text import ReplacedText
    from .replacing.replacements import Replacements

__all__ = ["Piece", "Segmenter"]

LIMIT = 4096
"""Characters that OpenAI's speech endpoint takes in one request."""
LONGEST = 400
"""Characters in a piece at most, of an alphabet: half a minute of speech."""
FIRST = 24
"""Characters that a first piece should have: a second and a half of speech."""
SHORTEST = 12
"""Characters below which a sentence is no piece of its own while more may come."""
SENTENCE = 60
"""A first sentence up to this long is not cut at a clause."""
RATE = 15.0
"""Characters of an alphabet that are spoken in a second, as long as nothing better is known."""
URGENT = 1.0
"""Seconds of unheard speech below which a clause will do."""
COMFORTABLE = 4.0
"""Seconds of unheard speech above which more text is waited for, for the sake of longer pieces."""
_PORTION = 256  # characters made speakable at a time, so that a long text is not copied over and over


class Segmenter:
    """Cuts a growing text into pieces: the first one short, later ones whole sentences, more of them with more reserve.

    ``limit``: characters that the service takes; ``longest``: those that are sent at most, for 30 s of speech;
    ``first``: those that a first piece should have. ``speakable``: leave out what is not meant to be spoken.
    ``word_cut``: characters after which a piece may end at any word, while little is left to be heard and no clause has
    ended; None: never.
    ``language``: BCP 47, for abbreviations and ordinal numbers that do not end a sentence; None: guessed from the text.
    ``replacements``: what is said for what is written; the pieces are cut from what is said.
    Raises `UsageError` for a limit below 1.

    The pieces follow each other without gap or overlap in the original; what cannot be spoken belongs to the piece
    after it, at the end of the text to the last piece or to none. What `take` gives depends on the text so far, not
    on the portions in which it came. `rate`, the characters of an alphabet spoken in a second, may be set to better.
    """

    def __init__(
        self,
        limit: int = LIMIT,
        *,
        longest: int = LONGEST,
        first: int = FIRST,
        speakable: bool = True,
        language: str | None = None,
        replacements: Replacements | None = None,
        word_cut: int | None = None,
    ) -> None:
        if min(limit, longest, first) < 1:
            raise UsageError("limit, longest and first are numbers of characters from 1 on")
        self._longest = min(limit, longest)
        self._first = min(first, self._longest)
        self._word_cut = None if word_cut is None else min(word_cut, self._longest)
        self.rate = RATE
        self._window = 2 * self._longest + 64
        self._plain = _reader(speakable=speakable, replacements=replacements)
        self._scanner = BorderScanner(language)
        self._raw: deque[str] = deque()
        self._raw_at = 0  # how much of the first of them was read
        self._fed = 0
        self._taken = 0
        self._begun = False  # some of it was read
        self._finished = False
        self._read_all = False
        self._refused: tuple[int, float, int, bool] | None = None  # what did not do: borders, reserve, room, words

    @property
    def waiting(self) -> int:
        """Characters of the original text that were fed and are in no piece yet."""
        return self._fed - self._taken

    def feed(self, text: str) -> None:
        """Take more of the text; any portion, a single character or all of it."""
        if text:
            self._raw.append(text)
            self._fed += len(text)

    def finish(self) -> None:
        """Say that the text is complete."""
        self._finished = True
        if not self._begun:
            self._plain.prepare("".join(self._raw))

    def take(self, reserve: float, *, room: float = math.inf, flush: bool = False) -> Piece | None:
        """Give the next piece, None if more text should come first, or more room.

        ``reserve``: seconds of speech that are not heard yet. With less of it shorter pieces are good enough, so that
        the answer may change as it runs down. ``room``: seconds of speech that the piece should be at most; a sentence
        longer than that is cut only when the reserve is small. ``flush``: no text came for a while; give what there is
        up to the end of a sentence, a clause or a word.
        """
        reserve, most = int(4 * reserve) / 4, self._most(room)
        self._fill(urgent=reserve < URGENT)
        asked = (len(self._scanner.borders), reserve, most, self._many_words)
        if asked == self._refused and not flush and not self._complete and self._fits(most):
            return None
        while end := self._choose(reserve, most, flush=flush):
            if first_word(self._plain.text) < end:
                return self._cut(end)
            self._drop(end)  # its characters belong to the next piece
            self._fill(urgent=reserve < URGENT)
        self._refused = asked
        if self._complete and not has_words(self._plain.text):
            self._taken = self._fed
        return None

    def _most(self, room: float) -> int:
        """Characters of an alphabet that a piece may have, in steps: the same answer need not be sought every time."""
        if room * self.rate >= self._longest:
            return self._longest
        return max(self._first, int(room * self.rate) // 8 * 8)

    def _fits(self, most: int) -> bool:
        """Whether all that was read is surely not too much for a piece."""
        text = self._plain.text
        return (len(text) if text.isascii() else 3 * len(text)) <= most

    def _fill(self, *, urgent: bool) -> None:
        """Make text speakable until the window is full, or there is none left; look for all borders, or the first."""
        plain, window = self._plain, self._window
        while self._raw and len(plain.text) < window:
            portion = self._raw[0][self._raw_at : self._raw_at + _PORTION]
            self._raw_at += len(portion)
            if self._raw_at >= len(self._raw[0]):
                self._raw.popleft()
                self._raw_at = 0
            plain.feed(portion)
            self._begun = True
            self._scanner.pass_over(plain.begin)
        if self._finished and not self._raw and not self._read_all:
            plain.feed("", final=True)
            self._read_all = True
        enough = self._enough if urgent else None
        self._scanner.scan(plain.text[:window], plain.begin, final=self._complete, enough=enough)

    def _enough(self, border: Border) -> bool:
        """Whether no border behind it is of interest where little is left to be heard."""
        text, at = self._plain.text, border.at - self._plain.begin
        return border.sentence and first_word(text) < at and self._weight(at) >= self._first

    @property
    def _complete(self) -> bool:
        """Whether the window reaches the end of the text."""
        return self._read_all and len(self._plain.text) <= self._window

    def _choose(self, reserve: float, most: int, *, flush: bool) -> int | None:
        """Length of the best piece for this reserve, None to wait for more text."""
        text, hard = self._plain.text, self._holding(self._plain.text, most)
        borders = self._borders(hard)
        end = (
            self._urgent(borders)
            if reserve < URGENT
            else self._relaxed(borders, reserve, hard, roomy=most == self._longest)
        )
        if end is None and reserve < URGENT and self._word_cut is not None and self._many_words:
            end = last_word_end(text, self._holding(text, self._word_cut)) or None
        if end is None and len(text) > hard and (most == self._longest or reserve < COMFORTABLE):
            end = self._forced(borders, hard)
        if end is None and flush and len(text) <= hard and has_words(text):
            end = self._flushed(borders)
        if end and self._complete and len(text) <= hard and not has_words(text, end):
            return len(text)  # nothing of the rest can be spoken
        return end

    @property
    def _many_words(self) -> bool:
        """Whether there is so much text that it may be cut at any word."""
        cut = self._word_cut
        return cut is not None and spoken_length(self._plain.text[:cut]) >= cut

    def _borders(self, hard: int) -> list[Border]:
        """Borders in the window up to ``hard`` with anything to say before them, the end of the text among them."""
        text, begin, borders = self._plain.text, self._plain.begin, []
        word = first_word(text)
        for at, sentence, paragraph in self._scanner.borders:
            if at - begin > hard:
                break
            if at - begin > word:
                borders.append(Border(at - begin, sentence, paragraph))
        if self._complete and word < len(text) <= hard:
            borders.append(Border(len(text), sentence=True, paragraph=True))
        return borders

    def _holding(self, text: str, most: int) -> int:
        """How much of ``text`` is ``most`` characters of an alphabet."""
        hard = most
        while hard > 1 and (excess := spoken_length(text[:hard]) - most) > 0:
            hard -= max(1, excess // 3)
        return hard

    def _weight(self, end: int) -> int:
        return spoken_length(self._plain.text[:end])

    def _urgent(self, borders: list[Border]) -> int | None:
        """The first clause, or the first sentence if it is hardly longer."""
        shortest = min(SHORTEST, self._first)
        sentence = next((b.at for b in borders if b.sentence and self._weight(b.at) >= shortest), None)
        clause = next((b.at for b in borders if self._weight(b.at) >= self._first), None)
        if sentence is None and self._complete and borders and borders[-1].paragraph:
            sentence = borders[-1].at
        if sentence is not None and (clause is None or sentence <= clause or self._weight(sentence) <= SENTENCE):
            return sentence
        return clause

    def _relaxed(self, borders: list[Border], reserve: float, hard: int, *, roomy: bool) -> int | None:
        """Whole sentences, as many as can be made in the time that the reserve gives; paragraphs stay apart."""
        goal = max(self._first, min(self._longest, 1.5 * self.rate * reserve))
        best = weight = 0
        for border in borders:
            if not border.sentence:
                continue
            reached = self._weight(border.at)
            if reached > goal and weight >= self._first:
                break
            best, weight = border.at, reached
            if border.paragraph and weight >= self._first:
                return best
        limited = len(self._plain.text) > hard
        if self._complete and not limited:
            return best or None
        waits = reserve >= COMFORTABLE and not (limited and roomy)
        return best if weight >= (max(self._first, goal / 2) if waits else self._first) else None

    def _forced(self, borders: list[Border], hard: int) -> int:
        """Cut a sentence that is too long for a piece."""
        clause = borders[-1].at if borders else 0
        if clause and clause >= hard // 3:
            return clause
        text = self._plain.text
        word = last_word_end(text, hard)
        return word or character_end(text, hard)

    def _flushed(self, borders: list[Border]) -> int | None:
        """Length of what may be said before a pause of the writer: up to a sentence, a clause, or a word.

        There is less than a piece may hold. The last word is taken for whole if something follows it.
        """
        text = self._plain.text
        closed = open_end(text)  # "0." may become "0.12", and "z." "z. B."
        whole = closed < len(text) or self._plain.word_ended or not text[-1].isalnum()
        text = text[:closed]
        if whole and text.endswith(tuple(".!?\u2026,;:\u2014\u3002\uff01\uff1f")):
            return len(text) if has_words(text) else None
        end = self._scanner.likely_end(text, self._plain.begin)
        if not end and borders and SHORTEST <= self._weight(borders[-1].at) <= closed:
            end = borders[-1].at
        end = end or open_end(text[: len(text) if whole else last_word_end(text, len(text))])
        return end if first_word(text) < end else None  # a mark before the first word is no place to stop

    def _cut(self, end: int) -> Piece:
        plain = self._plain
        text = plain.text[:end]
        lead = len(text) - len(text.lstrip())
        start = self._taken
        done = self._complete and end == len(plain.text)
        self._taken = self._fed if done else plain.map.end(plain.begin + end)
        marks = plain.map.cut(plain.begin + lead, plain.begin + end)
        piece = plain.piece(Piece(text.strip(), start, self._taken, marks), plain.begin + lead, plain.begin + end)
        self._drop(end)
        return piece

    def _drop(self, end: int) -> None:
        plain, self._refused = self._plain, None
        plain.text = plain.text[end:]
        plain.begin += end
        plain.map.forget(plain.begin)
        self._scanner.pass_over(plain.begin)


def _reader(*, speakable: bool, replacements: Replacements | None) -> PlainText | ReplacedText:
    plain = PlainText()
    if speakable:
        from .speakable import SpeakableText

        plain = SpeakableText()
    if replacements is None:
        return plain
    from .replacing.replaced_text import ReplacedText

    return ReplacedText(plain, replacements)
