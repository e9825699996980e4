"""The sound and the words out of an answer that holds both in JSON: one value, lines, or server-sent events."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ... import events
from ...body.envelope import Envelope
from ...opus.items import StreamStats
from ..wrapper import StreamWrapper
from .telling import AudioLayout, told_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...annotations import Annotation
    from ...errors import OggStreamError
    from ..http.exchange import HttpStream
    from ..told_words import ToldWords

STEP = 1 << 16
"""Bytes of sound given at a time."""
_START = 1 << 16  # bytes of an answer without sound, which are given as they came
_REST_SECONDS = 0.1  # for the end of an answer whose sound has ended, so that the connection can be kept
_EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")


class UnwrappedAnswer:
    """Takes an answer apart. ``failure``: what the service reports in it; what came before is good.

    An answer that is no JSON, or has no sound at the place, is given as it is: whoever reads it says what it is.
    ``broken`` counts values that cannot be read.
    """

    def __init__(self, text: str, audio: Mapping[str, Any], words: Mapping[str, Any]) -> None:
        self._text = text
        self._layout = AudioLayout(audio)
        self._words = words
        self._told: ToldWords | None = None
        self._envelope: Envelope | None = None
        self._stats = StreamStats()
        self._first = b""
        self._bare = False

    @property
    def is_bare(self) -> bool:
        """Whether what is given is the answer as it is."""
        return self._bare

    @property
    def ended(self) -> bool:
        """Whether the service said that nothing more comes, or that it failed."""
        return self._envelope is not None and (self._envelope.ended or self.failure is not None)

    @property
    def failure(self) -> OggStreamError | None:
        """Why it ended early."""
        return self._envelope.failure if self._envelope is not None else None

    def feed(self, data: bytes) -> list[bytes | Annotation]:
        """The words and the bytes of sound that ``data`` completes."""
        if self._bare:
            return [data]
        if len(self._first) < _START:
            self._first += data
        if self._envelope is None:
            start = self._first.lstrip(b"\xef\xbb\xbf \t\r\n")
            if len(start) < len(_EVENTS[1]) and start[:1] not in (b"{", b"["):
                return []
            if start[:1] not in (b"{", b"[") and not start.startswith(_EVENTS):
                self._bare = True
                return [self._first]
            self._envelope = Envelope(self._stats, is_json=start[:1] in (b"{", b"["), layout=self._layout)
            data = self._first
        return self._items(self._envelope.feed(data))

    def finish(self) -> list[bytes | Annotation]:
        """The same at the end of the answer."""
        if self._bare:
            return []
        items = self._items(self._envelope.finish()) if self._envelope is not None else []
        if self._told is not None:
            items += self._told.finish()
        if (self._envelope is None or not self._envelope.sounded) and self._first and self.failure is None:
            self._bare = True
            return [self._first]
        return items

    @property
    def faults(self) -> list[str]:
        """What was passed over, in words."""
        found = list(self._stats.warnings)
        if self._envelope is not None and self._envelope.broken:
            found.append(f"{self._envelope.broken} parts of the answer cannot be read and are left out")
        if self._told is not None and self._told.missed:
            found.append(f"{self._told.missed} of the words that the service tells have no place in the text")
        return found

    def _items(self, sound: bytes) -> list[bytes | Annotation]:
        assert self._envelope is not None
        values, self._envelope.values = self._envelope.values, []
        items: list[bytes | Annotation] = []
        for value in values if self._words else []:
            items += self._words_in(value)
        items += [sound[at : at + STEP] for at in range(0, len(sound), STEP)]
        return items

    def _words_in(self, value: dict[str, Any]) -> list[Any]:
        times = told_times(self._words, value)
        if times is None:
            return []
        if self._told is None:
            from ..told_words import ToldWords

            self._told = ToldWords(self._text)
        if self._words.get("each") == "character":
            return list(self._told.characters(*times))
        return list(self._told.words(list(zip(*times, strict=True))))


class UnwrappedStream(StreamWrapper):
    """What `UnwrappedAnswer` gives of a stream. ``kind``: the media type of the sound inside, as far as it is known."""

    def __init__(self, stream: HttpStream, answer: UnwrappedAnswer, name: str, kind: str) -> None:
        super().__init__(stream)
        self._answer = answer
        self._name = name
        self._kind = kind
        self._ready: deque[bytes | Annotation] = deque()
        self._over = False

    @property
    def content_type(self) -> str:
        """That of the sound inside; of an answer that is given as it is, its own."""
        return super().content_type if self._answer.is_bare else self._kind

    async def __anext__(self) -> bytes | Annotation:
        while not self._ready:
            if self._over:
                raise self._answer.failure or StopAsyncIteration
            await self._receive()
        return self._ready.popleft()

    async def _receive(self) -> None:
        chunk = await anext(self._stream, None)
        if chunk is not None:
            assert isinstance(chunk, bytes)
            self._ready.extend(self._answer.feed(chunk))
            if not self._answer.ended:
                return
            await self._rest()
        self._ready.extend(self._answer.finish())
        self._over = True
        for fault in self._answer.faults:
            events.emit(events.Warned, message=f"{self._name}: {fault}")

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_REST_SECONDS):
                while await anext(self._stream, None) is not None:
                    pass
