"""The voice without a key: an engine on this machine, in a process of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from .. import events
from .traits import SourceTraits

if TYPE_CHECKING:
    from ..annotations import Annotation
    from ..options import SpeechOptions
    from ..voice.engine import VoiceInfo
    from ..voice.speech import SpeechItem
    from .source import ByteStream


LONGEST_TEXT = 4096
"""The most characters of one request."""


class OfflineVoice:
    """Speaks with the voices of this machine. Its streams give words and their times where the engine tells them.

    ``engine`` is "auto" (the language of the text decides), "hibari", "espeak", "piper", "kokoro", or one that another
    package brings. ``voice`` is one of OpenAI's names or an id that `voices` lists, and applies if `SpeechOptions` name
    none. An unknown voice is replaced by the usual one, an engine that fails or does not speak the language by the next
    one, each with a warning; model and instructions are ignored. Raises `UsageError` for an unknown engine.
    """

    def __init__(self, engine: str = "auto", voice: str | None = None) -> None:
        if engine != "auto":
            from ..voice.registry import engine_info

            engine_info(engine)
        self._engine = engine
        self._voice = voice

    def __repr__(self) -> str:
        return f"OfflineVoice(engine={self._engine!r}, voice={self._voice!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Speak ``text``. Raises `TextError`, `UsageError`, and `LibraryError` where nothing here can speak it.

        Leaving, or cancelling at any point, ends the synthesis.
        """
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        from ..voice.bodies import CONTENT_TYPES
        from ..voice.synthesis import speak
        from .openai_api import check_text

        check_text(text, LONGEST_TEXT)
        format = "opus" if options.format == "auto" else options.wire_format  # noqa: A001 - the word of the option
        items = speak(
            text,
            voice=self._voice_of(options),
            speed=1.0 if options.speed is None else options.speed,
            format=format,
            engine=self._engine,
            language=options.language,
        )
        async with aclosing(items):
            events.emit(events.RequestSent, characters=len(text))
            stream = _Speech(items, CONTENT_TYPES[format])
            await stream.begin()  # an error of the engine is raised here
            events.emit(events.ResponseStarted, content_type=stream.content_type, request_id=stream.request_id)
            yield stream

    @property
    def traits(self) -> SourceTraits:
        """Its traits. They list no formats, because trying another one than Opus gains nothing."""
        return SourceTraits(
            name="offline",
            longest_text=LONGEST_TEXT,
            words=True,
            nearby=True,
            openai_names=True,
            identity=self._identity,
            sound=self._sound,
        )

    def _identity(self, options: SpeechOptions) -> str:
        """The engine and the voice: its key in the history."""
        engine = "" if self._engine == "auto" else self._engine
        return f"offline|{engine}|{self._voice_of(options) or ''}"

    def _sound(self, options: SpeechOptions) -> str:
        """The same, and which engines there are, in which version of this package."""
        from .. import __version__
        from ..voice.registry import engines_here

        return f"{self._identity(options)}|{engines_here(self._engine)}|{__version__}"

    def _voice_of(self, options: SpeechOptions) -> str | None:
        voice = options.voice or self._voice
        return voice.get("id", "") if isinstance(voice, dict) else voice

    async def voices(self) -> list[VoiceInfo]:
        """The voices of this machine, or of the engine that was named. Raises `LibraryError` without any."""
        from ..voice.listing import voices_here

        return await voices_here(self._engine)

    async def warm(self) -> None:
        """Start the engine and let it load. Raises `LibraryError`."""
        from ..voice.synthesis import load

        await load(self._engine)

    async def aclose(self) -> None:
        """Does nothing: the engine's process stays for the next speech, and ends with this one."""


class _Speech:
    """The body of one speech, with its words between the bytes."""

    def __init__(self, items: AsyncGenerator[SpeechItem, None], content_type: str) -> None:
        self._first: bytes | Annotation | None = None
        self._items = items
        self.content_type = content_type
        self.request_id: str | None = f"req_{os.urandom(16).hex()}"

    async def begin(self) -> None:
        """Wait for the first item."""
        self._first = await anext(self)

    def __aiter__(self) -> _Speech:
        return self

    async def __anext__(self) -> bytes | Annotation:
        from ..voice.speech import Notice

        first, self._first = self._first, None
        if first is not None:
            return first
        while isinstance(item := await anext(self._items), Notice):
            events.emit(events.Warned, message=item.warning)
        return item
