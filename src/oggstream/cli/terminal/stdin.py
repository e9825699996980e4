"""Standard input as text."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from ...errors import TextError
from ...events import Warned, emit
from ...threads import pump
from ..files import read_chunks
from .console import is_terminal
from .decoding import TextDecoder


def check_connected() -> None:
    """Raise `TextError` if there is no standard input."""
    if sys.stdin is None:
        raise TextError("there is nothing to say: give a text, or connect standard input")


def is_typed() -> bool:
    """Whether standard input is a terminal that listens to this process: not to one in its background."""
    if not is_terminal(sys.stdin):
        return False
    with suppress(OSError, ValueError, AttributeError):
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    return True


async def arriving() -> AsyncGenerator[str, None]:
    """The text, in the portions in which it arrives, decoded as `TextDecoder` does.

    It is read in a daemon thread: neither the loop nor the exit waits for it. Raises `SourceError` if it cannot be
    read, and `TextError` for what is no text, and at its end if there was nothing to say in it.
    """
    decoder = TextDecoder()
    decode = decoder.decode
    empty = True
    async with aclosing(pump(read_chunks("-"))) as chunks:
        async for chunk in chunks:
            known = decoder.guess
            text = decode(chunk)
            if decoder.guess != known:
                emit(Warned, message=decoder.guess)
            empty = empty and not text.strip()
            yield text
    rest = decode(b"", final=True)
    if empty and not rest.strip():
        raise TextError("the text is empty: there is nothing to say")
    yield rest
