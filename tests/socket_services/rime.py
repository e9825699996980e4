"""Rime's `wss://users-ws.rime.ai/ws3`: one stream of text, spoken when it is flushed.

Read in livekit-plugins-rime 1.8.9 (`_legacy_websocket_adapter.py`), which speaks with this; pipecat-ai 1.14
(`services/rime/tts.py`); docs.rime.ai, "Segmentation and behavior settings".

- header `Authorization: Bearer KEY`; query `speaker`, `modelId`, `audioFormat=pcm`, `samplingRate`, `lang`, `segment`:
  `never` (on flush), `bySentence` (the default), `immediate`; nothing is said before the first text
- text `{text, contextId}`: joined as it is, so with its spaces. The name comes back with everything
- flush `{operation: "flush"}`. `done` follows when all has been sent: one for a run, so a flush that comes while
  another is being spoken has none of its own, and a flush of nothing has none at all
- end `{operation: "eos"}`: what is left is spoken, and the connection closed
- cancel `{operation: "clear"}`: drops text that was not flushed. What is being spoken goes on to its end
- no keep-alive of its own
- audio `{type: "chunk", data, contextId}`, base64
- words `{type: "timestamps", word_timestamps: {words, start, end}, contextId}`: seconds from the start of the flush
  (pipecat-ai adds up the ends; livekit takes them as they are), before or between their audio, English only
- errors `{type: "error", message}`
"""

from __future__ import annotations

import re
from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk


class Rime(SocketService):
    path = "/ws3"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"error": "Unauthorized"}, status=401)

    async def opened(self, talk: Talk) -> None:
        talk.state.update(text="", waiting="", name=None)

    async def received(self, talk: Talk, event: Event) -> None:
        match event.get("operation"):
            case None:
                self._take(talk, event["text"], event.get("contextId"))
            case "flush":
                self._flush(talk)
            case "clear":
                talk.state["text"] = ""
            case "eos":
                self._flush(talk)
                talk.then("", talk.close())
            case unknown:
                await talk.send({"type": "error", "message": f"unknown operation {unknown}"})

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"type": "error", "message": message})

    def _take(self, talk: Talk, text: str, name: str | None) -> None:
        talk.state["text"] += text
        talk.state["name"] = name
        segment = talk.query.get("segment", "bySentence")
        if segment == "immediate" or (segment == "bySentence" and re.search(r"[.?!]\s*$", talk.state["text"])):
            self._flush(talk)

    def _flush(self, talk: Talk) -> None:
        """Speak at once, or, while something is spoken, with what else is flushed by its end."""
        talk.state["waiting"] += talk.state["text"]
        talk.state["text"] = ""
        if talk.state["waiting"].strip() and not talk.busy(""):
            talk.then("", self._run(talk))

    async def _run(self, talk: Talk) -> None:
        name = talk.state["name"]
        while text := talk.state["waiting"].strip():
            talk.state["waiting"], name = "", talk.state["name"]
            await self._make(talk, text, name)
        await talk.send({"type": "done", "contextId": name})

    async def _make(self, talk: Talk, text: str, name: str | None) -> None:
        speech = self.speak(text, int(talk.query["samplingRate"]))
        times = {
            "words": [word.text for word in speech.words],
            "start": [word.start for word in speech.words],
            "end": [word.end for word in speech.words],
        }
        await talk.send({"type": "timestamps", "word_timestamps": times, "contextId": name})
        async for sound, _ in talk.paced(speech):
            await talk.send({"type": "chunk", "data": b64encode(sound).decode(), "contextId": name})
