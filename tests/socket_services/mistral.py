"""Mistral's `wss://api.mistral.ai/v1/audio/speech/realtime`: a session with one generation after the other.

Read in mistralai 3.7 (`extra/realtime/speech.py`, `client/models/realtimespeech*.py`), whose client speaks with this.

- header `Authorization: Bearer KEY`; query `model`. The service begins: `{type: "session.created", session}`
- opening `{type: "session.update", session: {voice, response_format, streaming_mode, expressiveness}}`, answered by
  `session.updated`. Formats: pcm (32-bit float, little-endian, mono, 24 kHz), wav, mp3, flac, opus
- text `{type: "input_text.append", text}`
- flush `{type: "input_text.flush"}` ends a generation, answered behind its audio by `{type: "speech.audio.done",
  usage}`; the next one may follow
- end `{type: "input_text.end"}`: the rest, then the connection is closed
- no cancel, no names, no keep-alive, no words
- audio `{type: "speech.audio.delta", audio_data}`, base64
- errors `{type: "error", error: {message, code}}`, the message a text or `{detail}`; an unknown voice is a close frame
  with code and reason
"""

from __future__ import annotations

from array import array
from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk


class Mistral(SocketService):
    path = "/v1/audio/speech/realtime"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"detail": "Unauthorized"}, status=401)

    async def opened(self, talk: Talk) -> None:
        session = {
            "request_id": "ws-1",
            "model": talk.query["model"],
            "voice": None,
            "is_ref_audio": False,
            "streaming_mode": "responsive",
            "response_format": "wav",
            "expressiveness": 2.0,
        }
        talk.state.update(session=session, text="")
        await talk.send({"type": "session.created", "session": session})

    async def received(self, talk: Talk, event: Event) -> None:
        match event["type"]:
            case "session.update":
                talk.state["session"].update(event["session"])
                await self._updated(talk)
            case "input_text.append":
                talk.state["text"] += event["text"]
            case "input_text.flush" | "input_text.end" as kind:
                text, talk.state["text"] = talk.state["text"] + (event.get("text") or ""), ""
                talk.then("", self._make(talk, text))
                if kind == "input_text.end":
                    talk.then("", talk.close())
            case unknown:
                await talk.send({"type": "error", "error": {"message": f"unknown type {unknown}", "code": 3000}})

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"type": "error", "error": {"message": {"detail": message}, "code": 3001}})

    async def _updated(self, talk: Talk) -> None:
        if talk.state["session"]["voice"] == "nobody":
            await talk.close(1008, "Unknown voice: nobody")
        else:
            await talk.send({"type": "session.updated", "session": talk.state["session"]})

    async def _make(self, talk: Talk, text: str) -> None:
        async for sound, _ in talk.paced(self.speak(text)):
            samples = array("f", (value / 32768 for value in array("h", sound)))
            await talk.send({"type": "speech.audio.delta", "audio_data": b64encode(samples.tobytes()).decode()})
        words = len(text.split())
        usage = {"prompt_tokens": words, "completion_tokens": 10, "total_tokens": words + 10}
        await talk.send({"type": "speech.audio.done", "usage": usage})
