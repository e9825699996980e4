"""Resemble's `wss://websocket.cluster.resemble.ai/stream`: each message a request of its own.

Read in livekit-plugins-resemble 1.8.9 (`tts.py`, MP3) and pipecat-ai 1.14 (`services/resembleai/tts.py`, samples and
times), which speaks with this.

- header `Authorization: Bearer KEY`; nothing is said before the first request
- text, flush and end in one: `{voice_uuid, data, request_id, binary_response: false, output_format: wav | mp3,
  sample_rate, precision: PCM_16, no_audio_header: true, model}`; `request_id` is a number
- done `{type: "audio_end", request_id}`
- no cancel, no keep-alive; requests are spoken one after the other; a closing handshake is not answered
- audio `{type: "audio", request_id, audio_content}`, base64
- words `audio_timestamps: {graph_chars, graph_times: [[start, end], ...]}`: characters, in seconds from the start of
  the request, with their audio
- errors `{type: "error", request_id, error_name, message, status_code}`
"""

from __future__ import annotations

from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk
from .speaking import characters


class Resemble(SocketService):
    path = "/stream"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"success": False, "message": "Unauthorized"}, status=401)

    async def received(self, talk: Talk, event: Event) -> None:
        if not isinstance(event["request_id"], int):
            await self._refuse(talk, event["request_id"], 400, "request_id must be a number")
        else:
            talk.then("", self._make(talk, event))

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await self._refuse(talk, None, 500, message)

    async def _refuse(self, talk: Talk, request: object, status: int, message: str) -> None:
        what = {"error_name": "Error", "message": message, "status_code": status}
        await talk.send({"type": "error", "request_id": request, **what})

    async def _make(self, talk: Talk, event: Event) -> None:
        speech = self.speak(event["data"], event["sample_rate"])
        request = {"request_id": event["request_id"], "sample_rate": speech.rate}
        async for sound, told in talk.paced(speech, characters(speech.words)):
            times = {"graph_chars": [each.text for each in told], "graph_times": [[e.start, e.end] for e in told]}
            audio = {"audio_content": b64encode(sound).decode(), "audio_timestamps": times}
            await talk.send({"type": "audio", **request, **audio})
        await talk.send({"type": "audio_end", **request})
