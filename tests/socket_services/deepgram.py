"""Deepgram's `/v1/speak` (Aura) and `/v2/speak` (Flux): one stream of text on a socket, audio in binary messages.

Read in deepgram-sdk 7.17 (`speak/v1`, `speak/v2`: `types/`, `socket_client.py`), livekit-plugins-deepgram 1.8.9
(`tts.py`, `tts_v2.py`) and pipecat-ai 1.14 (`services/deepgram`); the first two speak with this.

Both: header `Authorization: Token KEY` (or `Bearer`); query `model`, `encoding=linear16`, `sample_rate`. Text
`{type: "Speak", text}`; `{type: "Flush"}`; `{type: "Close"}` has what is left spoken, then the connection closed. No
names, no words. Keep-alive: pings of WebSocket; a connection lasts an hour.

Aura:

- the service begins: `{type: "Metadata", request_id, model_name, ...}`
- text is spoken by sentences, and up to the flush, answered behind its audio by `{type: "Flushed", sequence_id}`
- cancel `{type: "Clear"}`, answered by `{type: "Cleared", sequence_id}`
- errors `{type: "Warning", code, description}`, after which it goes on, or `{type: "Error", ...}` and the end

Flux, whose turns are what flushes end:

- the service begins: `{type: "Connected", request_id, model_name, ...}`
- text is spoken word by word, between `{type: "SpeechStarted", speech_id}` and `{type: "SpeechMetadata", speech_id,
  audio_duration_ms, ...}`, the end of the turn. `{type: "Flushed", speech_id}` comes ahead of the rest of its audio
  (pipecat-ai) or behind its metadata (livekit): ``flushed`` chooses
- cancel `{type: "Interrupt", playback_offset: {type: "time_ms", value}}`: the offset counts from the start of the
  session and must advance. Answered by `{type: "SpeechInterrupted", audio_played_ms, text_spoken, text_remaining,
  metadata}`, the texts only where an offset was given; or by a `Warning` (`NO_ACTIVE_SPEECH`, `NO_AUDIO_GENERATED`,
  `INVALID_INTERRUPT_OFFSET`)
- errors `{type: "Error", code, description}`, and the end
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import WSCloseCode, web

from .service import Event, SocketService, Talk

_RATES = ("8000", "16000", "24000", "32000", "48000")


class _Deepgram(SocketService):
    binary = True
    hello: str

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.path != self.path:
            return web.Response(status=404)
        if request.headers.get("Authorization") not in (f"Token {self.key}", f"Bearer {self.key}"):
            return _problem(401, "INVALID_AUTH", "Invalid credentials.")
        query = request.query
        if query.get("encoding") != "linear16" or query.get("sample_rate") not in _RATES:
            return _problem(400, "UNSUPPORTED_AUDIO_FORMAT", "Unsupported audio format.")
        return None

    async def opened(self, talk: Talk) -> None:
        talk.state["text"] = ""
        model = {"request_id": "dg-1", "model_name": talk.query.get("model"), "model_version": "1"}
        await talk.send({"type": self.hello, **model, "model_uuid": "m-1", "model_uuids": ["m-1"]})

    async def received(self, talk: Talk, event: Event) -> None:
        match event.get("type"):
            case "Speak" if set(event) == {"type", "text"}:
                talk.state["text"] += event["text"]
                self.spoken_to(talk)
            case "Flush":
                self.flush(talk)
            case "Close":
                self.flush(talk)
                talk.then("", self._bye(talk))
            case _ if not await self.other(talk, event):
                await self.fail(talk, "MESSAGE-0000", "Could not deserialize the message.")

    def spoken_to(self, talk: Talk) -> None:
        """Text has come."""
        raise NotImplementedError

    def flush(self, talk: Talk) -> None:
        """All text is to be spoken."""
        raise NotImplementedError

    async def other(self, talk: Talk, event: Event) -> bool:
        """Answer what only this one knows; whether it does."""
        raise NotImplementedError

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await self.fail(talk, "NET-0000", message)

    async def fail(self, talk: Talk, code: str, description: str) -> None:
        """Say what is wrong and end the connection."""
        await talk.send({"type": "Error", "code": code, "description": description})
        await talk.close(WSCloseCode.POLICY_VIOLATION, description)

    async def _bye(self, talk: Talk) -> None:
        await self.ending(talk)
        await talk.close()

    async def ending(self, talk: Talk) -> None:
        """What is said ahead of the end."""


class Aura(_Deepgram):
    path = "/v1/speak"
    hello = "Metadata"

    def spoken_to(self, talk: Talk) -> None:
        ends = [match.end() for match in re.finditer(r"[.!?]\s", talk.state["text"])]
        self._speak(talk, max(ends, default=0))

    def flush(self, talk: Talk) -> None:
        self._speak(talk, len(talk.state["text"]))
        talk.then("", self._count(talk, "Flushed"))

    async def other(self, talk: Talk, event: Event) -> bool:
        if event != {"type": "Clear"}:
            return False
        talk.state["text"] = ""
        talk.cancel("")
        await self._count(talk, "Cleared")
        return True

    def _speak(self, talk: Talk, end: int) -> None:
        text, talk.state["text"] = talk.state["text"][:end], talk.state["text"][end:]
        if text.strip():
            talk.then("", self._make(talk, text))

    async def _make(self, talk: Talk, text: str) -> None:
        async for sound, _ in talk.paced(self.speak(text, int(talk.query["sample_rate"]))):
            await talk.send(sound)

    async def _count(self, talk: Talk, kind: str) -> None:
        number = talk.state.get("answers", 0)
        talk.state["answers"] = number + 1
        await talk.send({"type": kind, "sequence_id": number})


class Flux(_Deepgram):
    path = "/v2/speak"
    hello = "Connected"

    def __init__(self, *, flushed: str = "first", **options: Any) -> None:
        super().__init__(**options)
        self.flushed = flushed

    async def opened(self, talk: Talk) -> None:
        talk.state.update(turn=None, turns=0, heard_ms=0, made_ms=0)
        await super().opened(talk)

    def spoken_to(self, talk: Talk) -> None:
        self._speak(talk, talk.state["text"].rfind(" ") + 1)

    def _speak(self, talk: Talk, end: int) -> None:
        text, talk.state["text"] = talk.state["text"][:end], talk.state["text"][end:]
        if text.strip():
            talk.then("", self._make(talk, text))

    async def _make(self, talk: Talk, text: str) -> None:
        turn = talk.state["turn"]
        if turn is None:
            talk.state["turns"] += 1
            name = f"dg_sp_{talk.state['turns']:012x}"
            turn = talk.state["turn"] = {"name": name, "text": "", "words": [], "began": talk.state["made_ms"], "ms": 0}
            await talk.send({"type": "SpeechStarted", "speech_id": name})
        speech = self.speak(text, int(talk.query["sample_rate"]))
        zero = turn["began"] + turn["ms"]
        turn["words"] += [(word.text, zero + 1000 * word.end) for word in speech.words]
        turn["text"] += text
        async for sound, _ in talk.paced(speech):
            milliseconds = round(len(sound) / 2 / speech.rate * 1000)
            turn["ms"] += milliseconds
            talk.state["made_ms"] += milliseconds
            await talk.send(sound)

    def flush(self, talk: Talk) -> None:
        if self.flushed == "first" and talk.state["turn"] is not None:
            talk.then("", self._tell_flushed(talk, talk.state["turn"]))
        self._speak(talk, len(talk.state["text"]))
        talk.then("", self._turn_ends(talk))

    async def _turn_ends(self, talk: Talk) -> None:
        turn, talk.state["turn"] = talk.state["turn"], None
        if turn is not None:
            await talk.send({"type": "SpeechMetadata", **_metadata(turn)})
            if self.flushed == "last":
                await self._tell_flushed(talk, turn)

    async def _tell_flushed(self, talk: Talk, turn: Event) -> None:
        await talk.send({"type": "Flushed", "speech_id": turn["name"]})

    async def other(self, talk: Talk, event: Event) -> bool:
        match event.get("type"):
            case "Interrupt":
                await self._interrupt(talk, (event.get("playback_offset") or {}).get("value"))
            case "Configure":
                await talk.send({"type": "ConfigureSuccess", "applied": {"speed": event.get("speed", 1.0)}})
            case _:
                return False
        return True

    async def _interrupt(self, talk: Talk, offset: int | None) -> None:
        turn = talk.state["turn"]
        if turn is None:
            await self._warn(talk, "NO_ACTIVE_SPEECH")
        elif not talk.state["made_ms"]:
            await self._warn(talk, "NO_AUDIO_GENERATED")
        elif offset is not None and offset <= talk.state["heard_ms"]:
            await self._warn(talk, "INVALID_INTERRUPT_OFFSET")
        else:
            talk.cancel("")
            talk.state["text"], talk.state["turn"] = "", None
            played = talk.state["made_ms"] if offset is None else offset
            talk.state.update(heard_ms=played, made_ms=played)
            texts = {} if offset is None else _parted(turn, offset)
            await talk.send(
                {"type": "SpeechInterrupted", "audio_played_ms": played, **texts, "metadata": _metadata(turn)}
            )

    async def _warn(self, talk: Talk, code: str) -> None:
        await talk.send({"type": "Warning", "code": code, "description": "The message was ignored."})

    async def ending(self, talk: Talk) -> None:
        total = {"total_audio_duration_ms": talk.state["made_ms"]}
        counts = {"total_input_character_count": 0, "total_billable_character_count": 0}
        await talk.send({"type": "SessionMetadata", **total, **counts})


def _metadata(turn: Event) -> Event:
    count = len(turn["text"])
    controls = {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0}
    return {
        "speech_id": turn["name"],
        "audio_duration_ms": turn["ms"],
        "input_character_count": count,
        "billable_character_count": count,
        "controls_applied": controls,
    }


def _parted(turn: Event, offset: int) -> Event:
    """The text of the turn, parted where ``offset`` milliseconds of the session were heard."""
    heard = [word for word, end in turn["words"] if end <= offset]
    rest = [word for word, end in turn["words"] if end > offset]
    return {"text_spoken": " ".join(heard), "text_remaining": " ".join(rest)}


def _problem(status: int, code: str, message: str) -> web.Response:
    body = {"err_code": code, "err_msg": message, "request_id": "dg-1"}
    return web.json_response(body, status=status, headers={"dg-request-id": "dg-1"})
