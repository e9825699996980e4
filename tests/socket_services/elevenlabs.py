"""ElevenLabs' two sockets with contexts, and `/stream/with-timestamps`: characters and their times in milliseconds.

Read in elevenlabs 2.78 (`types/*_multi.py`, `types/alignment.py`, `text_to_speech/client.py`), whose client speaks with
the last of these (it has none for the sockets); livekit-plugins-elevenlabs 1.8.9 and pipecat-ai 1.14, which speak with
the sockets.

`wss://api.elevenlabs.io/v1/text-to-speech/VOICE/multi-stream-input`, `MultiStream`, for the models up to v2.5:

- header `xi-api-key: KEY`; query `model_id`, `output_format` (pcm_RATE, opus_48000_BITRATE, mp3_...), `auto_mode`,
  `inactivity_timeout`, `sync_alignment`
- opening, one a context, up to five at a time: `{text: " ", voice_settings, generation_config, context_id}`. Settings
  in a later message end the connection
- text `{text, context_id}`, with a space at its end. Spoken at once with `auto_mode`; otherwise when 120, then 160, 250
  and 290 characters are there (`generation_config.chunk_length_schedule`)
- flush `flush: true`, with or without text; nothing says when it is done, but the last character of the text
- end `{close_context: true, context_id}`: what was flushed goes on, then `isFinal`. What was not is dropped. There is
  no other way to cancel. `{close_socket: true}` closes after what is being spoken
- keep-alive `{text: "", context_id}`: a context ends after 20 s, or `inactivity_timeout` (180 s at most)
- audio `audio`, base64, and `contextId`
- words `alignment`, and `normalizedAlignment` for the text as it was read: `{chars, charStartTimesMs,
  charDurationsMs}`. They count from the audio of the message (elevenlabs: "relative to the returned chunk from the
  model, and not the full audio response"), from the end of the characters that were told before (pipecat-ai), or from
  the start of the context (livekit): ``zero`` is "message", "characters" or "context"
- errors `{message, error, code}`, then the connection is closed with that code

`wss://api.elevenlabs.io/v1/text-to-dialogue/multi-stream-input`, `Dialogue`, for v3 and v4. What differs:

- opening `{context_id, voices: [...], voice_settings: {stability}}`
- text `{context_id, inputs: [{text, voice_id, new_turn}]}`, spoken when it is flushed, at a new turn, or when there is
  enough of it
- end `{context_id, close_context: true}` speaks what is left, then `is_final`
- keep-alive `{context_id, keep_alive: true}`, each 20 s
- `is_final_audio_for_turn` behind the audio of a turn
- words `alignment: {chars, char_start_times_ms, char_durations_ms}`, with `sync_alignment=true`, from the start of the
  message
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from aiohttp import WSCloseCode, web

from .service import Event, SocketService, Talk
from .speaking import OpusStream, Speech, SpokenWord, characters

DIALOGUE_MODELS = ("eleven_v3", "eleven_v3_conversational", "eleven_v4", "eleven_v4_turbo")
MOST_CONTEXTS = 5
SCHEDULE = (120, 160, 250, 290)
_DIALOGUE_LENGTH = 250
_SETTINGS = {"voice_settings", "pronunciation_dictionary_locators"}
_CONTROLS = {"context_id", "flush", "close_context", "close_socket", "xi_api_key", "authorization"}


class _Contexts(SocketService):
    """What the two sockets share."""

    known: set[str]
    """Fields of the client's messages."""
    camel: bool

    def __init__(self, *, zero: str = "message", **options: Any) -> None:
        super().__init__(**options)
        self.zero = zero

    async def opened(self, talk: Talk) -> None:
        if self._key_of(talk) != self.key:
            await self._refuse(talk, "invalid_api_key", "Invalid API key")
        elif (talk.query.get("model_id") in DIALOGUE_MODELS) == self.camel:
            await self._refuse(talk, "model_not_supported", f"This model is not served here: {talk.query['model_id']}")

    def _key_of(self, talk: Talk) -> str | None:
        return talk.headers.get("xi-api-key")

    async def received(self, talk: Talk, event: Event) -> None:
        name = event.get("context_id", "default")
        if unknown := sorted(set(event) - self.known):
            await self._refuse(talk, "invalid_request", f"Unknown field {unknown[0]}")
        elif event.get("close_socket"):
            for each in list(talk.state):
                self._close(talk, each)
            talk.then("", self._end(talk))
        elif event.get("close_context"):
            self._close(talk, name)
        elif (problem := self.problem(talk, name, event)) is not None:
            await self._refuse(talk, *problem)
        else:
            self._keep_alive(talk, name, event)
            self.take(talk, name, event)

    def problem(self, talk: Talk, name: str, event: Event) -> tuple[str, str] | None:
        """Why ``event`` is refused: the error and its message."""
        if name not in talk.state and len(talk.state) == MOST_CONTEXTS:
            return "too_many_contexts", f"At most {MOST_CONTEXTS} contexts may be open"
        if name in talk.state and (again := sorted(set(event) & (_SETTINGS | {"voices", "generation_config"}))):
            return "policy_violation", f"{again[0]} may only be in the first message of a context"
        return None

    def take(self, talk: Talk, name: str, event: Event) -> None:
        """A message for a context."""
        raise NotImplementedError

    def context(self, talk: Talk, name: str, event: Event) -> Event:
        """The state of a context, which ``event`` opens if it is a new one."""
        rate, opus = _format(talk.query)
        new = {
            "first": event,
            "text": "",
            "at": 0.0,
            "told": 0.0,
            "made": 0,
            "rate": rate,
            "opus": OpusStream(rate) if opus else None,
        }
        context: Event = talk.state.setdefault(name, new)
        return context

    def _keep_alive(self, talk: Talk, name: str, event: Event) -> None:
        context = self.context(talk, name, event)
        if "timer" in context:
            context["timer"].cancel()
        seconds = float(talk.query.get("inactivity_timeout", 20))
        context["timer"] = asyncio.get_running_loop().call_later(seconds, self._close, talk, name)

    def generate(self, talk: Talk, name: str, end: int | None = None) -> None:
        """Speak the text that waits, up to the character ``end``."""
        context = talk.state[name]
        text, context["text"] = context["text"][:end], context["text"][len(context["text"][:end]) :]
        if text.strip():
            context["made"] += 1
            talk.then(name, self._make(talk, name, context, text))

    async def _make(self, talk: Talk, name: str, context: Event, text: str) -> None:
        speech = self.speak(text, context["rate"])
        start = at = context["at"]
        context["at"] += speech.seconds
        async for sound, part in talk.paced(speech, _characters(speech)):
            shift = start - self._zero_of(context, at)
            at += len(sound) / 2 / speech.rate
            coded = sound if context["opus"] is None else context["opus"].feed(sound)
            message = {"audio": b64encode(coded).decode(), **self.told(talk, part, shift)}
            if part:
                context["told"] += round(1000 * (part[-1].end + shift)) / 1000
            await talk.send({**message, self._context_field: name})

    def _zero_of(self, context: Event, at: float) -> float:
        """Where in the context the times of a message count from whose audio begins at ``at``."""
        if self.zero == "message":
            return at if context["opus"] is None else float(context["opus"].position)
        return float(context["told"]) if self.zero == "characters" else 0.0

    def told(self, talk: Talk, part: Sequence[SpokenWord], shift: float) -> Event:
        """What a message tells of the characters ``part``, whose times are ``shift`` later."""
        raise NotImplementedError

    @property
    def _context_field(self) -> str:
        return "contextId" if self.camel else "context_id"

    def _close(self, talk: Talk, name: str) -> None:
        if (context := talk.state.pop(name, None)) is not None:
            context["timer"].cancel()
            self.note_cancel(name)
            self.closing(talk, name, context)
            talk.then(name, self._final(talk, name, context))

    def closing(self, talk: Talk, name: str, context: Event) -> None:
        """A context is closed: what becomes of the text that waits."""

    async def _final(self, talk: Talk, name: str, context: Event) -> None:
        if context["opus"] is not None and context["made"]:
            audio = b64encode(context["opus"].finish()).decode()
            await talk.send({"audio": audio, self._context_field: name})
        await talk.send({"isFinal" if self.camel else "is_final": True, self._context_field: name})

    async def _end(self, talk: Talk) -> None:
        await talk.rest()
        await talk.close()

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await self._refuse(talk, "quota_exceeded", message)

    async def _refuse(self, talk: Talk, error: str, message: str) -> None:
        code = WSCloseCode.POLICY_VIOLATION
        await talk.send({"message": message, "error": error, "code": code})
        await talk.close(code, message)


