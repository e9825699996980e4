"""Speech in a browser, with aiohttp.

Run it with ``python -m tools.examples.browser.aiohttp_app`` and open http://127.0.0.1:8765. With ``OPENAI_API_KEY`` it
speaks with OpenAI's voices, without with the offline voice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from aiohttp import WSMsgType, web

import oggstream
from tools.examples.browser.speech import PAGE, WORKLET, converse, ogg, voice

SOURCE: web.AppKey[Any] = web.AppKey("source", object)


async def speak(request: web.Request) -> web.StreamResponse:
    """``GET /speech?text=...``: the speech as it comes, as Ogg Opus."""
    response = web.StreamResponse(headers={"Content-Type": "audio/ogg", "Cache-Control": "no-store"})
    try:
        async with aclosing(ogg(request.query.get("text", ""), request.app[SOURCE])) as pages:
            async for page in pages:
                if not response.prepared:
                    await response.prepare(request)
                await response.write(page)
    except oggstream.OggStreamError as error:
        if not response.prepared:  # afterwards it can only end early
            raise web.HTTPBadGateway(text=str(error)) from error
    return response


async def talk(request: web.Request) -> web.WebSocketResponse:
    """``/talk``: a WebSocket on which texts come in and packets go out."""
    socket = web.WebSocketResponse(heartbeat=20)
    await socket.prepare(request)

    async def send(message: bytes | str) -> None:
        await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))

    await converse(_texts(socket), send, request.app[SOURCE])
    return socket


async def _texts(socket: web.WebSocketResponse) -> AsyncGenerator[str, None]:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            yield message.data


async def page(_: web.Request) -> web.FileResponse:
    """The page that plays it."""
    return web.FileResponse(PAGE)


async def worklet(_: web.Request) -> web.FileResponse:
    """Its audio thread."""
    return web.FileResponse(WORKLET)


def application(source: Any = None) -> web.Application:
    """The server; ``source`` stays the caller's, None makes one."""
    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/worklet.js", worklet)
    app.router.add_get("/speech", speak)
    app.router.add_get("/talk", talk)

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        app[SOURCE] = source or voice()
        yield
        if source is None:
            await app[SOURCE].aclose()

    app.cleanup_ctx.append(lifespan)
    return app


if __name__ == "__main__":
    # Cancelled handlers: when a browser goes, its speech is not paid for any further.
    web.run_app(application(), host="127.0.0.1", port=8765, handler_cancellation=True)
