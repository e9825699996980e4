"""AssemblyAI's `wss://tts.us.assemblyai.com/v1/ws`: requests numbered by flushes, words behind their audio.

Read in assemblyai 1.8.2 (`tts/_base_ws.py`, `tts/v1/`), whose client speaks with this, as does
livekit-plugins-assemblyai 1.8.9.

- header `Authorization: KEY`, without `Bearer`; query `voice_id`, `model_id`, `language`, `sample_rate`,
  `encoding=pcm_s16le`, `word_boundaries`, `inactivity_timeout`. All is checked after the handshake
- the service begins: `{type: Begin, id, expires_at, configuration}`, or with an error
- text `{type: Generate, text}`, 2000 characters at most, 8000 in all that were not spoken; sentences are spoken as
  they are complete
- flush `{type: Flush}` ends a request, answered behind its audio by `{type: FlushDone, flush_id, audio_duration_ms}`;
  the number counts from 0
- cancel `{type: Cancel}` drops what there is, answered by `{type: Cancelled, audio_duration_seconds}`, and takes a
  number of its own
- end `{type: Terminate}`, answered by `{type: Termination, ...}` and the end of the connection
- keep-alive `{type: KeepAlive}`, once per `inactivity_timeout` where that was given
- audio `{type: Audio, audio, flush_id}`, base64
- words `{type: WordBoundaries, flush_id, audio_start_ms, words: [{word, start, end, confidence}]}` behind `FlushDone`,
  at times behind the first audio of the next request (``late``): milliseconds of the session's audio
- errors `{type: Error, error, error_code, error_type, retryable}`, then the connection is closed with that code
"""

from __future__ import annotations

import asyncio
import re
import time
from base64 import b64encode
from typing import Any

from aiohttp import web

from .service import Event, SocketService, Talk

LONGEST_TEXT = 2000
MOST_WAITING = 8000
_BARE = ("Flush", "Cancel", "Terminate", "KeepAlive")
_QUERY = {"voice_id", "model_id", "language", "sample_rate", "encoding", "word_boundaries", "inactivity_timeout"}


