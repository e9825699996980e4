"""Listening over a WebSocket: the packets as they are, for who decodes them, such as a page with WebCodecs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ...sinks.live.packet_messages import Places, frame, message_of
from ..sockets import opened
from .tap import Tap

if TYPE_CHECKING:
    from aiohttp import web

    from ...sinks.live.live_item import LiveItem
    from .rooms import Room

SUBPROTOCOL = "oggstream-live"
"""The one that a browser names, besides the one that carries its key."""
LONGEST_MESSAGE = 4096  # a listener has nothing to say


async def listen(request: web.Request, room: Room) -> web.WebSocketResponse:
    """Serve one listener to the end. Cancelled, it closes."""
    async with (
        room.broadcast.taker() as taker,  # before the client knows that it may expect anything
        opened(request, longest=LONGEST_MESSAGE, subprotocol=SUBPROTOCOL) as (socket, _transport),
        Tap(taker, request, _Frames().of),
    ):
        async for _ in socket:
            pass
    return socket


class _Frames:
    """What is sent to one listener."""

    def __init__(self) -> None:
        self._places = Places()

    def of(self, items: list[LiveItem]) -> bytes:
        return b"".join(map(self._frames, items))

    def _frames(self, item: LiveItem) -> bytes:
        place = self._places.before(item)
        return _frame(item) if place is None else frame(place) + _frame(item)


@lru_cache(maxsize=1024, typed=True)  # items of two kinds may be equal tuples
def _frame(item: LiveItem) -> bytes:
    """The frame for ``item``, made once for all who get it."""
    return frame(message_of(item))
