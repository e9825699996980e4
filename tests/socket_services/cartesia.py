"""Cartesia's `wss://api.cartesia.ai/tts/websocket` and `/tts/bytes`: contexts on one socket, words by the context.

Read in cartesia 4.2 (`lib/_tts.py`, `types/`), livekit-plugins-cartesia 1.8.9 and pipecat-ai 1.14; the first two speak
with this.

- header `X-API-Key: KEY` or `Authorization: Bearer KEY`; the version in `Cartesia-Version` or the query
  `cartesia_version`; nothing is said before the first text
- text `{context_id, model_id, transcript, voice: {mode: id, id}, output_format: {container: raw, encoding,
  sample_rate}, language, continue: true, add_timestamps, max_buffer_delay_ms}`: every message has all of it, and must
  agree with the first of its context. Buffered up to a sentence's end, 3000 ms at most, unless `max_buffer_delay_ms`
  says otherwise
- flush `flush: true`, answered behind its audio by `{type: flush_done, flush_id}`, counted from 1
- end `continue: false`: what is left is spoken, then `{type: done}`
- cancel `{context_id, cancel: true}`: what was not begun is dropped; what is being generated goes on to its end
- no keep-alive; the service closes an idle connection after 5 minutes
- audio `{type: chunk, data, context_id, flush_id}`, base64
- words `{type: timestamps, word_timestamps: {words, start, end}}` in seconds from the start of the context
- errors `{type: error, title, message, error_code, status_code, done: true}`, with `context_id` where it is of one
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from typing import Any

from aiohttp import web

from .service import Event, SocketService, Talk

BUFFER_MS = 3000
_NEEDED = ("model_id", "voice", "output_format", "transcript")
_FIXED = ("model_id", "voice", "output_format", "language")
_ENCODINGS = ("pcm_s16le",)
_RATES = (8000, 16000, 22050, 24000, 44100, 48000)


class Cartesia(SocketService):
    path = "/tts/websocket"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.key not in (request.headers.get("X-API-Key"), bearer, request.query.get("api_key")):
            return web.json_response(_problem("Invalid API key", "api_key_invalid", 401), status=401)
        if not (request.headers.get("Cartesia-Version") or request.query.get("cartesia_version")):
            return web.json_response(_problem("Cartesia-Version is missing", "version_missing", 400), status=400)
        return None if request.path in (self.path, "/tts/bytes") else web.Response(status=404)

    async def received(self, talk: Talk, event: Event) -> None:
        name = event.get("context_id")
        if not isinstance(name, str):
            await talk.send(_problem("context_id is missing", "invalid_request", 400))
        elif event.get("cancel"):
            self._cancel(talk, name)
        elif (problem := self._problem(talk, name, event)) is not None:
            await self.tell_error(talk, name, problem)
        else:
            self._take(talk, name, event)

    def _problem(self, talk: Talk, name: str, event: Event) -> str | None:
        if missing := [field for field in _NEEDED if field not in event]:
            return f"{missing[0]} is required"
        sound = event["output_format"]
        if sound.get("container") != "raw" or sound.get("encoding") not in _ENCODINGS:
            return f"unsupported output_format {sound}"
        if sound.get("sample_rate") not in _RATES:
            return f"unsupported sample_rate {sound.get('sample_rate')}"
        if name in talk.state and (differ := [f for f in _FIXED if event.get(f) != talk.state[name]["first"].get(f)]):
            return f"{differ[0]} may not change within a context"
        return None

    def _take(self, talk: Talk, name: str, event: Event) -> None:
        new = {"first": event, "text": "", "at": 0.0, "flushes": 1, "cancelled": False, "timer": None}
        context = talk.state.setdefault(name, new)
        context["text"] += event["transcript"]
        if event.get("flush"):
            self._speak(talk, name, len(context["text"]))
            talk.then(name, self._flushed(talk, name, context))
        if not event.get("continue"):
            self._speak(talk, name, len(context["text"]))
            talk.then(name, self._done(talk, name))
            talk.state.pop(name)
        else:
            self._buffer(talk, name, event.get("max_buffer_delay_ms", BUFFER_MS))

    def _buffer(self, talk: Talk, name: str, most: int) -> None:
        """Speak what ends a sentence, or all where nothing is to be buffered; the rest after ``most`` ms."""
        context = talk.state[name]
        ends = [match.end() for match in re.finditer(r"[.!?]\s", context["text"])]
        self._speak(talk, name, len(context["text"]) if most == 0 else max(ends, default=0))
        if context["text"].strip():
            loop = asyncio.get_running_loop()
            context["timer"] = loop.call_later(most / 1000, lambda: self._speak(talk, name, len(context["text"])))

    def _speak(self, talk: Talk, name: str, end: int) -> None:
        context = talk.state[name]
        if context["timer"] is not None:
            context["timer"].cancel()
            context["timer"] = None
        text, context["text"] = context["text"][:end], context["text"][end:]
        if text.strip():
            talk.then(name, self._make(talk, name, context, text))

    async def _make(self, talk: Talk, name: str, context: Event, text: str) -> None:
        if context["cancelled"]:
            return
        first = context["first"]
        speech = self.speak(text, first["output_format"]["sample_rate"])
        zero, flush = context["at"], context["flushes"]
        context["at"] += speech.seconds
        async for sound, words in talk.paced(speech):
            if words and first.get("add_timestamps"):
                times = {
                    "words": [word.text for word in words],
                    "start": [zero + word.start for word in words],
                    "end": [zero + word.end for word in words],
                }
                await self._tell(talk, name, "timestamps", word_timestamps=times, flush_id=flush)
            await self._tell(talk, name, "chunk", data=b64encode(sound).decode(), step_time=1.0, flush_id=flush)

    async def _flushed(self, talk: Talk, name: str, context: Event) -> None:
        await self._tell(talk, name, "flush_done", flush_done=True, flush_id=context["flushes"])
        context["flushes"] += 1

    async def _done(self, talk: Talk, name: str) -> None:
        await talk.send({"type": "done", "context_id": name, "done": True, "status_code": 200})

    def _cancel(self, talk: Talk, name: str) -> None:
        """Nothing that has not begun is generated; what has ends in its own time."""
        self.note_cancel(name)
        context = talk.state.pop(name, None)
        if context is not None:
            context["cancelled"], context["text"] = True, ""
            talk.then(name, self._done(talk, name))

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        talk.state.pop(name, None)
        await talk.send({**_problem(message, "invalid_request", 400), "context_id": name})

    async def _tell(self, talk: Talk, name: str, kind: str, **what: Any) -> None:
        await talk.send({"type": kind, "context_id": name, "done": False, "status_code": 206, **what})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """`POST /tts/bytes`: the audio alone."""
        if request.method != "POST":
            return web.Response(status=405)
        asked = await request.json()
        if missing := [field for field in _NEEDED if field not in asked]:
            return web.json_response(_problem(f"{missing[0]} is required", "invalid_request", 400), status=400)
        sound = asked["output_format"]
        if sound.get("container") not in ("raw", "wav") or sound.get("encoding") not in _ENCODINGS:
            return web.json_response(_problem("unsupported output_format", "invalid_request", 400), status=400)
        speech = self.speak(asked["transcript"], sound["sample_rate"])
        return web.Response(body=speech.pcm, content_type="audio/pcm")


def _problem(message: str, code: str, status: int) -> Event:
    return {
        "type": "error",
        "title": "Invalid request" if status == 400 else "Unauthorized",
        "message": message,
        "error_code": code,
        "status_code": status,
        "done": True,
        "request_id": "8b0c6c0e",
    }
