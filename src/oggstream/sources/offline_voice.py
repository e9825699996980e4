"""The voice without a key: espeak-ng in a thread of this process."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from .. import events
from .traits import SourceTraits

if TYPE_CHECKING:
    from ..annotations import Annotation, Word
    from ..options import SpeechOptions
    from .source import ByteStream


LONGEST_TEXT = 4096
"""The most characters of one request."""


class OfflineVoice:
    """Speaks with espeak-ng. Its streams give each word with the sample at which it begins.

    ``voice`` is one of OpenAI's names and applies if `SpeechOptions` name none. An unknown voice is replaced by the
    default one, with a warning; model and instructions are ignored. It keeps nothing open.
    """

    def __init__(self, *, voice: str | None = None) -> None:
        self._voice = voice

    def __repr__(self) -> str:
        return f"OfflineVoice(voice={self._voice!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Speak ``text``. Raises `TextError`, `UsageError`, and `LibraryError` without espeak-ng or libopus.

        Leaving, or cancelling at any point, ends the synthesis within a few ms.
        """
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        from ..voices.bodies import CONTENT_TYPES
        from ..voices.synthesis import speak
        from .openai_api import check_text

        check_text(text, LONGEST_TEXT)
        voice = _known_voice(options.voice or self._voice)
        format = "opus" if options.format == "auto" else options.wire_format  # noqa: A001 - the word of the option
        items = speak(text, voice=voice, speed=1.0 if options.speed is None else options.speed, format=format)
        async with aclosing(items):
            events.emit(events.RequestSent, characters=len(text))
            first = await anext(items)  # an error of the library is raised here
            stream = _Speech(first, items, CONTENT_TYPES[format])
            events.emit(events.ResponseStarted, content_type=stream.content_type, request_id=stream.request_id)
            yield stream

    @property
    def traits(self) -> SourceTraits:
        """Its traits. They list no formats, because trying another one than Opus gains nothing."""
        return SourceTraits(name="offline", longest_text=LONGEST_TEXT, words=True, identity=self._identity)

    def _identity(self, options: SpeechOptions) -> str:
        """The voice: its key in the history."""
        return f"offline||{options.voice or self._voice or ''}"

    async def warm(self) -> None:
        """Load the libraries. Raises `LibraryError`."""
        from ..voices.synthesis import load

        await load()

    async def aclose(self) -> None:
        """Does nothing: no speech leaves anything open."""


class _Speech:
    """The body of one speech, with its words between the bytes."""

    def __init__(self, first: bytes | Word, items: AsyncGenerator[bytes | Word, None], content_type: str) -> None:
        self._first: bytes | Word | None = first
        self._items = items
        self.content_type = content_type
        self.request_id: str | None = f"req_{os.urandom(16).hex()}"

    def __aiter__(self) -> _Speech:
        return self

    async def __anext__(self) -> bytes | Annotation:
        first, self._first = self._first, None
        return await anext(self._items) if first is None else first


def _known_voice(voice: str | dict[str, str] | None) -> str:
    """The name of an existing voice for the requested one."""
    from ..voices.espeak_voices import DEFAULT_VOICE, VOICES

    if voice is None:
        return DEFAULT_VOICE
    name = voice.get("id", "") if isinstance(voice, dict) else voice
    if name in VOICES:
        return name
    message = f"the offline voice has no {name!r} and speaks as {DEFAULT_VOICE!r}; it has {', '.join(VOICES)}"
    events.emit(events.Warned, message=message)
    return DEFAULT_VOICE
