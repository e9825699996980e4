"""Texts with fields to be filled in: ``{voice}``, and ``{model|voice}`` for the first of them that there is.

Nothing else stands in braces, and nothing is evaluated; ``{{`` and ``}}`` are braces. What is filled in is encoded for
the place where it stands, so no value can get out of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import UsageError

Fields = Mapping[str, Any]
"""What there is to fill in; None is as good as missing."""

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAMES = re.compile(r"[a-z][a-z0-9_]*(\|[a-z][a-z0-9_]*)*")


class MissingField(LookupError):  # noqa: N818 - whoever fills in decides what that means
    """There is no value for a field; ``names`` are those that would do."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(" or ".join(names))
        self.names = names


def field_names(template: Any) -> set[str]:
    """The names of all fields in ``template``: a text, or tables and lists of such.

    Raises `UsageError` for a brace that is neither a field's nor doubled.
    """
    if isinstance(template, Mapping):
        return {name for item in template.values() for name in field_names(item)}
    if isinstance(template, list):
        return {name for item in template for name in field_names(item)}
    if not isinstance(template, str):
        return set()
    found: set[str] = set()
    for part in _PARTS.finditer(template):
        if part[0] not in ("{{", "}}"):
            found.update(_names(part, template))
    return found


def fill_text(template: str, fields: Fields, encode: Callable[[str], str] = str) -> str:
    """``template`` with its fields filled in, each value through ``encode``. Raises `MissingField`."""

    def value(part: re.Match[str]) -> str:
        return part[0][0] if part[0] in ("{{", "}}") else encode(_shown(_value(_names(part, template), fields)))

    return _PARTS.sub(value, template)


def fill(template: Any, fields: Fields) -> Any:
    """Tables and lists with the fields of their texts filled in; None where nothing is left.

    A text that is one field and nothing else becomes its value, also a number. What has a field without a value is
    left out, and so are tables that are empty because of it.
    """
    if isinstance(template, Mapping):
        filled = {name: fill(item, fields) for name, item in template.items()}
        kept = {name: item for name, item in filled.items() if item is not None}
        return kept if kept or not template else None
    if isinstance(template, list):
        return [item for item in (fill(item, fields) for item in template) if item is not None]
    if not isinstance(template, str):
        return template
    try:
        whole = _PARTS.fullmatch(template)
        if whole is not None and whole[1] is not None:
            return _value(_names(whole, template), fields)
        return fill_text(template, fields)
    except MissingField:
        return None


def _names(part: re.Match[str], template: str) -> tuple[str, ...]:
    if part[1] is None or not _NAMES.fullmatch(part[1]):
        todo = "a field is {name} or {name|other}, a brace itself is doubled"
        raise UsageError(f"{part[0]} in {template!r} is no field: {todo}")
    return tuple(part[1].split("|"))


def _value(names: tuple[str, ...], fields: Fields) -> Any:
    for name in names:
        if (value := fields.get(name)) is not None:
            return value
    raise MissingField(names)


def _shown(value: Any) -> str:
    """Numbers in the shortest form: 1.0 is 1."""
    return f"{value:g}" if isinstance(value, float) else str(value)
