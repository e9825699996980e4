"""Speech in a browser, with FastAPI.

Run it with ``pip install fastapi "uvicorn[standard]"`` and ``uvicorn tools.examples.browser.fastapi_app:app`` (the port
is 8000). With ``OPENAI_API_KEY`` it speaks with OpenAI's voices, without with the offline voice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import FileResponse, StreamingResponse

import oggstream
from tools.examples.browser.speech import PAGE, WORKLET, converse, ogg, voice


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one source, and its connection, as long as the server runs; one that was set before stays its owner's."""
    given = getattr(app.state, "source", None)
    app.state.source = given or voice()
    yield
    if given is None:
        await app.state.source.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def page() -> FileResponse:
    """The page that plays it."""
    return FileResponse(PAGE)


@app.get("/worklet.js")
async def worklet() -> FileResponse:
    """Its audio thread."""
    return FileResponse(WORKLET)


@app.get("/speech")
async def speak(text: str, request: Request) -> StreamingResponse:
    """The speech as it comes, as Ogg Opus. What fails before the first page is a 502 with the reason."""
    pages = ogg(text, request.app.state.source)
    try:
        first = await anext(pages)
    except oggstream.OggStreamError as error:
        raise HTTPException(502, str(error)) from error

    async def body() -> AsyncGenerator[bytes, None]:
        try:
            yield first
            async for page in pages:
                yield page
        finally:
            await pages.aclose()

    return StreamingResponse(body(), media_type="audio/ogg", headers={"Cache-Control": "no-store"})


@app.websocket("/talk")
async def talk(socket: WebSocket) -> None:
    """A WebSocket on which texts come in and packets go out."""
    await socket.accept()

    async def send(message: bytes | str) -> None:
        await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message))

    await converse(socket.iter_text(), send, _source(socket))


def _source(socket: WebSocket) -> Any:
    return socket.app.state.source
