"""A server that answers telephone calls of Twilio, and lets itself be interrupted.

Run it with ``PUBLIC_HOST=example.org python -m tools.examples.telephone_server`` where https://example.org leads to
port 8766 (a tunnel will do), and let a number of Twilio's ask https://example.org/call when it is called. With
``OPENAI_API_KEY`` it speaks with OpenAI's voices, without with the offline voice. For Telnyx and Plivo only `answer` is
another: the socket is the same.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from aiohttp import web

import oggstream

SOURCE: web.AppKey[Any] = web.AppKey("source", object)
GREETING = "Hello, and thank you for calling. You can speak at any time, and I will stop and listen to you."
LOUD = 0.02  # of full scale: speech over a telephone is well above, its noise below
SPEAKING, SILENT = 5, 25  # frames of 20 ms: so many loud ones of the last ten are speech, so many quiet ones its end


class VoiceActivity:
    """Whether the caller speaks, by the energy of what comes."""

    def __init__(self) -> None:
        self.speaking = False
        self._loud: deque[bool] = deque(maxlen=10)
        self._quiet = 0

    def take(self, frame: oggstream.PcmFrame) -> bool:
        """Whether the caller begins or ends to speak with this frame; ``speaking`` says which."""
        loud = float(np.sqrt(np.mean(frame.pcm**2))) > LOUD
        self._loud.append(loud)
        self._quiet = 0 if loud else self._quiet + 1
        now = self._quiet < SILENT if self.speaking else sum(self._loud) >= SPEAKING
        turned, self.speaking = now != self.speaking, now
        return turned


def voice() -> Any:
    """One source for all calls, so that its connection stays warm."""
    return oggstream.OpenAISource() if os.environ.get("OPENAI_API_KEY") else oggstream.OfflineVoice()


async def reply(turn: int, heard: str) -> AsyncIterator[str]:
    """What is said when the caller has spoken: here a model would be asked, and its words handed on as they come."""
    yield f"That was your turn number {turn}. "
    yield f"You had heard: {heard.strip()} " if heard else "You had not heard a word of mine. "


async def converse(websocket: Any, source: Any) -> None:
    """Greet the caller, stop whenever they speak, and reply when they have spoken, until they hang up."""
    activity, turn, heard = VoiceActivity(), 0, ""
    async with oggstream.MediaStreamSink(websocket) as call, oggstream.Player(source=source, sink=call) as player:
        await call.prepare()
        said: Any = player.say(GREETING)
        async for frame in call.incoming():
            if not activity.take(frame):
                continue
            if activity.speaking:
                heard = (await player.stop()).text
            else:
                turn += 1
                said = player.say(reply(turn, heard))
        await asyncio.gather(said, return_exceptions=True)  # it ended with the call


async def answer(_: web.Request) -> web.Response:
    """``POST /call``: Twilio asks what to do with a call. It is to open a socket, and both sides speak over it."""
    host = os.environ.get("PUBLIC_HOST", "localhost:8766")
    stream = f'<Response><Connect><Stream url="wss://{host}/media"/></Connect></Response>'
    return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>{stream}', content_type="text/xml")


async def media(request: web.Request) -> web.WebSocketResponse:
    """``/media``: the call."""
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    try:
        await converse(websocket, request.app[SOURCE])
    except oggstream.DeviceError as error:  # whoever connects need not be a carrier
        request.app.logger.info("%s", error)
    return websocket


def application(source: Any = None) -> web.Application:
    """The server; ``source`` stays the caller's, None makes one."""
    app = web.Application()
    app.router.add_post("/call", answer)
    app.router.add_get("/media", media)

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        made = (
            None if source else oggstream.OpenAISource() if "OPENAI_API_KEY" in os.environ else oggstream.OfflineVoice()
        )
        app[SOURCE] = source or made
        yield
        if made is not None:
            await made.aclose()

    app.cleanup_ctx.append(lifespan)
    return app


if __name__ == "__main__":
    web.run_app(application(), port=8766)
