"""Whether somebody else is waiting to be asked: then no time is spent on asking the same service again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_hurried: ContextVar[bool] = ContextVar("oggstream_hurried", default=False)


def hurried() -> bool:
    """Whether another source stands by for the one that is being asked: it is then not to wait for another attempt."""
    return _hurried.get()


@contextmanager
def hurrying(yes: bool = True) -> Iterator[None]:  # reads as a sentence
    """Let what is asked in this block know that another source stands by."""
    token = _hurried.set(yes)
    try:
        yield
    finally:
        _hurried.reset(token)
