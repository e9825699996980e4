"""Bytes of standard input as text: UTF-8, UTF-16 and UTF-32 by their marks, else the local code page."""

from __future__ import annotations

import codecs
import locale

from ...errors import TextError
from ...sniff import named_by_magic

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ENOUGH = 4  # bytes that tell which mark it is
_ODD = frozenset((*range(7), *range(14, 27), *range(28, 32)))  # controls that no text has; ESC is in terminals' output


class TextDecoder:
    """Decodes bytes in any portions. Raises `TextError` for what is no text.

    ``guess`` says so where the encoding was guessed; it is empty where it is certain or nothing came yet.
    """

    def __init__(self) -> None:
        self.guess = ""
        self._first = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def decode(self, data: bytes, *, final: bool = False) -> str:
        """The text in ``data``; a character may be cut at its end, unless it is ``final``."""
        if self._decoder is None:
            self._first += data
            if len(self._first) < _ENOUGH and not final:
                return ""
            data = self._first
            name = _encoding(data)
            if name != "utf-8" and not any(data.startswith(mark) for mark, _ in _MARKS):
                self.guess = f"standard input is not UTF-8: it is read as {name}; give UTF-8 to be certain"
            self._decoder = codecs.getincrementaldecoder(name)("replace")
        try:
            return self._decoder.decode(data, final)
        except UnicodeError as error:  # a cut mark
            raise TextError("standard input is no text: its first bytes are those of no encoding") from error


def _encoding(first: bytes) -> str:
    """What ``first``, the beginning of a text, is encoded in. Raises `TextError` if it is none."""
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name
    if name := _without_mark(first):
        return name
    if what := named_by_magic(first):
        raise TextError(f"standard input is no text but {what}: use `play -` for audio")
    if sum(byte in _ODD for byte in first) * 50 > len(first):
        raise TextError("standard input is no text: give words, or use `play -` for audio")
    if _is_utf8(first):
        return "utf-8"
    local = codecs.lookup(locale.getpreferredencoding(do_setlocale=False)).name
    return local if local not in ("utf-8", "ascii") else "cp1252"


def _without_mark(first: bytes) -> str:
    """UTF-16 of mostly Latin letters: every second byte is zero."""
    even, odd = first[: len(first) // 2 * 2 : 2], first[1::2]
    if len(odd) >= 2 and odd.count(0) * 10 >= len(odd) * 7 and not even.count(0):
        return "utf-16-le"
    if len(odd) >= 2 and even.count(0) * 10 >= len(even) * 7 and not odd.count(0):
        return "utf-16-be"
    return ""


def _is_utf8(first: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first)
    except UnicodeDecodeError:
        return False
    return True
