"""Captions: the words of a speech, as they are heard, in lines to be read, as WebVTT, SubRip or JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from unicodedata import east_asian_width

LINE = 42
"""Cells of a line; a cue has two at most."""
LONGEST = 7.0
"""Seconds that a cue is shown, at most."""
LONGEST_GAP = 1.0
"""Seconds between two words of a cue, at most."""
LINGER, PER_CHARACTER = 0.3, 0.07
"""Seconds that the last word is shown, and for each of its characters, until its end is known."""

_ENDS = frozenset(".!?\u2026\u3002\uff01\uff1f\u061f\u0964")


class CueWord(NamedTuple):
    """A word: characters of the original text, when it is heard in seconds, and its first sample (48 kHz)."""

    text: str
    start: int
    end: int
    at: float
    sample: int


@dataclass
class Cue:
    """What is shown from ``begin`` to ``end``, in seconds. ``speech`` numbers the speeches of a file from 0."""

    number: int
    speech: int
    begin: float
    end: float = 0.0
    text: str = ""
    words: list[CueWord] = field(default_factory=list)


class Captions:
    """Groups words into cues, one at a time: ``cue`` is the one that grows, None before the first word."""

    def __init__(self) -> None:
        self.cue: Cue | None = None
        self._speech = -1
        self._over = True  # the next word begins another cue

    def begin(self) -> None:
        """Another speech begins."""
        self._speech += 1
        self._over = True

    def add(self, word: CueWord, text: str) -> None:
        """A word is heard. ``text`` is the original text as far as it is known."""
        cue = self.cue
        if cue is None or self._over or _parts(cue, word, text):
            cue = self.cue = Cue(0 if cue is None else cue.number + 1, self._speech, word.at)
            self._over = False
        cue.words.append(word)
        cue.text = _shown(text, cue.words)
        cue.end = max(cue.end, word.at + LINGER + PER_CHARACTER * len(word.text))

    def end(self, at: float) -> None:
        """The piece of the latest word has ended."""
        if self.cue is not None and self.cue.words:
            self.cue.end = max(at, self.cue.words[-1].at)


def _parts(cue: Cue, word: CueWord, text: str) -> bool:
    """Whether a word begins another cue."""
    last = cue.words[-1]
    if word.at - cue.begin > LONGEST or word.at - last.at > LONGEST_GAP + PER_CHARACTER * len(last.text):
        return True
    between = text[last.end : word.start]
    return not _ENDS.isdisjoint(between) or "\n" in between or not _fits(_shown(text, [*cue.words, word]))


def _fits(text: str) -> bool:
    return all(_cells(line) <= LINE for line in in_lines(text).split("\n"))


def _shown(text: str, words: list[CueWord]) -> str:
    """What a cue of ``words`` shows: the original text between them, with the punctuation around it."""
    start, end = words[0].start, words[-1].end
    while start and not text[start - 1].isspace() and not text[start - 1].isalnum():
        start -= 1
    while end < len(text) and not text[end].isspace() and not text[end].isalnum():
        end += 1
    return " ".join(text[start:end].split()) or words[-1].text


def _cells(text: str) -> int:
    return len(text) if text.isascii() else sum(1 + (east_asian_width(sign) in "WF") for sign in text)


def in_lines(text: str) -> str:
    """``text`` with a line feed where it is too long for a line."""
    if _cells(text) <= LINE:
        return text
    places = [at for at, sign in enumerate(text) if sign == " "]
    middle = min(places, key=lambda at: abs(at - len(text) / 2), default=None)
    return text if middle is None else f"{text[:middle]}\n{text[middle + 1 :]}"


class CaptionFormat(NamedTuple):
    """How a file is written: ``head``, ``block`` for each cue with ``between`` two of them, and ``tail``."""

    head: str
    block: Callable[[Cue], str]
    between: str = ""
    tail: str = ""


def _vtt(cue: Cue) -> str:
    text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{_time(cue.begin, '.')} --> {_time(cue.end, '.')}\n{in_lines(text)}\n\n"


def _srt(cue: Cue) -> str:
    text = cue.text.replace("-->", "->")
    return f"{cue.number + 1}\n{_time(cue.begin, ',')} --> {_time(cue.end, ',')}\n{in_lines(text)}\n\n"


def _json(cue: Cue) -> str:
    words = [{**word._asdict(), "at": round(word.at, 3)} for word in cue.words]
    row: dict[str, Any] = {"begin": round(cue.begin, 3), "end": round(cue.end, 3), "text": cue.text}
    return json.dumps({**row, "speech": cue.speech, "words": words}, ensure_ascii=False)


def _time(seconds: float, point: str) -> str:
    milliseconds = max(0, round(1000 * seconds))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


FORMATS = {
    ".vtt": CaptionFormat("WEBVTT\n\n", _vtt),
    ".srt": CaptionFormat("", _srt),
    ".json": CaptionFormat('{"schema": 1, "cues": [\n', _json, ",\n", "\n]}\n"),
}
"""By the ending of the file's name."""
