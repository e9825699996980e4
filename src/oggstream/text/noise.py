"""The first reading of a text: without terminal escapes, control characters and pictures.

Terminals: ECMA-48, 5th edition. Emoji: UTS 51. What a terminal writes over what it wrote before, a word it wraps or a
line of progress, is given once.
"""

from __future__ import annotations

import re
from bisect import bisect_right

SILENT = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
"""Controls, the soft hyphen, and what is invisible and does not join: never spoken, and some voices stop at them."""
REMEMBERED = 2000
"""Characters before the present place that a terminal may write over."""
LONGEST_SEQUENCE = 100
LONGEST_STRING = 4096
"""Characters of a title or link's address in an escape; a longer one is taken to have no end."""

# What is shown as a picture; bullets of lists (\u25e6, \u25aa, \u25cf), arrows and what marks thoughts (\u25c1, \u25b7,
# \u2581) are left to their reader.
PICTURES = (
    "\u231a\u231b\u2328\u23cf\u23e9-\u23fa\u24c2\u2500-\u2580\u2582-\u25a9\u25ac-\u25b6\u25b8-\u25c0\u25c2-\u25ca\u25cc-\u25e5\u25e7-\u27bf\u2800-\u28ff"
    "\u2934\u2935\u2b00-\u2bff\u3030\u303d\ufe0f\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f"
)
_PICTURE = re.compile(f"[{PICTURES}]+")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_CONTROL = re.compile(
    f"(?:\x1b\\[|\x9b)(?P<count>[0-9]{{0,3}})[0-?]{{0,{LONGEST_SEQUENCE}}}[ -/]{{0,9}}(?P<command>[@-~])"
    f"|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{{0,{LONGEST_STRING}}}(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b(?:[ -/]{1,9}[0-~]|[78=>cDEHMNOZ\\\\])"
)
_UNFINISHED = re.compile(
    f"(?:\x1b\\[|\x9b)[0-?]{{0,{LONGEST_SEQUENCE}}}[ -/]{{0,9}}\\Z"
    f"|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{{0,{LONGEST_STRING}}}\x1b?\\Z|\x1b[ -/]{{0,9}}\\Z"
)


