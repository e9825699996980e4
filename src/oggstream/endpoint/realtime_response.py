"""One response of the Realtime endpoint: a text spoken, told event by event."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from .realtime_messages import FORMAT, Event, SpeakingStyle, name
from .speech_request import SpeechRequest

if TYPE_CHECKING:
    from .speaker import Speaker

_WORD = re.compile(r"\S+\s*|\s+")

Send = Callable[[Event], Awaitable[None]]


class Response:
    """Speaks ``text`` through ``send``. ``metadata`` is given back; ``conversation`` None is out of band."""

    def __init__(
        self,
        text: str,
        style: SpeakingStyle,
        speaker: Speaker,
        *,
        conversation: str | None,
        metadata: Any,
        send: Send,
    ) -> None:
        self.id = name("resp")
        self.item_id = name("item")
        self.conversation = conversation
        self.said = ""  # the transcript so far
        self._text = text
        self._speaker = speaker
        self._style = style
        self._metadata = metadata
        self._send = send

    async def begin(self) -> None:
        """Say that there will be speech."""
        await self._send({"type": "response.created", "response": self._resource("in_progress")})
        await self._tell("response.output_item.added", item=self._item("in_progress"))
        if self.conversation is not None:
            await self._send({"type": "conversation.item.added", "item": self._item("in_progress")})
        await self._tell_part("response.content_part.added", part={"type": "audio", "transcript": ""})

    async def speak(self) -> None:
        """Send audio as it is made, and the transcript beside it; raises what the synthesis raises."""
        words = iter(_WORD.findall(self._text))
        async with aclosing(self._audio()) as parts:
            async for part in parts:
                await self._tell_part("response.output_audio.delta", delta=b64encode(part).decode("ascii"))
                await self._write_down(next(words, ""))
        await self._write_down("".join(words))

    async def end(self, status: str, **details: Any) -> None:
        """Say how it ended: "completed", "cancelled", "failed"; ``details`` are those of the status."""
        item = "completed" if status == "completed" else "incomplete"
        await self._tell_part("response.output_audio.done")
        await self._tell_part("response.output_audio_transcript.done", transcript=self.said)
        await self._tell_part("response.content_part.done", part={"type": "audio", "transcript": self.said})
        await self._tell("response.output_item.done", item=self.item(item))
        if self.conversation is not None:
            await self._send({"type": "conversation.item.done", "item": self.item(item)})
        response = self._resource(status, output=[self.item(item)], usage=self._usage())
        if status != "completed":
            response["status_details"] = {"type": status, **details}
        await self._send({"type": "response.done", "response": response})

    def item(self, status: str) -> Event:
        """What it adds to a conversation."""
        return {**self._item(status), "content": [{"type": "output_audio", "transcript": self.said}]}

    def _audio(self) -> AsyncGenerator[bytes, None]:
        wanted = SpeechRequest(self._text, self._style.voice, self._style.speed, format="pcm")
        return self._speaker.speech(wanted).parts

    async def _write_down(self, words: str) -> None:
        if words:
            self.said += words
            await self._tell_part("response.output_audio_transcript.delta", delta=words)

    async def _tell(self, kind: str, **fields: Any) -> None:
        await self._send({"type": kind, "response_id": self.id, "output_index": 0, **fields})

    async def _tell_part(self, kind: str, **fields: Any) -> None:
        await self._tell(kind, item_id=self.item_id, content_index=0, **fields)

    def _item(self, status: str) -> Event:
        item = {"id": self.item_id, "object": "realtime.item", "type": "message", "role": "assistant"}
        return {**item, "status": status, "content": []}

    def _resource(self, status: str, *, output: list[Event] | None = None, usage: Event | None = None) -> Event:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": None,
            "output": output or [],
            "conversation_id": self.conversation,
            "output_modalities": ["audio"],
            "audio": {"output": {"format": FORMAT, "voice": self._style.voice}},
            "metadata": self._metadata,
            "usage": usage,
        }

    def _usage(self) -> Event:
        size = len(self._text)
        return {"input_tokens": size, "output_tokens": 0, "total_tokens": size}
