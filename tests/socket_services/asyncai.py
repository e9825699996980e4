"""AsyncAI's `wss://api.async.com/text_to_speech/websocket/ws`: contexts, each text spoken at once.

Read in livekit-plugins-asyncai 1.8.9 (`tts.py`), which speaks with this, and pipecat-ai 1.14
(`services/asyncai/tts.py`).

- query `api_key`, `version=v1`
- opening, not answered: `{model_id, voice: {mode: "id", id}, output_format: {container: raw, encoding: pcm_s16le,
  sample_rate}, language}`
- text and flush in one: `{transcript, context_id, force: true}`; nothing says that one of them has been spoken
- end `{transcript: "", context_id}`, answered behind all audio by `{context_id, final: true}`
- cancel `{context_id, close_context: true, transcript: ""}`; for the connection `{terminate: true}`
- keep-alive `{transcript: " "}`, each 10 s
- audio `{context_id, audio, final: false}`, base64
- no words
"""

from __future__ import annotations

from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk


class AsyncAI(SocketService):
    path = "/text_to_speech/websocket/ws"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.query.get("api_key") == self.key:
            return None
        return web.json_response({"detail": {"message": "Invalid API key"}}, status=401)

    async def received(self, talk: Talk, event: Event) -> None:
        name = event.get("context_id", "")
        if "model_id" in event:
            talk.state["config"] = event
        elif event.get("terminate"):
            await talk.close()
        elif event.get("close_context"):
            talk.cancel(name)
        elif not event["transcript"]:
            talk.then(name, talk.send({"context_id": name, "audio": "", "final": True}))
        elif event["transcript"].strip():
            talk.then(name, self._make(talk, name, event["transcript"]))

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"context_id": name, "error": message})

    async def _make(self, talk: Talk, name: str, text: str) -> None:
        rate = talk.state["config"]["output_format"]["sample_rate"]
        async for sound, _ in talk.paced(self.speak(text, rate)):
            await talk.send({"context_id": name, "audio": b64encode(sound).decode(), "final": False})
