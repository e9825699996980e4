"""Soniox's `wss://tts-rt.soniox.com/tts-websocket`: up to five streams on one socket, a time for every character.

Read in soniox 2.10 (`realtime/async_tts.py`, `types/realtime.py`), livekit-plugins-soniox 1.8.9 and pipecat-ai 1.14;
the client of the first and the plugin of the second speak with this.

- header `Authorization: Bearer KEY` (or `api_key` in each opening); nothing is said before the first stream
- opening, one a stream: `{stream_id, model, language, voice, audio_format: pcm_s16le | opus | mp3 | wav ...,
  sample_rate, return_timestamps, speed}`, not answered. A name may come again when its stream has ended
- text `{stream_id, text, text_end: false}`, 5000 characters at most
- no flush: the end of the text of a stream, `text_end: true`, is what makes it speak to its end; then
  `audio_end: true` with the last audio, and `{stream_id, terminated: true}`. A stream lasts 2 minutes at most, and some
  8 to 18 s without text (livekit's observation)
- cancel `{stream_id, cancel: true}`, answered by `terminated`, without `audio_end`
- keep-alive `{keep_alive: true}`, each 20 to 30 s
- audio `{stream_id, audio}`, base64
- words `timestamps: {characters, character_start_times_seconds, character_end_times_seconds}`: characters of the spoken
  text, in seconds from the start of the stream, a word at times in two messages
- errors `{stream_id, error_code, error_message}`, then `terminated`; without `stream_id` the connection is lost
"""

from __future__ import annotations

from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk
from .speaking import characters

STREAMS = 5


class Soniox(SocketService):
    path = "/tts-websocket"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"error_code": 401, "error_message": "Incorrect API key provided"}, status=401)

    async def received(self, talk: Talk, event: Event) -> None:
        if event.get("keep_alive"):
            return
        name = event["stream_id"]
        if "model" in event:
            await self._open(talk, name, event)
        elif name not in talk.state:
            await self._refuse(talk, name, 400, f"Stream {name} not found")
        elif event.get("cancel"):
            talk.cancel(name)
            await self._ended(talk, name)
        else:
            await self._take(talk, name, event)

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        talk.state.pop(name, None)
        await self._refuse(talk, name, 500, message)

    async def _open(self, talk: Talk, name: str, event: Event) -> None:
        if name in talk.state:
            await self._refuse(talk, name, 400, f"Stream {name} is already open")
        elif len(talk.state) == STREAMS:
            await self._refuse(talk, name, 429, "Too many streams on this connection")
        else:
            talk.state[name] = {"config": event, "text": "", "ended": False}

    async def _take(self, talk: Talk, name: str, event: Event) -> None:
        stream = talk.state[name]
        stream["text"] += event.get("text", "")
        if event.get("text_end") and not stream["ended"]:
            stream["ended"] = True
            talk.then(name, self._make(talk, name, stream))

    async def _make(self, talk: Talk, name: str, stream: Event) -> None:
        speech = self.speak(stream["text"], stream["config"]["sample_rate"])
        async for sound, part in talk.paced(speech, characters(speech.words)):
            message: Event = {"stream_id": name, "audio": b64encode(sound).decode()}
            if part and stream["config"].get("return_timestamps"):
                message["timestamps"] = {
                    "characters": [each.text for each in part],
                    "character_start_times_seconds": [each.start for each in part],
                    "character_end_times_seconds": [each.end for each in part],
                }
            await talk.send(message)
        await talk.send({"stream_id": name, "audio_end": True})
        await self._ended(talk, name)

    async def _ended(self, talk: Talk, name: str) -> None:
        talk.state.pop(name, None)
        await talk.send({"stream_id": name, "terminated": True})

    async def _refuse(self, talk: Talk, name: str, code: int, message: str) -> None:
        await talk.send({"stream_id": name, "error_code": code, "error_message": message})
        await talk.send({"stream_id": name, "terminated": True})
