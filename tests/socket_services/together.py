"""Together's `wss://api.together.ai/v1/audio/speech/websocket`: contexts, each committed item with its words.

Read in pipecat-ai 1.14 (`services/together/tts.py`), which speaks with this; contexts, cancel and words, which it does
not use, in docs.together.ai, "WebSocket API" of text-to-speech.

- header `Authorization: Bearer KEY`, or `api_key` in the query; query `model`, `voice`, `response_format` (pcm, opus,
  mp3, aac, flac, wav), `sample_rate`, `language`, `speed`, `alignment=word`, `segment` (sentence, immediate, never),
  `max_partial_length`. The service begins: `{type: "session.created", session: {id, model, voice}}`
- a setting may change: `{type: "tts_session.updated", session: {voice}, context_id}`, answered by `session.updated`
- text `{type: "input_text_buffer.append", text, context_id}`, acknowledged by `conversation.item.input_text.received`
- flush `{type: "input_text_buffer.commit", context_id}`, answered behind its audio by
  `{type: "conversation.item.audio_output.done", item_id}`
- cancel `{type: "context.cancel", context_id}`, answered by `context.cancelled`; `input_text_buffer.clear` drops only
  text that is not being spoken yet. Up to 100 contexts; without a name it is "default"
- no end, no keep-alive
- audio `{type: "conversation.item.audio_output.delta", item_id, delta}`, base64, 24 kHz
- words `{type: "conversation.item.word_timestamps", item_id, words, start_seconds, end_seconds}`: from 0 in each item
- errors `{type: "conversation.item.tts.failed", error: {message, type, code}}` and `{type: "error", error}`
"""

from __future__ import annotations

from base64 import b64encode

from aiohttp import web

from .service import Event, SocketService, Talk

ITEM = "conversation.item."


class Together(SocketService):
    path = "/v1/audio/speech/websocket"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"error": {"message": "Invalid API key", "code": "invalid_api_key"}}, status=401)

    async def opened(self, talk: Talk) -> None:
        talk.state["items"] = 0
        session = {"id": "s-1", "object": "realtime.tts.session", "modalities": ["text", "audio"], **talk.query}
        await talk.send({"event_id": "e-1", "type": "session.created", "session": session})

    async def received(self, talk: Talk, event: Event) -> None:
        name = event.get("context_id", "default")
        match event["type"]:
            case "tts_session.updated":
                await talk.send({"type": "session.updated", "session": event["session"]})
            case "input_text_buffer.append":
                talk.state[name] = talk.state.get(name, "") + event["text"]
                await talk.send({"type": f"{ITEM}input_text.received", "text": event["text"], "context_id": name})
            case "input_text_buffer.commit":
                if text := talk.state.pop(name, "").strip():
                    talk.then(name, self._make(talk, name, text))
            case "input_text_buffer.clear":
                talk.state.pop(name, None)
            case "context.cancel":
                talk.state.pop(name, None)
                talk.cancel(name)
                await talk.send({"type": "context.cancelled", "context_id": name})
            case unknown:
                error = {"message": f"unknown event {unknown}", "type": "invalid_request_error", "code": "unknown"}
                await talk.send({"type": "error", "error": error})

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        error = {"message": message, "type": "server_error", "code": "tts_failed"}
        await talk.send({"type": f"{ITEM}tts.failed", "context_id": name, "error": error})

    async def _make(self, talk: Talk, name: str, text: str) -> None:
        talk.state["items"] += 1
        item = {"item_id": f"tts_{talk.state['items']}", "context_id": name}
        speech = self.speak(text)
        if talk.query.get("alignment") == "word":
            times = {
                "words": [word.text for word in speech.words],
                "start_seconds": [word.start for word in speech.words],
                "end_seconds": [word.end for word in speech.words],
            }
            await talk.send({"type": f"{ITEM}word_timestamps", **item, **times})
        async for sound, _ in talk.paced(speech):
            await talk.send({"type": f"{ITEM}audio_output.delta", **item, "delta": b64encode(sound).decode()})
        await talk.send({"type": f"{ITEM}audio_output.done", **item})
