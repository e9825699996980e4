"""Listening as to a radio: Ogg Opus that never ends, for ``<audio>`` and for players."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web

from .captions import chunk
from .tap import Tap

if TYPE_CHECKING:
    from collections.abc import Callable

    from .rooms import Room

LOOK_SECONDS = 5.0  # until it is seen that a room was closed
_CHROMIUM = "Chrome/"  # in what it says of itself, as do the browsers that are made of it
_HEADERS = {"Content-Type": "audio/ogg", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def stream(request: web.Request, room: Room) -> web.StreamResponse:
    """Serve one listener until it goes, which cancels this."""
    response = web.StreamResponse(headers=_HEADERS)
    written: Callable[[list[bytes]], bytes] = b"".join
    if request.version >= HttpVersion11:
        response.enable_chunked_encoding()
        written = _chunk
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    await response.write(b"")  # the head goes out
    pages = room.filled_pages if _CHROMIUM in request.headers.get("User-Agent", "") else room.pages
    async with pages.listener() as reader, Tap(reader, request, written):
        while not reader.closed:  # noqa: ASYNC110  # a reader tells its tap, which is all that is there to do
            await asyncio.sleep(LOOK_SECONDS)
    return response


def _chunk(pages: list[bytes]) -> bytes:
    return chunk(b"".join(pages))
