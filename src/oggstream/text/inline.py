"""What stands within a line of Markdown, made speakable: emphasis, code, links, tags, formulas, what is hidden."""

from __future__ import annotations

import re

from .formulas import (
    BEGIN,
    BRACKETS,
    DISPLAYED,
    DOLLARS,
    PARENTHESES,
    UNFINISHED_BEGIN,
    UNFINISHED_BRACKETS,
    UNFINISHED_DISPLAYED,
    UNFINISHED_DOLLARS,
    UNFINISHED_PARENTHESES,
    spoken,
)
from .hidden import BEGIN_OF_THOUGHT, LONE_END, LONGEST_MARK, STARTS, UNFINISHED, hidden_at
from .markup import (
    ADDRESS,
    BREAKS,
    CITATION,
    ENTITIES,
    ENTITY,
    HOST,
    MARKS,
    TAG,
    UNFINISHED_ADDRESS,
    UNFINISHED_CITATION,
    UNFINISHED_ENTITY,
    UNFINISHED_TAG,
    WHOLE_ADDRESS,
    closing,
)
from .noise import SILENT
from .plain import BLANK, PlainText, words_without

_SPECIAL = "*_~`[]!<\\&|\u3010$\u25c1"
_WORDS = words_without(re.escape(_SPECIAL))
_RUNS = {mark: re.compile(f"{re.escape(mark)}{{1,100}}") for mark in "*_~`"}
_SILENCE = re.compile(f"[{SILENT}]+")
_LABEL = 500  # characters of a link's text, and
_TARGET = 2000  # of its address
_DOLLARS = (DOLLARS, UNFINISHED_DOLLARS)
_DISPLAYED = (DISPLAYED, UNFINISHED_DISPLAYED)
_BY_BRACKET = {"(": (PARENTHESES, UNFINISHED_PARENTHESES), "[": (BRACKETS, UNFINISHED_BRACKETS)}


class InlineText(PlainText):
    """Leaves out the marks within a line, and what is not shown.

    What a mark means is decided with as much of what follows as it takes, never with what happens to be there: nothing
    is held back longer than that, and the result does not depend on how the text was cut.
    """

    def __init__(self) -> None:
        super().__init__(pictures=False)
        self._before = "\n"  # the raw character before _raw
        self._code = 0  # backticks that opened the present stretch of code
        self._hidden: re.Pattern[str] | None = None  # what will end a stretch that is not shown
        self._skips: list[tuple[int, int]] = []  # the ends of the links that this place is in, innermost last
        self._readers = {
            "[": self._link,
            "!": self._image,
            "<": self._tag,
            "\\": self._escape,
            "&": self._entity,
            "\u3010": self._citation,
            "$": self._dollar,
        }

    def prepare(self, text: str) -> None:
        """Say nothing of thoughts that only end in ``text``: their beginning was in the prompt."""
        end = LONE_END.search(text)
        if end and not BEGIN_OF_THOUGHT.search(text, 0, end.start()):
            self._hidden = LONE_END

    def _step(self, at: int, *, final: bool) -> int:
        while self._skips and self._at + at >= self._skips[-1][0]:
            if (length := self._skips.pop()[1] - self._at - at) > 0:
                return length
        if self._hidden:
            return self._hide(at, final=final)
        return self._inline(at, final=final)

    def _consumed(self, raw: str) -> None:
        if raw:
            self._before = raw[-1]

    def _previous(self, at: int) -> str:
        return self._raw[at - 1] if at else self._before

    def _hide(self, at: int, *, final: bool) -> int:
        """Pass over all up to what ends it."""
        assert self._hidden is not None
        raw = self._raw
        if end := self._hidden.search(raw, at):
            self._hidden = None
            return end.end() - at or self._step(at, final=final)
        return max(0, len(raw) - at - (0 if final else LONGEST_MARK))

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
            if shown := _SILENCE.sub("", host[1]):
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
        if character in STARTS and (length := self._hiding(at, final=final)) is not None:
            return length
        return self._readers.get(character, self._literal)(at, final=final)

    def _hiding(self, at: int, *, final: bool) -> int | None:
        """Read a mark of what is not shown; 0 to wait for more, None if there is none."""
        raw = self._raw
        if not final and UNFINISHED.match(raw, at):
            return 0
        if mark := hidden_at(raw, at):
            self._hidden = mark.end
            return mark.length
        if thought := LONE_END.match(raw, at):
            self._forget()
            return len(thought[0])
        return None

    def _forget(self) -> None:
        """Drop what was given and not consumed: it turns out to be thoughts."""
        self._out.clear()
        self.text, self.begin = "", self._length
        self._last, self._breaks, self._gap = "\n", 2, None

    def _literal(self, at: int, *, final: bool) -> int:
        if self._raw[at] in _SPECIAL:
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
        """Read "<": tags of HTML and SSML are left out."""
        raw = self._raw
        if not final and UNFINISHED_TAG.match(raw, at):
            return 0
        tag = TAG.match(raw, at)
        if not tag:
            return self._literal(at, final=final)
        if tag["link"]:
            self._skips.append((self._at + tag.end() - 1, self._at + tag.end()))
            return 1
        if (tag["name"] or "").lower() in BREAKS:
            self._blank(at)
        return len(tag[0])

    def _escape(self, at: int, *, final: bool) -> int:
        r"""Read a backslash: "\*" is a plain "*", one at the end of a line is not shown, and LaTeX is no escape."""
        raw = self._raw
        after = raw[at + 1 : at + 2]
        if not final and (not after or UNFINISHED_BEGIN.match(raw, at)):
            return 0
        if environment := BEGIN.match(raw, at):
            self._hidden = re.compile(rf"\\end\{{{re.escape(environment['name'])}\}}")
            return len(environment[0])
        if after in "([" and after:
            length = self._formula(_BY_BRACKET[after], at, final=final)
            if length is not None:
                return length
        if after in MARKS:
            self._say(after, at, at + 2)
            return 2
        return 1 if after == "\n" else self._literal(at, final=final)

    def _dollar(self, at: int, *, final: bool) -> int:
        """Read "$": of a formula, or of money."""
        if at + 1 == len(self._raw) and not final:
            return 0
        doubled = self._raw[at + 1 : at + 2] == "$"
        length = None
        if doubled or not self._previous(at).isalnum():
            length = self._formula(_DISPLAYED if doubled else _DOLLARS, at, final=final)
        return self._literal(at, final=final) if length is None else length

    def _formula(self, kind: tuple[re.Pattern[str], re.Pattern[str]], at: int, *, final: bool) -> int | None:
        """Read a formula, and say it if that is simple; 0 to wait for more, None if there is none."""
        whole, unfinished = kind
        raw = self._raw
        if not final and unfinished.match(raw, at):
            return 0
        formula = whole.match(raw, at)
        if not formula:
            return None
        if "formula" in whole.groupindex:
            begin = formula.start("formula")
            for word, start, end in spoken(formula["formula"]) or ():
                if word == " ":
                    self._blank(begin + start)
                else:
                    self._say(word, begin + start, begin + end)
        return len(formula[0])

    def _entity(self, at: int, *, final: bool) -> int:
        if entity := ENTITY.match(self._raw, at):
            self._say(ENTITIES[entity[1]], at, entity.end())
            return len(entity[0])
        if not final and UNFINISHED_ENTITY.match(self._raw, at):
            return 0
        return self._literal(at, final=final)
