"""Strikes credentials out of everything that leaves the package: messages, logs, reports, captures, request ids.

A credential is known by its place (a header or query name such as ``authorization`` or ``api_key``, the user part of a
URL, a field of a service's description), and is then struck out wherever it turns up, also where a service echoes it,
whole or in part. The time that this takes grows with the length of the text, whatever the text holds.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

STRUCK = "***"
LONGEST_SHOWN = 300
"""Characters of a foreign URL, request id or message that are shown."""
_SECRET_NAMES = ("key", "token", "secret", "passw", "auth", "sig", "credential", "cookie", "session", "jwt")
_SECRET_VARIABLES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS")
_PREFIX = 8  # characters that tell a key from any other word
_TELLING = 4  # shorter values ("x", "key") are placeholders and ordinary words, and are not struck out
# The expressions are compiled when a text first needs them, not on the way to the first request. Each one matches a
# whole word at once, so that a search never goes over the same characters twice.
_WORD = r"[^\s\"'<>,;&]+"
_PART = r"[^\s\"'<>,;&/@]+"
_LOOKS_LIKE_KEY = r"(?i)\b(?:sk|pk|rk)[-_][\w-]{8,}|(?<=bearer )[\w.~+/=-]{8,}"
_URL_USER = r"(?<=://)[^\s/@\"'<>]+@"


def is_secret_name(name: str) -> bool:
    """Whether the value of a header or query parameter of this name is taken for a credential."""
    lower = name.lower()
    return any(part in lower for part in _SECRET_NAMES)


class Secrets:
    """The credentials of one source, and what strikes them out of a text."""

    __slots__ = ("_marks", "_values")

    def __init__(self, values: Iterable[str | None] = ()) -> None:
        self._values: list[str] = []  # the longest first: one may be part of another
        self._marks: set[str] = set()  # how the long ones begin and end
        for value in values:
            self.add(value)

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    @classmethod
    def of_environment(cls) -> Secrets:
        """The values of all environment variables whose name ends as that of a credential does."""
        found = (value.strip() for name, value in os.environ.items() if name.upper().endswith(_SECRET_VARIABLES))
        return cls(value for value in found if len(value) >= _PREFIX)

    def include(self, other: Secrets | None) -> Secrets:
        """Know what ``other`` knows, too. Returns this object."""
        if other is not None:
            self._learn(other._values)  # noqa: SLF001  # of the same class
        return self

    def add(self, value: str | None) -> None:
        """Know ``value`` from now on, also as it stands in a URL, in JSON and in XML."""
        if value and len(value) >= _TELLING and value not in self._values:
            self._learn({value, *_written(value)})

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Know the values of headers that carry credentials, with and without their scheme (``Bearer``)."""
        for name, value in headers.items():
            if is_secret_name(name):
                self.add(value)
                self.add(value.partition(" ")[2].strip())

    def add_url(self, url: str) -> None:
        """Know the user, the password, and the query values that are credentials."""
        try:
            parts = urlsplit(url)
            query = parse_qsl(parts.query, max_num_fields=1000)
        except ValueError:
            return
        for user in (parts.username, parts.password):
            self.add(user and unquote(user))
        if parts.username is not None:
            self.add(basic_credentials(parts))
        for name, value in query:
            if is_secret_name(name):
                self.add(value)

    def strike(self, text: str) -> str:
        """``text`` without any credential."""
        for value in self._values:
            text = text.replace(value, STRUCK)
        if STRUCK in text:  # it was struck, or a service masked it itself: "sk-proj-****************wxyz"
            text = re.sub(_PART, lambda word: STRUCK if STRUCK in word[0] else word[0], text)
        if any(mark in text for mark in self._marks):
            text = re.sub(_WORD, self._strike_part, text)
        if "://" in text and "@" in text:
            text = re.sub(_URL_USER, f"{STRUCK}@", text)
        return re.sub(_LOOKS_LIKE_KEY, STRUCK, text) if "-" in text or "_" in text or " " in text else text

    def shown(self, text: str) -> str:
        """``text`` as one printable line of bounded length, without any credential."""
        return one_line(self.strike(text))

    def cause(self, error: BaseException) -> BaseException | None:
        """``error`` if it may stand as a ``__cause__`` in a traceback, None if it or its causes show a credential."""
        seen: list[BaseException] = []
        link: BaseException | None = error
        while link is not None and link not in seen and len(seen) < 20:
            shown = "\n".join([repr(link), str(link), *getattr(link, "__notes__", ())])
            if self.strike(shown) != shown:
                return None
            seen.append(link)
            link = link.__cause__ or link.__context__
        return error

    def _learn(self, values: Iterable[str]) -> None:
        self._values = sorted({*self._values, *values}, key=lambda value: (-len(value), value))
        for value in values:
            for word in re.findall(_WORD, value):
                if len(word) >= 2 * _PREFIX:
                    self._marks |= {word[:_PREFIX], word[-_PREFIX:]}

    def _strike_part(self, word: re.Match[str]) -> str:
        """The word without what begins or ends as a credential does."""
        return STRUCK if any(mark in word[0] for mark in self._marks) else word[0]


def _written(value: str) -> set[str]:
    """The ways to write ``value`` in a URL, in JSON and in XML."""
    xml = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    numbered = "".join(f"&#{ord(char)};" if char in "&<>\"'" else char for char in value)
    dumped = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    page = xml.replace('"', "&quot;").replace("'", "&#x27;")
    return {*_quoted(value), *dumped, xml, page, numbered}


def _quoted(value: str) -> set[str]:
    value = value.encode("utf-8", "replace").decode()  # a lone surrogate cannot be quoted, nor sent
    return {quote(value, safe=""), quote(value), quote_plus(value)}


def basic_credentials(parts: SplitResult) -> str:
    """The user part of a URL as HTTP Basic credentials (RFC 7617 section 2)."""
    user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return b64encode(user.encode()).decode()


def shown_url(url: str) -> str:
    """``url`` without user, query and fragment: enough to know the place, and no credential."""
    try:
        parts = urlsplit(url)
        place = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError:
        place = "".join(url.partition("://")[:2]) + STRUCK
    return shortened("".join(c if c.isprintable() else "?" for c in place[: 2 * LONGEST_SHOWN]))


def one_line(text: str) -> str:
    """``text`` as one printable line of bounded length."""
    if len(text) <= LONGEST_SHOWN and text.isprintable() and "  " not in text and text == text.strip():
        return text
    text = text[: 8 * LONGEST_SHOWN]  # white space may be most of it
    return shortened(" ".join("".join(c if c.isprintable() else " " for c in text).split()))


def shortened(line: str) -> str:
    """``line``, cut to `LONGEST_SHOWN` characters."""
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 3].rstrip() + "..."
