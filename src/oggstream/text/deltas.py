"""The text in what language models stream: strings, lines of protocols, and the items of the common packages."""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from enum import Enum
from typing import Any

from ..errors import UsageError
from .lines import ProtocolLines
from .patterns import NOT_SPOKEN, PART_TEXT, PART_TYPES, ROWS, SPOKEN_PARTS, Gives, Is, Row
from .repeats import Repeats

__all__ = ["ModelText", "text_of"]

DEEPEST = 8
"""Items within each other that are looked into."""
MOST_UNKNOWN = 10_000
"""Items without anything understood after which a stream is given up."""
_CONTAINERS = (list, tuple)
_NO_TEXT = "give str, or chunks or events of a model's stream"


class ModelText:
    """Reads the items of a model's stream and gives the text that each adds to the answer.

    What repeats text that was given is given once. ``guess`` is a word on what was guessed about the stream, empty if
    nothing was.
    """

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._lines = ProtocolLines(lambda item: find(item) is not None)
        self._repeats = Repeats()
        self._understood = False
        self._unknown: list[str] = []  # names of the first types that were not understood
        self._count = 0  # of items that were not

    @property
    def guess(self) -> str:
        """What was guessed about the stream, in a sentence."""
        return self._repeats.guess

    def read(self, item: object) -> str:
        """Text that ``item`` adds. Raises `UsageError` for a stream in which nothing is understood, after a while."""
        if isinstance(item, (bytes, bytearray, memoryview)):
            item = self._decode(bytes(item))
        if isinstance(item, str):
            return "".join(self._read_any(part) for part in self._lines.feed(item))
        return self._read_any(item)

    def finish(self) -> str:
        """Text that was held back. Raises `UsageError` if the stream had items and none was understood."""
        rest = self._lines.feed(self._decode(b"", final=True)) + self._lines.finish()
        text = "".join(self._read_any(part) for part in rest)
        if self._unknown and not self._understood:
            raise self._refusal()
        return text

    def _read_any(self, item: object) -> str:
        if item is None:
            return ""
        if isinstance(item, str):
            self._understood = True
            return self._repeats.delta(item)
        found = find(item)
        if found is None:
            self._note(item)
            return ""
        self._understood = True
        gives, text = found
        return self._repeats.whole(text) if gives is Gives.WHOLE else self._repeats.delta(text)

    def _note(self, item: object) -> None:
        self._count += 1
        name = _name(item)
        if name not in self._unknown and len(self._unknown) < 3:
            self._unknown.append(name)
        if not self._understood and self._count >= MOST_UNKNOWN:
            raise self._refusal()

    def _refusal(self) -> UsageError:
        return UsageError(f"no text in {', '.join(self._unknown)}: {_NO_TEXT}")


def text_of(item: object) -> str:
    """Text that ``item`` of a model's stream adds to the answer; "" if it adds none.

    Raises `UsageError` for what is no item of such a stream. `ModelText` reads whole streams.
    """
    if item is None or isinstance(item, str):
        return item or ""
    if isinstance(item, (bytes, bytearray)):
        raise UsageError("text came as bytes: decode it first (codecs.getincrementaldecoder)")
    found = find(item)
    if found is None and not isinstance(_field(item, "type"), str):
        raise UsageError(f"no text in {_name(item)}: {_NO_TEXT}")
    return found[1] if found else ""


def find(item: object, depth: int = 0) -> tuple[Gives, str] | None:
    """What ``item`` gives, and its text, by the first row of `ROWS` that fits; None if none does."""
    if depth > DEEPEST or isinstance(item, (int, float, complex)):
        return None
    if isinstance(item, (str, bytes, bytearray)):
        return _of_text(item, depth)
    if isinstance(item, list):
        return _of_list(item, depth)
    if isinstance(item, tuple):
        return _of_tuple(item, depth)
    for row in ROWS:
        if _fits(row, item):
            return _taken(row, _at(item, row.path), depth)
    return None


def _taken(row: Row, value: object, depth: int) -> tuple[Gives, str] | None:
    if row.gives is Gives.ITEM:
        return find(value, depth + 1)
    if row.gives is Gives.NOTHING:
        return Gives.NOTHING, ""
    return row.gives, _text(value, depth)


