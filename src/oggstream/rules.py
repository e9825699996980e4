"""Checks of what a caller passes: each value is refused by its name, each unknown name with the one that is near it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .errors import UsageError

Rule = Callable[[str, Any], None]
"""Raises `UsageError` for a value, which it names, that cannot be meant."""


def number(low: float, high: float, *, whole: bool = False, none: bool = True) -> Rule:
    """A number from ``low`` to ``high``; ``none``: or None."""
    kind = "a whole number" if whole else "a number"

    def check(name: str, value: Any) -> None:
        if value is None and none:
            return
        if isinstance(value, bool) or not hasattr(value, "__index__" if whole else "__float__"):
            raise _wrong(name, f"{kind} {_between(low, high)}", value, none=none)
        if not low <= value <= high:
            if high < _ENDLESS:
                raise UsageError(f"{name} {value:g} is outside {low:g} to {high:g}")
            raise UsageError(f"{name} must {f'be at least {low:g}' if low else 'not be negative'}")

    return check


def one_of(*choices: str) -> Rule:
    """One of a few words."""

    def check(name: str, value: Any) -> None:
        if value not in choices:
            raise UsageError(f"unknown {name} {value!r}: use {', '.join(choices[:-1])} or {choices[-1]}")

    return check


def kind(what: str, *kinds: type, none: bool = True) -> Rule:
    """A value of one of ``kinds``, which a message calls ``what``."""

    def check(name: str, value: Any) -> None:
        if not (isinstance(value, kinds) or (none and value is None)):
            raise _wrong(name, what, value, none=none)

    return check


def language_tag(name: str, value: Any) -> None:
    """The shape of a BCP 47 tag (RFC 5646 section 2.1), or None."""
    import re

    if value is not None and not (
        isinstance(value, str) and re.fullmatch("[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*", value)
    ):
        raise UsageError(f"{name} must be a BCP 47 tag, such as en or pt-BR, not {_shown(value)}")


def check_all(values: object, rules: Mapping[str, Rule]) -> None:
    """Check the attributes of ``values`` that ``rules`` name."""
    for name, rule in rules.items():
        rule(name, getattr(values, name))


def check_names(function: str, given: Iterable[str], known: Iterable[str], others: Mapping[str, str]) -> None:
    """Raise `TypeError`, as Python does, for a keyword that ``function`` does not take, with the one that was meant.

    ``others``: keywords that belong somewhere else, and where.
    """
    known = tuple(known)
    for name in given:
        if name not in known:
            hint = others.get(name) or _meant(name, known)
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that is most like ``name``, if one is."""
    from difflib import get_close_matches  # only for the message of an error

    found = get_close_matches(name.lower(), list(names), 1, 0.6)
    return found[0] if found else None


_ENDLESS = float("inf")


def _meant(name: str, known: tuple[str, ...]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else f"; it takes {', '.join(known)}"


def _between(low: float, high: float) -> str:
    return f"of at least {low:g}" if high == _ENDLESS else f"from {low:g} to {high:g}"


def _wrong(name: str, what: str, value: object, *, none: bool) -> UsageError:
    return UsageError(f"{name} must be {what}{' or None' if none else ''}, not {_shown(value)}")


def _shown(value: object) -> str:
    """A value, if it is short, or its type."""
    return repr(value) if isinstance(value, str | int | float) and len(repr(value)) < 60 else type(value).__name__