class Noise:
    """Takes text in any portions and gives it without what is no text, the same however it was cut.

    ``pictures``: leave out emoji and pictographs, too. `start` and `end` tell where in the original it stood.
    """

    def __init__(self, *, pictures: bool) -> None:
        stops = f"{SILENT}\r"
        if pictures:
            stops += PICTURES
        self._next = re.compile(f"[{stops}]" + ("|[0-9#*]\ufe0f?(?:\u20e3|\\Z)" if pictures else ""))
        self._raw = ""
        self._at = 0  # position of _raw in the original
        self._out: list[str] = []
        self._length = 0  # of all that was ever given
        self._given = [0]  # positions of it from which on it goes along with the original
        self._origins = [0]
        self._last = ""  # character of it
        self._pictured = 0  # 1 behind a picture, 2 behind one and a joiner
        self._picture = 0  # original position of the first picture behind a word
        self._line = ""  # the present line, as a terminal shows it
        self._over = ""  # what is being written over
        self._over_line = False  # that is all of a line
        self._same = 0  # characters of it that were written again
        self._again: list[int] = []  # where these stand in the original

    def feed(self, text: str, *, final: bool = False) -> str:
        """Take ``text`` and return what can be given; ``final``: nothing will follow it."""
        raw = self._raw + text
        at = 0
        while at < len(raw):
            step = self._joined(raw, at) if self._pictured else 0
            if not step:
                found = self._next.search(raw, at)
                end = found.start() if found else len(raw)
                self._give(raw[at:end], self._at + at)
                at = end
                step = self._odd(raw, at, final=final) if found else 0
            if not step:
                break
            at += step
        self._raw = raw[at:]
        self._at += at
        given = "".join(self._out)
        self._out.clear()
        return given

    def start(self, at: int) -> int:
        """Original position of the character at position ``at`` of what was given."""
        mark = max(0, bisect_right(self._given, at) - 1)
        return self._origins[mark] + at - self._given[mark]

    def runs(self, start: int, end: int) -> list[tuple[int, int]]:
        """Stretches from ``start`` to ``end`` that are one in the original: where each ends, and begins there."""
        marks = self._given[bisect_right(self._given, start) : bisect_right(self._given, end - 1)]
        begins = [start, *marks]
        return [(stop, self.start(begin)) for begin, stop in zip(begins, [*marks, end], strict=True)]

    def forget(self, before: int) -> None:
        """Drop what is only needed for positions below ``before``."""
        needless = max(0, bisect_right(self._given, before) - 1)
        del self._given[:needless], self._origins[:needless]

    def _joined(self, raw: str, at: int) -> int:
        """Pass over what a joiner behind a picture adds to it."""
        joiner = raw[at] == "\u200d" and self._pictured == 1
        joined = "\u2190" <= raw[at] <= "\u21ff" and self._pictured == 2
        self._pictured = 2 if joiner else 1 if joined else 0
        return int(joiner or joined)

    def _odd(self, raw: str, at: int, *, final: bool) -> int:
        """Read what is no text at ``at``; return how much of it is done with, 0 to wait for more."""
        character = raw[at]
        if character.isascii() and character.isprintable():
            return self._maybe_keycap(raw, at, final=final)
        if picture := _PICTURE.match(raw, at):
            return self._pass_picture(at, len(picture[0]))
        if character == "\r":
            return self._carriage_return(raw, at, final=final)
        if character == "\b":
            self._erase(1)
        elif control := _CONTROL.match(raw, at):
            self._obey(control, self._at + at)
            return len(control[0])
        elif not final and _UNFINISHED.match(raw, at):
            return 0
        return 1

    def _maybe_keycap(self, raw: str, at: int, *, final: bool) -> int:
        if keycap := _KEYCAP.match(raw, at):
            return self._pass_picture(at, len(keycap[0]))
        if not final:
            return 0
        self._give(raw[at], self._at + at)
        return 1

    def _pass_picture(self, at: int, length: int) -> int:
        if self._last.isalnum() and not self._picture:
            self._picture = self._at + at
        self._pictured = 1
        return length

    def _carriage_return(self, raw: str, at: int, *, final: bool) -> int:
        if at + 1 == len(raw) and not final:
            return 0
        if raw[at + 1 : at + 2] != "\n":
            self._return()
        return 1

    def _obey(self, control: re.Match[str], origin: int) -> None:
        """Do as a terminal would, as far as text is concerned."""
        command = control["command"] or ""
        count = int(control["count"] or 1) if command else 1
        if command == "D":
            self._erase(count)
        elif command == "G" and count == 1:
            self._return()
        elif command == "C":
            self._give(" ", origin)
        elif command in ("E", "H", "f") and self._line:
            self._give("\n", origin)

    def _return(self) -> None:
        if self._line:
            self._over, self._over_line, self._same, self._again = self._line, True, 0, []
            self._line = ""

    def _erase(self, count: int) -> None:
        if erased := self._line[-count:]:
            self._line = self._line[:-count]
            self._over, self._over_line, self._same, self._again = erased, False, 0, []

    def _give(self, text: str, origin: int) -> None:
        if not text:
            return
        if self._over:
            passed = self._write_over(text, origin)
            text, origin = text[passed:], origin + passed
        if text:
            if self._picture and self._last.isalnum() and text[0].isalnum():
                self._put(" ", self._picture)
            self._picture = 0
            self._show(text)
            self._put(text, origin)

    def _write_over(self, text: str, origin: int) -> int:
        """Pass over what is the same as what it is written over; return how much that is."""
        for at, character in enumerate(text):
            if self._same == len(self._over):
                self._over = ""
                return at
            if character == self._over[self._same]:
                self._same += 1
                self._again.append(origin + at)
                self._show(character)
            elif character == "\n" and not self._same and not self._over_line:
                self._line = ""  # a word that is wrapped
            else:
                self._differ(origin + at)
                return at
        return len(text)

    def _differ(self, origin: int) -> None:
        """Begin anew with the word in which something else is written than stood there before."""
        same = self._over[: self._same]
        word = same[max(same.rfind(" "), same.rfind("\n")) + 1 :]
        places = self._again[len(same) - len(word) :]
        if self._last.strip():
            self._put("\n" if self._over_line else " ", places[0] if places else origin)
        self._over = ""
        for character, place in zip(word, places, strict=True):
            self._put(character, place)

    def _show(self, text: str) -> None:
        """Keep what a terminal shows on the present line."""
        self._line = (self._line + text)[-REMEMBERED:]
        self._line = self._line[self._line.rfind("\n") + 1 :]

    def _put(self, text: str, origin: int) -> None:
        if self._origins[-1] + self._length - self._given[-1] != origin:
            self._given.append(self._length)
            self._origins.append(origin)
        self._out.append(text)
        self._length += len(text)
        self._last = text[-1]
