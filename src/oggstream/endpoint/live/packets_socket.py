"""Listening over a WebSocket: the packets as they are, for who decodes them, such as a page with WebCodecs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ...sinks.live.live_item import LivePacket, SpeechBegun
from ...sinks.live.packet_messages import frame, message_of, position_of
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
        opened(request, longest=LONGEST_MESSAGE, subprotocol=SUBPROTOCOL) as (socket, _transport),
        room.broadcast.taker() as taker,
        Tap(taker, request, _Frames().of),
    ):
        async for _ in socket:
            pass
    return socket


class _Frames:
    """What is sent to one listener."""

    def __init__(self) -> None:
        self._next = 0  # the position of the packet that follows

    def of(self, items: list[LiveItem]) -> bytes:
        return b"".join(map(self._frames, items))

    def _frames(self, item: LiveItem) -> bytes:
        if isinstance(item, SpeechBegun):
            self._next = 0
        if not isinstance(item, LivePacket):
            return _frame(item)
        follows = not item.heard or (item.position == self._next and not item.lost)
        if item.heard:
            self._next = item.position + item.heard
        if follows:
            return _frame(item)
        return frame(position_of(item)) + _frame(item._replace(lost=0))


@lru_cache(maxsize=1024, typed=True)  # items of two kinds may be equal tuples
def _frame(item: LiveItem) -> bytes:
    """The frame for ``item``, made once for all who get it."""
    return frame(message_of(item))
