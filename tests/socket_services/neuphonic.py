"""Neuphonic's `wss://api.neuphonic.com/speak/{language}`: a mark in the text ends a piece.

Read in livekit-plugins-neuphonic 1.8.9 (`tts.py`), which speaks with this; pyneuphonic 3.1 and pipecat-ai 1.14.

- header `X-API-KEY: KEY`; query `lang_code`, `voice_id`, `encoding=pcm_linear`, `sampling_rate`, `speed`
- text `{text, context_id}`; `<STOP>` behind it is the flush
- done: `data.stop` true in the last message of that piece
- keep-alive: an empty text
- no cancel, no end but closing, no words
- audio `data.audio`, base64, beside `data.context_id`
- errors `{type: "error", ...}`
"""

from __future__ import annotations

from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk

STOP = "<STOP>"


class Neuphonic(SocketService):
    path = "/speak/en"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("X-API-KEY") == self.key:
            return None
        return web.json_response({"detail": "Invalid API key"}, status=401)

    async def opened(self, talk: Talk) -> None:
        talk.state.update(text="", name=None)

    async def received(self, talk: Talk, event: Event) -> None:
        talk.state["text"] += event["text"]
        talk.state["name"] = event.get("context_id", talk.state["name"])
        if STOP in talk.state["text"]:
            text, _, talk.state["text"] = talk.state["text"].partition(STOP)
            talk.then("", self._make(talk, text, talk.state["name"]))

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"type": "error", "errors": [message], "status_code": 500})

    async def _make(self, talk: Talk, text: str, name: str | None) -> None:
        speech = self.speak(text, int(talk.query["sampling_rate"]))
        common = {"sampling_rate": speech.rate, "context_id": name}
        async for sound, _ in talk.paced(speech):
            data = {"audio": b64encode(sound).decode(), "stop": False, **common}
            await talk.send({"status_code": 200, "data": data})
        await talk.send({"status_code": 200, "data": {"audio": "", "stop": True, **common}})
