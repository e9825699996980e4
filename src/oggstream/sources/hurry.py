"""Tells a source whether another one stands by: then it does not spend time on retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_hurried: ContextVar[bool] = ContextVar("oggstream_hurried", default=False)


def hurried() -> bool:
    """Whether another source stands by, so that the current one must not wait for another attempt."""
    return _hurried.get()


@contextmanager
def hurrying(yes: bool = True) -> Iterator[None]:  # reads as a sentence
    """Tell the sources used in this block that another one stands by."""
    token = _hurried.set(yes)
    try:
        yield
    finally:
        _hurried.reset(token)