class AssemblyAI(SocketService):
    path = "/v1/ws"

    def __init__(self, *, late: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.late = late

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        return None if request.path == self.path else web.Response(status=404)

    async def opened(self, talk: Talk) -> None:
        talk.state.update(text="", waiting=0, number=0, made=0.0, requests={}, owed=[], timer=None)
        if talk.headers.get("Authorization") != self.key:
            await self._refuse(talk, 1008, "invalid_api_key", "Invalid API key")
        elif unknown := sorted(set(talk.query) - _QUERY):
            await self._refuse(talk, 3006, "invalid_parameter", f"Unknown parameter {unknown[0]}")
        else:
            words = talk.query.get("word_boundaries", "false").lower() == "true"
            told = {"word_boundaries": words, "limits": {"max_generate_text_length": LONGEST_TEXT}}
            await talk.send(
                {"type": "Begin", "id": "s-1", "expires_at": int(time.time()) + 3600, "configuration": told}
            )
            self._listen_for(talk)

    async def received(self, talk: Talk, event: Event) -> None:
        self._listen_for(talk)
        kind = event.get("type")
        if set(event) != ({"type"} if kind in _BARE else {"type", "text"}) or kind not in (*_BARE, "Generate"):
            await self._refuse(talk, 3006, "invalid_frame", f"Not a frame of this API: {kind}")
        elif kind == "Generate":
            await self._generate(talk, event["text"])
        elif kind == "Flush":
            self._flush(talk)
        elif kind == "Cancel":
            await self._cancel(talk)
        elif kind == "Terminate":
            talk.then("", self._terminate(talk))

    def _listen_for(self, talk: Talk) -> None:
        """Begin the time without a message after which the connection is closed."""
        if talk.state["timer"] is not None:
            talk.state["timer"].cancel()
        if (seconds := talk.query.get("inactivity_timeout")) is not None:
            talk.state["timer"] = asyncio.get_running_loop().call_later(
                float(seconds), lambda: talk.then("", talk.close(1000, "inactivity"))
            )

    async def _generate(self, talk: Talk, text: str) -> None:
        if len(text) > LONGEST_TEXT:
            await self._refuse(talk, 3006, "text_too_long", f"text is over {LONGEST_TEXT} characters")
        elif talk.state["waiting"] + len(text) > MOST_WAITING:
            await self._refuse(talk, 3010, "too_much_text", "text comes faster than it is spoken")
        else:
            talk.state["waiting"] += len(text)
            talk.state["text"] += text
            ends = [match.end() for match in re.finditer(r"[.!?]\s", talk.state["text"])]
            self._speak(talk, max(ends, default=0))

    def _speak(self, talk: Talk, end: int) -> None:
        text, talk.state["text"] = talk.state["text"][:end], talk.state["text"][end:]
        number = talk.state["number"]
        new: Event = {"start": None, "seconds": 0.0, "words": []}
        request = talk.state["requests"].setdefault(number, new)
        if text.strip():
            talk.then("", self._make(talk, number, request, text))

    async def _make(self, talk: Talk, number: int, request: Event, text: str) -> None:
        speech = self.speak(text, int(talk.query.get("sample_rate", 24000)))
        if request["start"] is None:
            request["start"] = talk.state["made"]
        zero = talk.state["made"]
        request["words"] += speech.later(zero).words
        async for sound, _ in talk.paced(speech):
            seconds = len(sound) / 2 / speech.rate
            talk.state["made"] += seconds
            request["seconds"] += seconds
            await talk.send({"type": "Audio", "flush_id": number, "audio": b64encode(sound).decode()})
            await self._tell_words(talk)
        talk.state["waiting"] -= len(text)

    def _flush(self, talk: Talk) -> None:
        self._speak(talk, len(talk.state["text"]))
        talk.then("", self._done(talk, talk.state["number"]))
        talk.state["number"] += 1

    async def _done(self, talk: Talk, number: int) -> None:
        request = talk.state["requests"].pop(number)
        milliseconds = round(1000 * request["seconds"])
        await talk.send({"type": "FlushDone", "flush_id": number, "audio_duration_ms": milliseconds})
        if talk.query.get("word_boundaries", "false").lower() == "true" and request["words"]:
            talk.state["owed"].append((number, request))
            if not self.late or not talk.state["requests"]:
                await self._tell_words(talk)

    async def _tell_words(self, talk: Talk) -> None:
        while talk.state["owed"]:
            number, request = talk.state["owed"].pop(0)
            words = [
                {"word": word.text, "start": round(1000 * word.start), "end": round(1000 * word.end), "confidence": 0.9}
                for word in request["words"]
            ]
            start = round(1000 * request["start"])
            await talk.send({"type": "WordBoundaries", "flush_id": number, "audio_start_ms": start, "words": words})

    async def _cancel(self, talk: Talk) -> None:
        seconds = sum(request["seconds"] for request in talk.state["requests"].values())
        talk.cancel("")
        talk.state["number"] += 1
        talk.state.update(text="", waiting=0, requests={}, owed=[])
        await talk.send({"type": "Cancelled", "audio_duration_seconds": seconds})

    async def _terminate(self, talk: Talk) -> None:
        totals = {"session_duration_seconds": 1, "total_input_char_length": 0}
        await talk.send({"type": "Termination", **totals, "audio_duration_seconds": talk.state["made"]})
        await talk.close()

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await self._refuse(talk, 3009, "too_many_sessions", message)

    async def _refuse(self, talk: Talk, code: int, kind: str, message: str) -> None:
        told = {"error": message, "error_code": code, "error_type": kind, "retryable": code == 3009}
        await talk.send({"type": "Error", **told})
        await talk.close(code, message)
