"""A broadcast whose packets go to one place elsewhere: what such sinks share."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from ...events import Warned, emit
from .broadcast import Broadcast

if TYPE_CHECKING:
    from ..sink import SinkFormat


class Feed(Protocol):
    """Sends what a broadcast gives on one connection after the other. ``news`` is what became of it, to be told."""

    news: deque[str]

    async def open(self) -> None:
        """Connect and begin, once. Raises `DeviceError`."""

    async def aclose(self) -> None:
        """Leave; the broadcast is closed, and what it has given is sent."""


class FedBroadcast(Broadcast):
    """A `Broadcast` with a ``_feed`` of its own, which a subclass makes."""

    _feed: Feed

    async def prepare(self) -> SinkFormat:
        """Connect, once. Raises `DeviceError`."""
        await self._feed.open()
        return await super().prepare()

    def check(self) -> None:
        """Tell the speech at hand what became of the connection."""
        while self._feed.news:
            emit(Warned, message=self._feed.news.popleft())

    async def aclose(self) -> None:
        """Interrupt the speech, and leave the place that is fed."""
        await super().aclose()
        await self._feed.aclose()
