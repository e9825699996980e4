"""The answer to a request for speech: bytes as they are made.

aiohttp is imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..errors import NoAudioError, OggStreamError
from .formats import CONTENT_TYPES

if TYPE_CHECKING:
    from aiohttp import web

    from .jobs import Turn
    from .speaker import Speech
    from .speech_request import SpeechRequest
    from .timing import ServerTiming

UNREAD_SECONDS = 60.0  # for a client to take the next piece; meanwhile its place is free for others
PATIENCE_SECONDS = 0.1  # after which a client counts as one that does not read
ROOM_BYTES = 16 << 10  # so little unsent data never makes a write wait

log = logging.getLogger(__name__)


async def answer_speech(
    request: web.Request, wanted: SpeechRequest, speech: Speech, turn: Turn | None, timing: ServerTiming
) -> web.StreamResponse:
    """Send the speech as it is made. A client that goes away cancels this, or makes the next write fail."""
    from .connections import Answer

    content_type = "text/event-stream" if wanted.stream_format == "sse" else CONTENT_TYPES[wanted.format]
    response = Answer(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    response.content_length = speech.length

    async def send(part: bytes) -> None:
        if not response.prepared:  # so that what fails before the first byte gets a status of its own
            timing.mark("first")
            response.headers.update({**speech.headers_now(), "Server-Timing": timing.header()})
            await response.prepare(request)
        await _write(request, response, part, turn)

    try:
        await speech.give(send)
        if not response.prepared:
            raise NoAudioError("the service answered without any sound")
    except ConnectionError:
        log.debug("the client went away")
    except TimeoutError:
        log.warning("a client reads no further: its speech is broken off")
        _cut_off(request)
    except OggStreamError as error:
        if not response.prepared:
            raise
        log.warning("speech broke off: %s", error)
        _cut_off(request)
    return response


async def _write(request: web.Request, response: web.StreamResponse, part: bytes, turn: Turn | None) -> None:
    """Send ``part``. A client that does not read gives its place to others meanwhile. Raises `TimeoutError`."""
    transport = request.transport
    if transport is None or transport.get_write_buffer_size() < ROOM_BYTES:
        await response.write(part)
        return
    writing = asyncio.ensure_future(response.write(part))
    try:
        done, _ = await asyncio.wait((writing,), timeout=PATIENCE_SECONDS)
        if not done:
            from .connections import stalling

            with stalling(request):
                async with turn.aside() if turn is not None else nullcontext(), asyncio.timeout(UNREAD_SECONDS):
                    await asyncio.shield(writing)
    finally:
        if not writing.done():
            writing.cancel()
    await writing


def _cut_off(request: web.Request) -> None:
    """End without the last chunk: the client sees that something is missing."""
    request.protocol.force_close()
