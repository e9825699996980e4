"""Strikes credentials out of whatever is shown: messages, logs, reports, captures.

A credential is known by where it stands (a header or query name such as ``authorization`` or ``api_key``, the user
part of a URL), and is then struck out wherever it turns up, also where a service echoes it, whole or in part.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

STRUCK = "***"
_SECRET_NAMES = ("key", "token", "secret", "passw", "auth", "sig", "credential", "cookie", "session", "jwt")
_PREFIX = 8  # so many characters of a key tell it from any other word
_TELLING = 4  # shorter values ("x", "key") are placeholders and ordinary words: no secret, and not struck out
_WORD = r"[^\s\"'<>,;&]*"
# What services make of a key when they mask it themselves: "sk-proj-****************wxyz". The expressions are compiled
# when the first error is shown, not on the way to the first request.
_MASKED = r"[^\s\"'<>,;&/@]*\*{3,}[^\s\"'<>,;&/@]*"
_LOOKS_LIKE_KEY = r"(?i)\b(?:sk|pk|rk)[-_][\w-]{8,}|(?<=bearer )[\w.~+/=-]{8,}"
_URL_USER = r"(?<=://)[^\s/@\"'<>]+@"


def is_secret_name(name: str) -> bool:
    """Whether the value of a header or query parameter of this name is taken for a credential."""
    lower = name.lower()
    return any(part in lower for part in _SECRET_NAMES)


class Secrets:
    """The credentials of one source, and what strikes them out of a text."""

    __slots__ = ("_pattern", "_values")

    def __init__(self, values: Iterable[str | None] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    def add(self, value: str | None) -> None:
        """Know ``value`` from now on, also percent-encoded."""
        if value and len(value) >= _TELLING and value not in self._values:
            self._values |= {value, quote(value, safe=""), quote_plus(value)}
            self._pattern = None

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
        except ValueError:
            return
        for user in (parts.username, parts.password):
            self.add(user and unquote(user))
        if parts.username is not None:
            self.add(basic_credentials(parts))
        for name, value in parse_qsl(parts.query):
            if is_secret_name(name):
                self.add(value)

    def strike(self, text: str) -> str:
        """``text`` without any credential."""
        if self._pattern is None and self._values:
            self._pattern = re.compile("|".join(map(_as_pattern, sorted(self._values, key=len, reverse=True))))
        text = re.sub(_MASKED, STRUCK, text)
        if self._pattern is not None:
            text = self._pattern.sub(STRUCK, text)
        return re.sub(_LOOKS_LIKE_KEY, STRUCK, re.sub(_URL_USER, f"{STRUCK}@", text))

    def cause(self, error: BaseException) -> BaseException | None:
        """``error`` if it may stand as a ``__cause__`` in a traceback, None if it shows a credential."""
        shown = f"{error!r} {error}"
        return error if self.strike(shown) == shown else None


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
    return "".join(c if c.isprintable() else "?" for c in place)


def _as_pattern(value: str) -> str:
    """A regular expression for ``value``, or for a word that begins or ends as it does if it is long enough."""
    if len(value) < 2 * _PREFIX:
        return re.escape(value)
    return f"{re.escape(value[:_PREFIX])}{_WORD}|{_WORD}{re.escape(value[-_PREFIX:])}"
