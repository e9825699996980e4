"""How a value is written in each place of a request, so that no value can get out of its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from ...errors import UsageError

_NOT_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))
_ESCAPES = {ord(char): f"&#{ord(char)};" for char in "&<>\"'"}
_DECODINGS = 3  # proxies and servers decode a path once each, some twice


def check_fields(fields: Mapping[str, Any]) -> None:
    """Raise `UsageError` for a value that no request can hold."""
    for name, value in fields.items():
        try:
            str(value).encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"the {name} is not valid Unicode at character {error.start}") from error


def in_url(value: str) -> str:
    """As a part of a path: no value adds a segment, a query or a fragment (RFC 3986 section 3.3)."""
    return quote(value, safe="")


def check_path(path: str) -> str:
    """``path`` as it is. Raises `UsageError` for one that leads upwards.

    Percent-encoded dots are dots (RFC 3986 section 6.2.2.2), and many servers decode slashes before they look.
    """
    decoded = path.partition("?")[0]
    for _ in range(_DECODINGS):
        if any(segment in (".", "..") for segment in re.split(r"[/\\]", decoded)):
            raise UsageError("a value for the path of the URL leads upwards ('..'): use another voice, model or text")
        decoded = unquote(decoded)
    return path


def as_query(fields: Mapping[str, Any]) -> str:
    """A query with its mark; empty for no fields."""
    query = urlencode({name: shown(value) for name, value in fields.items()}, quote_via=quote)
    return f"?{query}" if query else ""


def in_xml(value: str) -> str:
    """As content or attribute of XML 1.0, without the characters that it cannot hold (section 2.2)."""
    return value.translate(_NOT_XML).translate(_ESCAPES)


def in_xml_with(ipa: str | None) -> Callable[[str], str]:
    """As content of XML 1.0 in which phonemes, written in this way, are marks of XML themselves."""
    if ipa is None:
        return in_xml
    way = re.escape(ipa).replace(r"\{\{", r"\{").replace(r"\}\}", r"\}")
    marks = re.compile("(" + re.sub(r"\\\{(?:ipa|word)\\\}", '[^<>"&]+', way) + ")")

    def in_place(value: str) -> str:
        parts = marks.split(value)
        return "".join(part if number % 2 else in_xml(part) for number, part in enumerate(parts))

    return in_place


def shown(value: Any) -> str:
    """As text: numbers in the shortest form."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
