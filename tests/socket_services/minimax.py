"""MiniMax's `/ws/v1/t2a_v2_bidi` of `wss://api.minimax.io`: one task, audio in hex.

Read in platform.minimax.io, "T2A WebSocket (Bidirectional)", as no package speaks it yet. livekit-plugins-minimax-ai
1.8.9 (`tts.py`) speaks the elder `/ws/v1/t2a_v2`, with the same messages but flush and cancel, and does so with this.

- header `Authorization: Bearer KEY`. The service begins: `{event: "connected_success"}`
- opening `{event: "task_start", model, voice_setting: {voice_id, speed, vol, pitch}, audio_setting: {sample_rate,
  format: pcm | mp3 | flac | wav, channel}, language_boost}`, answered by `task_started`
- text `{event: "task_continue", text}`, 10 000 characters at most. The elder path speaks each at once, this one by
  sentences, between `sentence_start` and `sentence_end`
- flush `{event: "task_flush"}`, answered behind its audio by `task_flushed`; no text may follow before that
- end `{event: "task_finish"}`: the rest, `task_finished`, and the connection is closed
- cancel `{event: "task_cancel"}`, answered by `task_canceled`; more text may follow
- keep-alive: a ping of WebSocket; the service, which sends none, closes after 120 idle seconds
- audio `{event: "task_continued", data: {audio}, is_final}`, hex
- no names, no words (subtitles by the sentence are told elsewhere)
- errors `base_resp: {status_code, status_msg}` with a code other than 0 (1002 and 1039: too much at a time; 1004: the
  key; 1008: the balance; 2204 and 2205: this text was left out, the task goes on), or `{event: "task_failed"}`
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .service import Event, SocketService, Talk


class MiniMax(SocketService):
    path = "/ws/v1/t2a_v2_bidi"

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return web.json_response({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, status=401)

    async def opened(self, talk: Talk) -> None:
        talk.state["text"] = ""
        await self._tell(talk, "connected_success")

    async def received(self, talk: Talk, event: Event) -> None:
        both_ways = talk.path.endswith("_bidi")
        match event["event"]:
            case "task_start":
                talk.state["config"] = event
                await self._tell(talk, "task_started")
            case "task_continue":
                talk.state["text"] += event["text"]
                if not both_ways:
                    self._speak(talk)
            case "task_flush" if both_ways:
                self._speak(talk)
                talk.then("", self._tell(talk, "task_flushed"))
            case "task_cancel" if both_ways:
                talk.state["text"] = ""
                talk.cancel("")
                await self._tell(talk, "task_canceled")
            case "task_finish":
                self._speak(talk)
                talk.then("", self._tell(talk, "task_finished"))
                talk.then("", talk.close())
            case unknown:
                await self._tell(talk, "task_failed", 2013, f"unknown event {unknown}")

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await self._tell(talk, "task_failed", 1000, message)

    def _speak(self, talk: Talk) -> None:
        text, talk.state["text"] = talk.state["text"], ""
        if text.strip():
            talk.then("", self._make(talk, text))

    async def _make(self, talk: Talk, text: str) -> None:
        speech = self.speak(text, talk.state["config"]["audio_setting"]["sample_rate"])
        both_ways = talk.path.endswith("_bidi")
        if both_ways:
            await self._tell(talk, "sentence_start")
        async for sound, _ in talk.paced(speech):
            await self._tell(talk, "task_continued", data={"audio": sound.hex()}, is_final=False)
        length = {"audio_length": int(speech.seconds * 1000)}
        await self._tell(talk, "task_continued", data={"audio": ""}, is_final=True, extra_info=length)
        if both_ways:
            await self._tell(talk, "sentence_end")

    async def _tell(self, talk: Talk, event: str, code: int = 0, message: str = "success", **what: Any) -> None:
        base = {"status_code": code, "status_msg": message}
        ids = {"session_id": "s-1", "trace_id": "t-1", "connect_id": "c-1"}
        await talk.send({"event": event, **ids, "base_resp": base, **what})
