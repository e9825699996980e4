"""Gradium's `wss://api.gradium.ai/api/speech/tts`: streams on one socket, a message for each word.

Read in gradium 0.6.4 (`client.py`, `stream.py`, `speech.py`), whose client speaks with this, as does
livekit-plugins-gradium 1.8.9; names of streams and `close_ws_on_eos` in pipecat-ai 1.14 (`services/gradium/tts.py`).

- header `x-api-key: KEY`
- opening, one a stream: `{type: setup, model_name, voice_id, output_format, json_config, client_req_id,
  close_ws_on_eos}`, answered by `{type: ready, request_id, sample_rate}`. `output_format` is pcm (at 48000 Hz),
  pcm_RATE, opus, wav or a law
- text `{type: text, text, client_req_id}`, spoken as it comes: its client sends words without the spaces between them,
  so a message holds whole words
- no flush
- end `{type: end_of_stream, client_req_id}`, answered behind the last audio by the same. Then the connection is closed,
  unless `close_ws_on_eos` is false
- no cancel, no keep-alive
- audio `{type: audio, audio, start_s, stop_s}`, base64
- words `{type: text, text, start_s, stop_s}` in seconds from the start of the stream, ahead of their audio
- errors `{type: error, message, code}`, then the connection is closed with that code
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from aiohttp import WSCloseCode, web

from .service import Event, SocketService, Talk
from .speaking import OpusStream

_SETUP = {"type", "model_name", "voice", "voice_id", "pronunciation_id", "output_format", "json_config"}
_NAMES = {"client_req_id", "close_ws_on_eos"}


class Gradium(SocketService):
    path = "/api/speech/tts"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("x-api-key") != self.key:
            return web.json_response({"detail": "Invalid API key"}, status=401)
        return None if request.path == self.path else web.Response(status=404)

    async def received(self, talk: Talk, event: Event) -> None:
        name = event.get("client_req_id") or ""
        match event.get("type"):
            case "setup" if not set(event) - _SETUP - _NAMES:
                await self._open(talk, name, event)
            case "text" if name in talk.state and set(event) <= {"type", "text", "client_req_id"}:
                talk.then(name, self._make(talk, name, talk.state[name], event["text"]))
            case "end_of_stream" if name in talk.state:
                talk.then(name, self._end(talk, name, talk.state.pop(name)))
            case kind:
                await self.tell_error(talk, name, f"unexpected message {kind}")

    async def _open(self, talk: Talk, name: str, setup: Event) -> None:
        if name in talk.state:
            await self.tell_error(talk, name, "the stream is already set up")
            return
        kind, _, rate = setup.get("output_format", "wav").partition("_")
        if kind not in ("pcm", "opus"):
            await self.tell_error(talk, name, f"this stand-in does not encode {kind}")
            return
        opus = OpusStream(48000) if kind == "opus" else None
        talk.state[name] = {"setup": setup, "rate": int(rate or 48000), "at": 0.0, "opus": opus}
        await self._tell(talk, name, "ready", request_id="r-1", sample_rate=talk.state[name]["rate"])

    async def _make(self, talk: Talk, name: str, stream: Event, text: str) -> None:
        speech = self.speak(text, stream["rate"])
        zero = at = stream["at"]
        stream["at"] += speech.seconds
        async for sound, words in talk.paced(speech):
            for word in words:
                await self._tell(talk, name, "text", text=word.text, start_s=zero + word.start, stop_s=zero + word.end)
            stop = at + len(sound) / 2 / speech.rate
            coded = sound if stream["opus"] is None else stream["opus"].feed(sound)
            await self._tell(talk, name, "audio", audio=b64encode(coded).decode(), start_s=at, stop_s=stop)
            at = stop

    async def _end(self, talk: Talk, name: str, stream: Event) -> None:
        if stream["opus"] is not None:
            coded = b64encode(stream["opus"].finish()).decode()
            await self._tell(talk, name, "audio", audio=coded, start_s=stream["at"], stop_s=stream["at"])
        await self._tell(talk, name, "end_of_stream")
        if stream["setup"].get("close_ws_on_eos", True):
            await talk.close()

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        code = WSCloseCode.POLICY_VIOLATION
        await self._tell(talk, name, "error", message=message, code=code)
        await talk.close(code, message)

    async def _tell(self, talk: Talk, name: str, kind: str, **what: Any) -> None:
        await talk.send({"type": kind, **what, **({"client_req_id": name} if name else {})})
