"""xAI's `wss://api.x.ai/v1/tts`: deltas of text, one utterance after the other, a time for every character.

Read in livekit-plugins-xai 1.8.9 (`tts.py`) and pipecat-ai 1.14 (`services/xai/tts.py`); both speak with this.

- header `Authorization: Bearer KEY`; query `voice`, `language`, `codec` (pcm, wav, mulaw, alaw), `sample_rate`,
  `with_timestamps=true`, `speed`, `optimize_streaming_latency`, `text_normalization`; nothing is said before the text
- text `{type: "text.delta", delta}`: spoken as it comes; what may be half a word waits for what follows
- end of the utterance `{type: "text.done"}`, answered behind the last audio by `{type: "audio.done"}`; the next
  utterance may follow on the connection, which the service ends after some 35 minutes
- no flush, no names, no keep-alive
- cancel `{type: "text.clear"}`, answered by `{type: "audio.clear"}`
- audio `{type: "audio.delta", delta}`, base64
- words `audio_timestamps: {graph_chars, graph_times: [[start, end], ...]}` in an `audio.delta`, often one without
  audio: characters, spaces included, in seconds from the start of the utterance, a word at times in two messages
- errors `{type: "error", message}`
"""

from __future__ import annotations

from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk
from .speaking import Speech, SpokenWord, characters


class XAI(SocketService):
    path = "/v1/tts"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"code": "unauthenticated", "error": "Incorrect API key provided"}, status=401)

    async def opened(self, talk: Talk) -> None:
        talk.state.update(text="", seconds=0.0)

    async def received(self, talk: Talk, event: Event) -> None:
        match event["type"]:
            case "text.delta":
                whole, space, rest = (talk.state["text"] + event["delta"]).rpartition(" ")
                talk.state["text"] = rest
                talk.then("", self._make(talk, whole + space))
            case "text.done":
                talk.then("", self._make(talk, talk.state["text"]))
                talk.then("", self._done(talk))
                talk.state["text"] = ""
            case "text.clear":
                talk.cancel("")
                talk.state.update(text="", seconds=0.0)
                await talk.send({"type": "audio.clear"})
            case unknown:
                await talk.send({"type": "error", "message": f"unknown message type {unknown}"})

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"type": "error", "message": message})

    async def _make(self, talk: Talk, text: str) -> None:
        if not text.strip():
            return
        speech = self.speak(text, int(talk.query["sample_rate"]))
        if speech.words and talk.query.get("with_timestamps") == "true":
            await self._send_times(talk, speech)
        async for sound, _ in talk.paced(speech):
            await talk.send({"type": "audio.delta", "delta": b64encode(sound).decode()})
        talk.state["seconds"] += speech.seconds

    async def _done(self, talk: Talk) -> None:
        talk.state["seconds"] = 0.0
        await talk.send({"type": "audio.done"})

    async def _send_times(self, talk: Talk, speech: Speech) -> None:
        """In two messages, the cut in a word."""
        told = characters(speech.later(talk.state["seconds"]).words)
        told += [SpokenWord(" ", last.end, last.end) for last in told[-1:]]
        middle = len(told) // 2
        for part in (told[:middle], told[middle:]):
            times = {"graph_chars": [each.text for each in part], "graph_times": [[e.start, e.end] for e in part]}
            await talk.send({"type": "audio.delta", "delta": "", "audio_timestamps": times})
