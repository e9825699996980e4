"""Smallest's `wss://api.smallest.ai/waves/v1/tts/live`: text that goes on, a message for each word.

Read in livekit-plugins-smallestai 1.8.9 (`tts.py`), which speaks with this; smallestai 5.14 (`waves/stream_tts.py`) and
pipecat-ai 1.14 (`services/smallest/tts.py`).

- header `Authorization: Bearer KEY`; nothing is said before the text; every message repeats `model, voice_id,
  sample_rate, speed, language, word_timestamps`
- text `{text, continue: true, flush: false, max_buffer_flush_ms}`
- flush and end `{text: "", continue: false, flush: true}`, answered behind its audio by one `{status: "complete"}`
- with `context_id` and `max_buffer_delay_ms` instead of the flush, speech goes on over what is released at the ends of
  sentences: then nothing says which `complete` is the last. Cancel, of such a context: `cancel_request: true`
- no keep-alive
- audio `{status: "chunk", request_id, data: {audio}}`, base64
- words `{status: "word_timestamp", data: {word, start, end}}`, seconds from the start of the request
- errors `{status: "error", message}`
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from aiohttp import web

from .service import Event, SocketService, Talk


class Smallest(SocketService):
    path = "/waves/v1/tts/live"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"error": "Invalid API key"}, status=401)

    async def received(self, talk: Talk, event: Event) -> None:
        name = event.get("context_id", "")
        if event.get("cancel_request"):
            talk.state.pop(name, None)
            talk.cancel(name)
            return
        talk.state[name] = talk.state.get(name, "") + event["text"]
        if event.get("flush") or not event.get("continue"):
            talk.then(name, self._make(talk, talk.state.pop(name), event))

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"status": "error", "message": message})

    async def _make(self, talk: Talk, text: str, event: Event) -> None:
        request = f"r-{len(self.said)}"
        async for sound, words in talk.paced(self.speak(text, event["sample_rate"])):
            await self._tell(talk, request, "chunk", audio=b64encode(sound).decode())
            if event.get("word_timestamps"):
                for word in words:
                    await self._tell(talk, request, "word_timestamp", word=word.text, start=word.start, end=word.end)
        await self._tell(talk, request, "complete")

    async def _tell(self, talk: Talk, request: str, status: str, **data: Any) -> None:
        await talk.send({"request_id": request, "status": status, "data": data})
