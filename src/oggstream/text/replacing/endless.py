"""Refuses patterns for which a search may take for ever, told by their form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ...errors import UsageError

_FEW = 4  # times that what varies in length may be repeated
_MOST = 3  # parts of any length that one pattern may have beside each other
_ONE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")


def refuse_endless(tree: Any, pattern: str, longest: int) -> None:
    """Raise `UsageError` where something of varying length is repeated, so that there are ever more ways to read it.

    Not where a repeated part can be told from what varies in it: ``(?:,[0-9]+)*``. ``longest``: characters that a
    pattern may look back.
    """
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
