"""Markdown, code and addresses made speakable while they are still being written."""

from __future__ import annotations

import re

from .markup import (
    ADDRESS,
    BLOCK,
    CITATION,
    ENTITIES,
    ENTITY,
    HIDING,
    HOST,
    MARKS,
    RULE,
    TAG,
    UNDECIDED,
    UNFINISHED_ADDRESS,
    UNFINISHED_CITATION,
    UNFINISHED_ENTITY,
    UNFINISHED_TAG,
    WHOLE_ADDRESS,
    closing,
)
from .plain import BLANK, SILENT, PlainText, words_without

_WORDS = words_without("*_~`\\[\\]!<\\\\&|\u3010")
_RUNS = {mark: re.compile(f"{re.escape(mark)}{{1,100}}") for mark in "*_~`"}
_STOPS = ".!?\u2026:;,\u3002\uff01\uff1f\u3001\uff0c\uff1a\uff1b\u0964\u061f\n"
_SILENT = re.compile(f"[{SILENT}]+")
_LINE = 200  # characters of a line that are looked at to see what it is
_LABEL = 500  # those of a link's text, and
_TARGET = 2000  # of its address
_TEXT, _HEADING, _ITEM, _ROW = range(4)  # kinds of lines
_KINDS = {"heading": _HEADING, "point": _ITEM, "number": _ITEM, "row": _ROW}