def _of_text(item: str | bytes | bytearray, depth: int) -> tuple[Gives, str] | None:
    """JSON within an item is an item, other text is text."""
    text = item if isinstance(item, str) else bytes(item).decode("utf-8", "replace")
    if text.startswith("{"):
        try:
            return find(json.loads(text), depth + 1) or (Gives.NOTHING, "")
        except (ValueError, RecursionError):
            pass
    return (Gives.DELTA, text) if depth else None


def _of_list(item: list[Any], depth: int) -> tuple[Gives, str] | None:
    """An item for each choice (Semantic Kernel): the first counts."""
    if not item or isinstance(item[0], (str, bytes, bytearray, *_CONTAINERS)):
        return None
    return find(item[0], depth + 1)


def _of_tuple(item: Any, depth: int) -> tuple[Gives, str] | None:
    """Items with something beside them: (message, metadata), (mode, item), (namespace, item), (item, is_last)."""
    if not 2 <= len(item) <= 3:
        return None
    for part in item:
        if isinstance(part, (str, *_CONTAINERS)) and not _is_pair(part):
            continue  # a mode or a namespace
        if (found := find(part, depth + 1)) is not None:
            return found
    return None


def _is_pair(part: object) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and not isinstance(part[0], str)


def _fits(row: Row, item: object) -> bool:
    return all(_holds(condition, item, path) for path, condition in row.when.items())


def _holds(condition: object, item: object, path: str) -> bool:
    if condition is Is.THERE:
        *inner, last = path.split(".")
        return _has(_at(item, ".".join(inner)), last)
    value = _at(item, path)
    if condition is Is.TEXT:
        return isinstance(value, str)
    if condition is Is.FULL:
        return value is not None and value not in ("", b"")
    return any(
        value is allowed or value == allowed
        for allowed in (condition if isinstance(condition, tuple) else (condition,))
    )


def _at(item: object, path: str) -> object:
    for name in path.split(".") if path else ():
        item = _chosen(item) if name == "*" else _field(item, name)
    return item


def _chosen(value: object) -> object:
    """The first of several choices: chunks carry any of them, the last one often none. Or the only value of a dict."""
    if isinstance(value, dict):
        return next(iter(value.values())) if len(value) == 1 else None
    for choice in value if isinstance(value, _CONTAINERS) else ():
        if not _field(choice, "index"):
            return choice
    return None


def _text(value: object, depth: int = 0) -> str:
    """Text of a delta, part or message: itself, or that of all its parts that are spoken."""
    if isinstance(value, str):
        return value
    if depth > DEEPEST or value is None:
        return ""
    if isinstance(value, _CONTAINERS):
        return "".join(_text(part, depth + 1) for part in _answer(value) if _is_spoken(part))
    if not _is_spoken(value):
        return ""
    for name in PART_TEXT:
        inner = _field(value, name)
        if inner and not isinstance(inner, (int, float)):
            return _text(inner, depth + 1)
    return ""


def _answer(parts: Any) -> Iterator[Any]:
    """Of a list of messages those behind the last that is not the model's; of other parts all."""
    begin = 0
    for at, part in enumerate(parts, 1):
        if _plain(_field(part, "role")) in _ASKING or _plain(_field(part, "type")) in _ASKING:
            begin = at
    return iter(parts[begin:])


_ASKING = frozenset(("user", "human", "HumanMessage", "HumanMessageChunk"))


def _is_spoken(part: object) -> bool:
    if isinstance(part, str):
        return True
    if _field(part, "thought") is True or _plain(_field(part, "role")) in NOT_SPOKEN:
        return False
    kinds = [kind for name in PART_TYPES if isinstance(kind := _plain(_field(part, name)), str)]
    return all(kind in SPOKEN_PARTS or kind == "message" for kind in kinds)


def _field(item: object, name: str) -> object:
    if isinstance(item, dict):
        return _plain(item.get(name))
    try:
        return _plain(getattr(item, name, None))
    except Exception:  # noqa: BLE001  # a property may refuse to give what there is none of
        return None


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _has(item: object, name: str) -> bool:
    if isinstance(item, dict):
        return name in item
    try:
        return hasattr(item, name)
    except Exception:  # noqa: BLE001  # as above
        return True


def _name(item: object) -> str:
    """The type of an item, and what it calls itself."""
    kind = _field(item, "type")
    name = type(item).__name__
    return f"{name!r} of type {kind[:40]!r}" if isinstance(kind, str) and kind.isprintable() else repr(name)
