"""Whose turn it is where several processes speak on one device."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from .sink import Sink, traits_of

take: Callable[[], AbstractAsyncContextManager[None]] | None = None
"""Enters when this process may sound, and leaves the turn to the next one; None: nobody else is to be waited for."""
way = "queue"
"""How to come to a turn: wait (``queue``), silence the others (``interrupt``), or sound with them (``mix``)."""


def turn_on(*sinks: Sink) -> AbstractAsyncContextManager[None]:
    """What a speech on ``sinks`` must be inside of while it sounds: on a device its turn, on all others nothing."""
    if take is None or all(traits_of(sink).name != "device" for sink in sinks):
        return nullcontext()
    return take()