class MultiStream(_Contexts):
    path = "/v1/text-to-speech/voice-1/multi-stream-input"
    camel = True
    known = _SETTINGS | _CONTROLS | {"text", "generation_config"}

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        sockets = re.fullmatch(r"/v1/text-to-speech/[^/]+/multi-stream-input", request.path)
        return None if sockets or request.path.endswith("/stream/with-timestamps") else web.Response(status=404)

    def take(self, talk: Talk, name: str, event: Event) -> None:
        context = self.context(talk, name, event)
        context["text"] += (event.get("text") or "").lstrip() if not context["text"] else event.get("text") or ""
        schedule = context["first"].get("generation_config", {}).get("chunk_length_schedule", SCHEDULE)
        enough = schedule[min(context["made"], len(schedule) - 1)]
        auto = talk.query.get("auto_mode") == "true"
        if event.get("flush") or auto or len(context["text"]) >= enough:
            self.generate(talk, name)

    def told(self, talk: Talk, part: Sequence[SpokenWord], shift: float) -> Event:
        times = _times(part, shift, ("chars", "charStartTimesMs", "charDurationsMs"))
        return {"alignment": times, "normalizedAlignment": times}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/text-to-speech/VOICE/stream/with-timestamps`: lines of JSON."""
        if request.headers.get("xi-api-key") != self.key:
            return _detail("invalid_api_key", "Invalid API key")
        asked = await request.json()
        rate, _ = _format(request.query)
        speech = self.speak(asked["text"], rate)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        size = 2 * int(self.chunk * rate)
        told = _characters(speech)
        for begin in range(0, len(speech.pcm), size):
            first, last = begin / 2 / rate, (begin + size) / 2 / rate
            part = [each for each in told if first <= each.start < last]
            times = {
                "characters": [each.text for each in part],
                "character_start_times_seconds": [each.start for each in part],
                "character_end_times_seconds": [each.end for each in part],
            }
            audio = b64encode(speech.pcm[begin : begin + size]).decode()
            alignment = times if part else None
            line = {"audio_base64": audio, "alignment": alignment, "normalized_alignment": alignment}
            await answer.write(json.dumps(line).encode() + b"\n")
        return answer


class Dialogue(_Contexts):
    path = "/v1/text-to-dialogue/multi-stream-input"
    camel = False
    known = _SETTINGS | _CONTROLS | {"inputs", "keep_alive", "voices", "single_use_token"}

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        return None if request.path == self.path else web.Response(status=404)

    def problem(self, talk: Talk, name: str, event: Event) -> tuple[str, str] | None:
        if "context_id" not in event:
            return "invalid_request", "context_id is required"
        if name not in talk.state and not event.get("voices"):
            return "invalid_request", "voices is required in the first message of a context"
        voices = event.get("voices") or talk.state[name]["first"]["voices"]
        if strange := [line["voice_id"] for line in event.get("inputs", ()) if line["voice_id"] not in voices]:
            return "invalid_request", f"voice {strange[0]} is not one of the context's"
        return super().problem(talk, name, event)

    def take(self, talk: Talk, name: str, event: Event) -> None:
        context = self.context(talk, name, event)
        for line in event.get("inputs", ()):
            if line.get("new_turn"):
                self._end_turn(talk, name)
            context["text"] += line["text"]
        if event.get("flush"):
            self._end_turn(talk, name)
        elif len(context["text"]) >= _DIALOGUE_LENGTH:
            self.generate(talk, name)

    def _end_turn(self, talk: Talk, name: str) -> None:
        if talk.state[name]["text"].strip():
            self.generate(talk, name)
            talk.then(name, talk.send({"is_final_audio_for_turn": True, "context_id": name}))

    def closing(self, talk: Talk, name: str, context: Event) -> None:
        talk.state[name] = context
        self.generate(talk, name)
        del talk.state[name]

    def told(self, talk: Talk, part: Sequence[SpokenWord], shift: float) -> Event:
        if talk.query.get("sync_alignment") != "true":
            return {}
        return {"alignment": _times(part, shift, ("chars", "char_start_times_ms", "char_durations_ms"))}


def _format(query: Any) -> tuple[int, bool]:
    """The rate of ``output_format``, and whether it is Opus."""
    kind, rate, *_ = query.get("output_format", "mp3_44100_128").split("_")
    assert kind in ("pcm", "opus"), f"this stand-in does not encode {kind}"
    return int(rate), kind == "opus"


def _characters(speech: Speech) -> list[SpokenWord]:
    told = characters(speech.words)
    if told and speech.text.endswith(" "):
        told.append(SpokenWord(" ", told[-1].end, max(speech.seconds, told[-1].end)))
    return told


def _times(part: Sequence[SpokenWord], shift: float, names: tuple[str, str, str]) -> Event | None:
    if not part:
        return None
    starts = [round(1000 * (each.start + shift)) for each in part]
    ends = [round(1000 * (each.end + shift)) for each in part]
    durations = [end - start for start, end in zip(starts, ends, strict=True)]
    return dict(zip(names, ([each.text for each in part], starts, durations), strict=True))


def _detail(status: str, message: str) -> web.Response:
    return web.json_response({"detail": {"status": status, "message": message}}, status=401)
