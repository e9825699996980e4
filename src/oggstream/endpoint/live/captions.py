"""What is said in a room, word by word as it is heard, as server-sent events (HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from ...sinks.live.live_item import LivePacket
from ...sinks.live.packet_messages import message_of
from .tap import Tap

if TYPE_CHECKING:
    from ...sinks.live.live_item import LiveItem
    from .rooms import Room

QUIET_SECONDS = 15.0
"""After which a comment shows that the connection lives: proxies close one that is silent."""
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_ALIVE = b": \n\n"


async def caption(request: web.Request, room: Room) -> web.StreamResponse:
    """Serve one reader until it goes, which cancels this."""
    response = web.StreamResponse(headers=_HEADERS)
    response.enable_chunked_encoding()
    async with room.broadcast.taker() as taker:  # before the client knows that it may expect anything
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        with suppress(ConnectionError):
            await response.write(_ALIVE)
            async with Tap(taker, request, _events):
                while not taker.closed:
                    await asyncio.sleep(QUIET_SECONDS)
                    await response.write(_ALIVE)
    return response


def chunk(data: bytes) -> bytes:
    """A part of a body of unknown length (RFC 9112 section 7.1); none for no data."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def _events(items: list[LiveItem]) -> bytes:
    return chunk(b"".join(_event(item) for item in items if not isinstance(item, LivePacket)))


def _event(item: LiveItem) -> bytes:
    """The message of ``item`` as an event of its type."""
    fields = json.loads(message_of(item))
    return f"event: {fields.pop('type')}\ndata: {json.dumps(fields)}\n\n".encode()
