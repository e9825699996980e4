"""Sarvam's `wss://api.sarvam.ai/text-to-speech/ws`: a configuration, text, and a flush.

Read in livekit-plugins-sarvam 1.8.9 (`tts.py`), which speaks with this; sarvamai 0.1.39 and pipecat-ai 1.14.

- header `api-subscription-key: KEY`; query `model`, `send_completion_event=true`
- opening, which may come again: `{type: "config", data: {target_language_code, speaker, pace, model,
  speech_sample_rate, output_audio_codec: linear16 | mp3 | opus ..., min_buffer_size, max_chunk_length}}`, not answered
- text `{type: "text", data: {text}}`: livekit's plugin sends sentences without the space between them
- flush `{type: "flush"}`, answered behind its audio by `{type: "event", data: {event_type: "final"}}`, if asked for
- keep-alive `{type: "ping"}`: the service closes after 60 idle seconds
- no cancel, no names, no end but closing, no words
- audio `{type: "audio", data: {audio, content_type, request_id}}`, base64
- errors `{type: "error", data: {message, code}}`
"""

from __future__ import annotations

from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk


class Sarvam(SocketService):
    path = "/text-to-speech/ws"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("api-subscription-key") == self.key:
            return None
        return web.json_response({"error": {"message": "Invalid API key", "code": "invalid_api_key_error"}}, status=403)

    async def opened(self, talk: Talk) -> None:
        talk.state["text"] = ""

    async def received(self, talk: Talk, event: Event) -> None:
        match event["type"]:
            case "config":
                talk.state["config"] = event["data"]
            case "text":
                talk.state["text"] += f" {event['data']['text']}"
            case "flush":
                text, talk.state["text"] = talk.state["text"], ""
                talk.then("", self._make(talk, text))
            case "ping":
                pass
            case unknown:
                await talk.send({"type": "error", "data": {"message": f"unknown type {unknown}", "code": 422}})

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"type": "error", "data": {"message": message, "code": 500}})

    async def _make(self, talk: Talk, text: str) -> None:
        about = {"content_type": "audio/wav", "request_id": "r-1"}
        async for sound, _ in talk.paced(self.speak(text, talk.state["config"]["speech_sample_rate"])):
            await talk.send({"type": "audio", "data": {"audio": b64encode(sound).decode(), **about}})
        if talk.query.get("send_completion_event", "").lower() == "true":
            await talk.send({"type": "event", "data": {"event_type": "final"}})
