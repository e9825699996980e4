"""Refuses patterns for which a search may take for ever, told by their form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ...errors import UsageError

_FEW = 4  # times that what varies in length may be repeated
_MOST = 2  # repeated characters of the same kind behind each other: all ways to part a text between them are tried
_LONG = 20  # times from which on this counts
_PROBES = [chr(code) for code in (*range(9, 14), *range(32, 127), 0xE9, 0x4E2D)]
_SAFE = ("POSSESSIVE_REPEAT",)
_ONE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")


def refuse_endless(tree: Any, pattern: str, longest: int) -> None:
    """Raise `UsageError` where something of varying length is repeated, so that there are ever more ways to read it.

    Not where a repeated part can be told from what varies in it: ``(?:,[0-9]+)*``. The same for what repeats the same
    characters again and again, ``.*.*.*x``. ``longest``: characters that a pattern may look back.
    """
    if _longest_chain(tree) > _MOST:
        raise UsageError(f"the pattern {pattern!r} repeats the same characters {_MOST + 1} times in a row: use fewer")
    for name, argument in _walk(tree):
        if name in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] > _FEW and _ambiguous(argument[2]):
            raise UsageError(
                f"the pattern {pattern!r} repeats what is repeated itself, which may take for ever: make the inner one "
                "possessive, as in (?:a++b?+)*"
            )
        if name.startswith("ASSERT") and argument[0] < 0 and argument[1].getwidth()[1] > longest:
            raise UsageError(f"the pattern {pattern!r} looks back by more than {longest} characters")


def _walk(tree: Any) -> Iterator[tuple[str, Any]]:
    """All operations of a tree, those within others too."""
    for op, argument in tree:
        yield str(op), argument
        for inner in _inner(argument):
            yield from _walk(inner)


def _inner(argument: Any) -> Iterator[Any]:
    for part in argument if isinstance(argument, (tuple, list)) else [argument]:
        if hasattr(part, "getwidth"):
            yield part
        elif isinstance(part, list):
            yield from _inner(part)


def _flat(tree: Any) -> Iterator[tuple[str, Any]]:
    """The operations of a tree one after the other, groups opened."""
    for op, argument in tree:
        if str(op) == "SUBPATTERN":
            yield from _flat(argument[-1])
        else:
            yield str(op), argument


def _longest_chain(tree: Any) -> int:
    """How many long repeats of characters stand behind each other that nothing tells apart."""
    longest = chain = 0
    before: set[str] = set()  # what the last of them repeats
    for name, argument in _flat(tree):
        if name.endswith("_REPEAT") and argument[1] > _LONG and (matches := _characters(argument[2])):
            chain = chain + 1 if matches & before and name not in _SAFE else 1
            longest, before = max(longest, chain), matches
        elif name == "LITERAL" and chr(argument) not in before:
            chain, before = 0, set()
    return longest


def _characters(body: Any) -> set[str]:
    """Those of some characters that a repeated ``body`` matches; none where it is more than one character."""
    if len(body) != 1 or str(body[0][0]) not in _ONE:
        return set()
    compiler: Any = import_module("re._compiler")
    repeated: re.Pattern[str] = compiler.compile(body, body.state.flags)
    return {character for character in _PROBES if repeated.fullmatch(character)}


def _ambiguous(body: Any) -> bool:
    """Whether a repeated ``body`` may be read in more than one way."""
    items = list(_flat(body))
    varying = [(name, argument) for name, argument in items if _varies(name, argument)]
    if not varying:
        return False
    name, argument = varying[0]
    if len(varying) > 1 or not name.endswith("_REPEAT") or len(argument[2]) != 1:
        return True
    if str(argument[2][0][0]) not in _ONE:
        return True
    compiler: Any = import_module("re._compiler")
    repeated: re.Pattern[str] = compiler.compile(argument[2], body.state.flags)
    return not any(name == "LITERAL" and not repeated.fullmatch(chr(value)) for name, value in items)


def _varies(name: str, argument: Any) -> bool:
    """Whether an operation may read the same text in several ways, or several lengths of it."""
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        return argument[0] != argument[1] or any(_varies(*item) for item in _flat(argument[2]))
    if name == "BRANCH":
        heads = [str(alternative[0]) if len(alternative) else "" for alternative in argument[1]]
        told = len(set(heads)) == len(heads) and all(head.startswith("(LITERAL,") for head in heads)
        return not told or any(_varies(*item) for alternative in argument[1] for item in _flat(alternative))
    return name == "GROUPREF_EXISTS"
