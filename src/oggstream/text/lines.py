"""Lines of protocols that models' answers come in: server-sent events, JSON lines, Vercel's data stream."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

LONGEST_START = 4096
"""Characters within which a stream must show that it is one of lines."""
MOST_LOOKED_AT = 4 * LONGEST_START
"""Characters, counted again with each portion, that are looked at for a line that has no end yet."""
LONGEST_LINE = 1 << 20
"""Characters of a line; a longer one is dropped."""

_BESIDE = ("event:", "id:", "retry:", ":")  # lines before the first "data:"
_MARKS = (*_BESIDE, "data:", '{"', '0:"', 'g:"', *(f"{kind}:{bracket}" for kind in "289abcdef" for bracket in "[{"))
_LONGEST_MARK = max(map(len, _MARKS))
_BLANK = "\ufeff \r\n"
_PART = re.compile(r'([0-9a-z]):(["{\[].*)', re.DOTALL)  # a type and JSON: version 1 of Vercel's data stream


class ProtocolLines:
    """Takes text in any portions; gives it as it is, or, if it is lines of such a protocol, the items in them.

    What it is shows at its start, which is held back as long as it may be such a line. A portion that is a whole line
    needs no line end: some clients leave it out. ``is_item`` says whether a line that is JSON is an item of a stream.
    """

    def __init__(self, is_item: Callable[[object], bool]) -> None:
        self._is_item = is_item
        self._held = ""
        self._begin = 0  # behind what is blank at the start
        self._seen = 0  # behind the last line end that was looked at
        self._looks = MOST_LOOKED_AT
        self._named = False  # a line names an event
        self._kind = ""  # "plain" or "lines", as soon as it is known
        self._data: list[str] = []  # of the present event

    def feed(self, text: str) -> list[object]:
        """The items in ``text``: itself, or what its lines hold."""
        if self._kind == "plain":
            return [text] if text else []
        if self._held.startswith(_BESIDE) and text.startswith("data:"):
            text = f"\n{text}"  # a client that leaves line ends out
        if not self._kind:
            self._held += text
            self._kind = self._find_kind(final=False)
            if not self._kind:
                return []
            text, self._held = self._held, ""
        return [text] if self._kind == "plain" else self._read_lines(text, final=False)

    def finish(self) -> list[object]:
        """What was held back when nothing more comes."""
        self._kind = self._kind or self._find_kind(final=True)
        if self._kind == "plain":
            held, self._held = self._held, ""
            return [held] if held else []
        return self._read_lines("", final=True) + self._end_event()

    def _find_kind(self, *, final: bool) -> str:
        """What kind of text this is; empty if more of it is needed. Takes time in proportion to what is new."""
        self._begin = len(self._held) - len(self._held[self._begin :].lstrip(_BLANK))
        start = self._held[self._begin : self._begin + _LONGEST_MARK]
        if not any(start.startswith(mark) or mark.startswith(start) for mark in _MARKS):
            return "plain"
        if self._show(final=final):
            return "lines"
        odd = self._seen > self._begin and not start.startswith(_BESIDE)
        return "plain" if odd or final or len(self._held) > LONGEST_START else ""

    def _show(self, *, final: bool) -> bool:
        """Say whether there is a line that can only be one of a protocol, among those that were not looked at."""
        *lines, rest = self._held[max(self._begin, self._seen) :].split("\n")
        self._seen = len(self._held) - len(rest)
        self._looks -= len(rest)
        if self._looks > 0 or final:
            lines.append(rest)
        self._named = self._named or any(line.startswith("event:") for line in lines)
        return any(self._is_one(line) or (self._named and line.startswith("data:")) for line in lines)

    def _is_one(self, line: str) -> bool:
        if part := _PART.fullmatch(line):
            return _parsed(part[2]) is not None
        if line.startswith("{"):
            return self._is_item(_parsed(line))
        data = line.removeprefix("data:")
        return data != line and (data.strip() == "[DONE]" or isinstance(_parsed(data), dict))

    def _read_lines(self, text: str, *, final: bool) -> list[object]:
        portion = not self._held or "\n" in text  # the last line came in this portion alone
        *lines, rest = (self._held + text).split("\n")
        if final or (portion and self._is_one(rest)):
            lines, rest = [*lines, rest], ""
        self._held = rest if len(rest) <= LONGEST_LINE else ""
        return [item for line in lines for item in self._read_line(line.strip("\ufeff\r"))]

    def _read_line(self, line: str) -> list[object]:
        if not line.strip():
            return self._end_event()
        if part := _PART.fullmatch(line):
            value = _parsed(part[2])
            return [value] if part[1] == "0" and isinstance(value, str) else []
        if line.lstrip().startswith("{"):
            value = _parsed(line)
            return [value] if isinstance(value, dict) else []
        data = line.removeprefix("data:")
        if data == line:
            return []
        value = _parsed(data)
        if isinstance(value, dict) and not self._data:
            return [value]
        self._data.append(data.removeprefix(" "))
        return []

    def _end_event(self) -> list[object]:
        """The item of an event whose data took several lines, or is no JSON."""
        data, self._data = "\n".join(self._data), []
        if not data or data.strip() == "[DONE]":
            return []
        value = _parsed(data)
        return [value if isinstance(value, dict | str) else data]


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
