"""Text that a stream repeats: some give all of it so far with each item, others the whole message at its end."""

from __future__ import annotations

REMEMBERED = 1 << 16
"""Characters that are compared with what may repeat them."""
_GUESS = "each item of the text repeats those before it: only what is new in it is spoken"


class Repeats:
    """Gives of each text what is new.

    Whether the items of a stream add to each other or repeat what was before shows in its second item with a word in
    it: no tokenizer gives a second token that begins with all of the first one and goes on.
    """

    def __init__(self) -> None:
        self.guess = ""  # what was guessed, in a sentence
        self._message: list[str] = []  # what was given of the present message
        self._length = 0
        self._last = ""  # item
        self._growing: bool | None = None  # None: not known yet
        self._strangers = 0  # items in a row that do not go on from the one before

    def delta(self, text: str) -> str:
        """What is new in a text that should come next, but may be all text so far."""
        if self._growing is None and any(map(str.isalnum, self._last)) and text:
            self._growing = len(text) > len(self._last) and text.startswith(self._last)
            self.guess = _GUESS if self._growing else ""
        if text and self._growing:
            return self._grown(text)
        self._last = text or self._last
        return self._give(text)

    def whole(self, text: str) -> str:
        """What is new in a text that is a message, or all of one so far."""
        message = "".join(self._message)
        self._message = [message]
        if message.endswith(text.rstrip()):
            return ""
        common = _common(message, text)
        if common and common >= len(message.rstrip()) // 2:
            self._message, self._length = [text], len(text)
            return text[common:]
        self._message, self._length = [], 0
        return self._give(text)

    def _grown(self, text: str) -> str:
        before, self._last = self._last, text
        common = _common(before, text)
        if common == len(text) or common > len(before) // 2:
            self._strangers = 0
            self._last = max(before, text, key=len) if common == len(text) else text
            return self._give(text[common:])
        self._strangers += 1
        if self._strangers > 1:
            self._growing = False  # a wrong guess
        return self._give(text)

    def _give(self, text: str) -> str:
        self._message.append(text)
        self._length += len(text)
        if self._length > 2 * REMEMBERED:
            kept = "".join(self._message)[-REMEMBERED:]
            self._message, self._length = [kept], len(kept)
        return text


def _common(first: str, second: str) -> int:
    """Length of the common start of two texts."""
    same, differs = 0, min(len(first), len(second)) + 1
    while differs - same > 1:
        middle = (same + differs) // 2
        if second.startswith(first[:middle]):
            same = middle
        else:
            differs = middle
    return same
