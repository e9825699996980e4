"""WebSockets of the endpoint, from the handshake to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp import web

HEARTBEAT_SECONDS = 30.0
"""After which a client that says nothing is asked whether it lives; it has half as long to answer."""
CLOSE_SECONDS = 0.5
_UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


@asynccontextmanager
async def opened(
    request: web.Request, *, longest: int, subprotocol: str
) -> AsyncIterator[tuple[web.WebSocketResponse, asyncio.Transport | None]]:
    """The WebSocket that ``request`` asks for, and its transport (None: the client is gone already).

    A message has at most ``longest`` bytes. ``subprotocol`` is the one that browsers name, and want to hear back
    (RFC 6455 section 4.2.2). Raises `RefusedError` for another request. At its end the client is told, if it reads.
    """
    from aiohttp import web

    socket = web.WebSocketResponse(
        timeout=CLOSE_SECONDS,
        heartbeat=HEARTBEAT_SECONDS,
        max_msg_size=longest,
        compress=False,
        protocols=(subprotocol,),
    )
    if not socket.can_prepare(request):
        raise RefusedError("This is a WebSocket: connect to it with wss:// or ws://.", status=426, headers=_UPGRADE)
    await socket.prepare(request)
    transport = request.transport
    try:
        yield socket, transport
    finally:
        try:
            async with asyncio.timeout(2 * CLOSE_SECONDS):
                await socket.close(code=1001)
        except TimeoutError:  # the client takes nothing, not even this
            if transport is not None:
                transport.abort()