class SpeakableText(PlainText):
    """Leaves out what is not meant to be spoken: marks of Markdown, blocks of code, the addresses behind links.

    Of a bare address the host is spoken. Headings, points of a list and rows of a table end like sentences; cells are
    set apart by commas. What a mark means is decided with as much of what follows as it takes, never with what happens
    to be there: nothing is held back longer than that, and the result does not depend on how the text was cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self._before = "\n"  # the raw character before _raw
        self._line_start = True
        self._kind = _TEXT
        self._cell = False  # a cell of a table ended
        self._code = 0  # backticks that opened the present stretch of code
        self._fence = ""  # what opened the block of code that is being left out
        self._in_line = False  # in the middle of a line of it
        self._hidden = ""  # what will end a stretch that is not shown
        self._skips: list[tuple[int, int]] = []  # the ends of the links that this place is in, innermost last

    def _consumed(self, raw: str) -> None:
        if raw:
            self._before = raw[-1]

    def _previous(self, at: int) -> str:
        return self._raw[at - 1] if at else self._before

    def _step(self, at: int, *, final: bool) -> int:
        while self._skips and self._at + at >= self._skips[-1][0]:
            if (length := self._skips.pop()[1] - self._at - at) > 0:
                return length
        if self._hidden:
            return self._hide(at, final=final)
        if self._fence:
            return self._fenced(at, final=final)
        if self._line_start:
            return self._start_line(at, final=final)
        return self._inline(at, final=final)

    def _hide(self, at: int, *, final: bool) -> int:
        """Pass over all up to what ends it."""
        end = self._raw.find(self._hidden, at)
        if end < 0:
            return max(0, len(self._raw) - at - (0 if final else len(self._hidden) - 1))
        length = end + len(self._hidden) - at
        self._hidden = ""
        return length

    def _fenced(self, at: int, *, final: bool) -> int:
        """Pass over a line of a block of code, or what there is of it; it may be the line that ends the block."""
        raw = self._raw
        if not self._in_line:
            end = raw.find("\n", at, at + _LINE)
            if end < 0 and len(raw) - at < _LINE and not final:
                return 0
            line = raw[at:end].strip(" \t\r>") if end >= 0 else ""
            if len(line) >= len(self._fence) and not line.strip(self._fence[0]):
                self._fence, self._line_start = "", True
                return end + 1 - at
        end = raw.find("\n", at)
        self._in_line = end < 0
        return (end + 1 if end >= 0 else len(raw)) - at

    def _start_line(self, at: int, *, final: bool) -> int:
        """Find out what kind of line begins, and pass over the marks that say so."""
        raw = self._raw
        end = raw.find("\n", at, at + _LINE)
        if end < 0 and len(raw) - at < _LINE:
            if not final and UNDECIDED.fullmatch(raw, at):
                return 0
            end = len(raw) if final else end
        if end >= 0 and (rule := RULE.fullmatch(raw, at, end)):
            self._break(1 if rule["table"] else 2, at)
            self._fence = rule["fence"] or rule["tildes"] or ""
            return min(end + 1, len(raw)) - at
        if block := BLOCK.match(raw, at):
            return self._start_block(block, at)
        self._line_start = False
        return self._inline(at, final=final)

    def _start_block(self, block: re.Match[str], at: int) -> int:
        kind = block.lastgroup or ""
        if kind != "quote":  # what is quoted may be any kind of line
            self._line_start = False
            self._break(2 if kind == "heading" else 1, at)
            self._kind = _KINDS[kind]
        if kind == "number":
            self._say(block[kind], block.start(kind), block.end(kind))
            self._blank(block.end(kind))
        return block.end() - at

    def _end_line(self, at: int) -> None:
        self._line_start = True
        if self._kind in (_HEADING, _ROW):
            self._break(2 if self._kind == _HEADING else 1, at)
        super()._end_line(at)

    def _break(self, count: int, at: int) -> None:
        """Let a heading, a point or a row end with a full stop, too."""
        if self._kind != _TEXT and self._length and self._last not in _STOPS:
            self._put(".", self._at + at, self._at + at)
        self._kind, self._cell = _TEXT, False
        if count > 1:
            self._code = 0
        super()._break(count, at)

    def _inline(self, at: int, *, final: bool) -> int:
        raw = self._raw
        words = _WORDS.match(raw, at, self._skips[-1][0] - self._at if self._skips else len(raw))
        if not words:
            return self._mark(at, final=final)
        end = self._address_in(at, words.end(), final=final)
        if end == at:
            return self._address(at, final=final)
        if raw[end - 1] == " ":
            end -= 1  # the blank before an address is due with it, as between any two words
        self._say(raw[at:end], at, end)
        return end - at

    def _address_in(self, at: int, end: int, *, final: bool) -> int:
        """Where between ``at`` and ``end`` an address begins or may begin; ``end`` if none does."""
        raw = self._raw
        start = at if at or not self._before.isascii() or not self._before.isalnum() else 1
        if address := ADDRESS.search(raw, start, end):
            return address.start()
        if end == len(raw) and not final and (address := UNFINISHED_ADDRESS.search(raw, max(start, end - 8))):
            return address.start()
        return end

    def _address(self, at: int, *, final: bool) -> int:
        """Say the host of the address at ``at`` for all of it."""
        raw = self._raw
        address = WHOLE_ADDRESS.match(raw, at)
        end = address.end() if address else at
        if end == len(raw) and end - at < _TARGET and not final:
            return 0
        whole = raw[at:end].rstrip(".,;:!?'_~\u2019\u201d")
        while whole.endswith(")") and whole.count("(") < whole.count(")"):
            whole = whole[:-1].rstrip(".,;:!?'_~\u2019\u201d")
        host = HOST.match(whole)
        if host and ADDRESS.match(raw, at):
            if shown := _SILENT.sub("", host[1]):
                self._say(shown, at + host.start(1), at + host.end(1))
            return len(whole)
        self._say(raw[at], at, at + 1)  # only began like one
        return 1

    def _mark(self, at: int, *, final: bool) -> int:
        """Read what may be a mark."""
        character = self._raw[at]
        if character == "`" or (character in "*_~" and not self._code):
            return self._run(at, final=final)
        if self._code and character not in "|\n":
            return self._literal(at, final=final)
        if character == "|" and self._kind == _ROW:
            self._cell = self._last != "\n"
            self._gap = None
            return 1
        readers = {"[": self._link, "!": self._image, "<": self._tag, "\\": self._escape, "&": self._entity}
        read = readers.get(character, self._citation if character == "\u3010" else self._literal)
        return read(at, final=final)

    def _literal(self, at: int, *, final: bool) -> int:
        if self._raw[at] in "*_~`[]!<\\&|\u3010":
            self._say(self._raw[at], at, at + 1)
            return 1
        return self._odd(at, final=final)

    def _run(self, at: int, *, final: bool) -> int:
        """Read the marks of emphasis, of code within a line, or what only looks like them: 2 * 3, snake_case, ~5."""
        raw, mark = self._raw, self._raw[at]
        run = _RUNS[mark].match(raw, at)
        length = len(run[0]) if run else 1
        if at + length == len(raw) and length < 100 and not final:
            return 0
        if mark == "`":
            self._code = 0 if self._code == length else self._code or length
            return length
        before, after = self._previous(at), raw[at + length : at + length + 1]
        within = before.isalnum() and after.isalnum() and (length == 1 or mark == "_" or before.isdigit())
        alone = before.isspace() and (not after or after.isspace())
        if within or alone or (mark == "~" and length == 1):
            self._say(raw[at : at + length], at, at + length)
        return length

    def _image(self, at: int, *, final: bool) -> int:
        """Read "!": of an image, what it shows is spoken; only a word's own "!" is not held back."""
        if self._previous(at) not in BLANK + "[(":
            return self._literal(at, final=final)
        if at + 1 == len(self._raw) and not final:
            return 0
        return 1 if self._raw[at + 1 : at + 2] == "[" else self._literal(at, final=final)

    def _link(self, at: int, *, final: bool) -> int:
        """Read "[": of a link its text is spoken, notes and numbers of sources are not."""
        raw = self._raw
        end = closing(raw, at, _LABEL)
        if end is None or (final and not end):
            return self._literal(at, final=final)
        if not end or (end == len(raw) and not final):
            return 0
        target = closing(raw, end, _TARGET) if raw[end : end + 1] in ("(", "[") else None
        if target == 0 and not final:
            return 0
        if target:
            self._skips.append((self._at + end - 1, self._at + target))
            return 1
        note = CITATION.fullmatch(raw, at, end)
        if note and (raw[at + 1] == "^" or not self._previous(at).isspace()):
            return end - at
        return self._literal(at, final=final)

    def _citation(self, at: int, *, final: bool) -> int:
        if note := CITATION.match(self._raw, at):
            return note.end() - at
        if not final and UNFINISHED_CITATION.match(self._raw, at):
            return 0
        return self._literal(at, final=final)

    def _tag(self, at: int, *, final: bool) -> int:
        """Read "<": tags of HTML are left out, and what a comment or a model's thoughts hold."""
        raw = self._raw
        if not final and UNFINISHED_TAG.match(raw, at):
            return 0
        if hiding := HIDING.match(raw, at):
            self._hidden = "-->" if hiding["comment"] else f"</{hiding['name']}>"
            return len(hiding[0])
        tag = TAG.match(raw, at)
        if not tag:
            return self._literal(at, final=final)
        if tag["link"]:
            self._skips.append((self._at + tag.end() - 1, self._at + tag.end()))
            return 1
        if (tag["name"] or "").lower() in ("br", "p", "li", "tr", "div"):
            self._blank(at)
        return len(tag[0])

    def _escape(self, at: int, *, final: bool) -> int:
        r"""Read a backslash: "\*" is a plain "*", and one at the end of a line is not shown."""
        after = self._raw[at + 1 : at + 2]
        if not after and not final:
            return 0
        if after in MARKS:
            self._say(after, at, at + 2)
            return 2
        return 1 if after == "\n" else self._literal(at, final=final)

    def _entity(self, at: int, *, final: bool) -> int:
        if entity := ENTITY.match(self._raw, at):
            self._say(ENTITIES[entity[1]], at, entity.end())
            return len(entity[0])
        if not final and UNFINISHED_ENTITY.match(self._raw, at):
            return 0
        return self._literal(at, final=final)

    def _say(self, text: str, start: int, end: int) -> None:
        if self._cell:
            self._cell = False
            if self._last not in _STOPS:
                self._put(",", self._at + start, self._at + start)
            if self._gap is None:
                self._gap = self._at + start
        super()._say(text, start, end)
