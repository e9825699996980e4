"""Inworld: `wss://api.inworld.ai/tts/v1/voice:streamBidirectional`. Contexts on one socket, words from 0 in each flush.

Read in livekit-plugins-inworld 1.8.9 (`tts.py`) and pipecat-ai 1.14 (`services/inworld/tts.py`); both speak with this.

- header `Authorization: Basic KEY`; nothing is said before the first context
- opening, one a context, up to five at a time: `{create: {voiceId, modelId, audioConfig: {audioEncoding,
  sampleRateHertz, bitrate, speakingRate}, timestampType, timestampTransportStrategy, autoMode, maxBufferDelayMs,
  bufferCharThreshold}, contextId}`, answered by `result.contextCreated`
- text `{send_text: {text}, contextId}`, 1000 characters at most; with `autoMode` each is a generation of its own
- flush `{flush_context: {}, contextId}`, answered behind its audio by `result.flushCompleted`
- end `{close_context: {}, contextId}`: what is left is spoken, then `result.contextClosed`
- cancel `{cancel_context: {}, contextId}`: the rest is dropped, then `result.contextClosed`
- keep-alive: `send_text` with an empty text, each minute; without a context it is refused, which does no harm
- audio `result.audioChunk.audioContent`, base64: PCM (bare), LINEAR16 (a WAV header in each), OGG_OPUS, MP3, FLAC
- words `result.audioChunk.timestampInfo.wordAlignment: {words, wordStartTimeSeconds, wordEndTimeSeconds}` in seconds
  from the start of the generation: with their audio (SYNC), or in messages of their own behind it (ASYNC)
- errors `result.status: {code, message}` with a code other than 0; or `error: {code, message}` without a context
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from .service import Event, SocketService, Talk
from .speaking import SpokenWord

LONGEST_TEXT = 1000


class Inworld(SocketService):
    path = "/tts/v1/voice:streamBidirectional"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Basic {self.key}":
            return None
        return web.json_response({"code": 16, "message": "Unauthenticated"}, status=401)

    async def received(self, talk: Talk, event: Event) -> None:
        name = event.get("contextId", "")
        kind = next(key for key in event if key != "contextId")
        if kind == "create":
            talk.state[name] = {"config": event["create"], "text": ""}
            await self._tell(talk, name, contextCreated={})
        elif name not in talk.state:
            await self._refuse(talk, name, 5, f"Context {name} not found")
        elif kind == "send_text" and len(event["send_text"]["text"]) > LONGEST_TEXT:
            await self._refuse(talk, name, 3, f"text is longer than {LONGEST_TEXT} characters")
        else:
            await self._do(talk, name, kind, event[kind])

    async def _do(self, talk: Talk, name: str, kind: str, what: Event) -> None:
        if kind == "send_text":
            talk.state[name]["text"] += what["text"]
            if talk.state[name]["config"].get("autoMode"):
                self._generate(talk, name)
        elif kind == "flush_context":
            self._generate(talk, name)
        elif kind == "close_context":
            self._generate(talk, name)
            talk.then(name, self._closed(talk, name))
        elif kind == "cancel_context":
            talk.cancel(name)
            await self._closed(talk, name)

    def _generate(self, talk: Talk, name: str) -> None:
        context = talk.state[name]
        text, context["text"] = context["text"], ""
        if text.strip():
            talk.then(name, self._make(talk, name, context["config"], text))

    async def _make(self, talk: Talk, name: str, config: Event, text: str) -> None:
        together = config.get("timestampTransportStrategy", "SYNC") == "SYNC"
        wanted = config.get("timestampType") == "WORD"
        speech = self.speak(text, config["audioConfig"]["sampleRateHertz"])
        async for sound, words in talk.paced(speech):
            chunk: Event = {"audioContent": b64encode(sound).decode()}
            if words and wanted and together:
                chunk |= _times(words)
            await self._tell(talk, name, audioChunk=chunk)
        if wanted and not together:
            await self._tell(talk, name, audioChunk=_times(speech.words))
        await self._tell(talk, name, flushCompleted={})

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await self._refuse(talk, name, 13, message)

    async def _closed(self, talk: Talk, name: str) -> None:
        talk.state.pop(name, None)
        await self._tell(talk, name, contextClosed={})

    async def _refuse(self, talk: Talk, name: str | None, code: int, message: str) -> None:
        await talk.send({"result": {"contextId": name, "status": {"code": code, "message": message}}})

    async def _tell(self, talk: Talk, name: str, **what: Any) -> None:
        await talk.send({"result": {"contextId": name, "status": {"code": 0, "message": ""}, **what}})


def _times(words: Sequence[SpokenWord]) -> Event:
    alignment = {
        "words": [word.text for word in words],
        "wordStartTimeSeconds": [word.start for word in words],
        "wordEndTimeSeconds": [word.end for word in words],
    }
    return {"timestampInfo": {"wordAlignment": alignment}}
