"""What the public functions accept, for type checkers and for signatures of your own around them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias, Union

from .events import OnEvent
from .options import SpeechKeywords
from .sinks.sink import Sink
from .sources.phrases.phrase_cache import PhraseCache
from .sources.source import Source

__all__ = ["AudioBytes", "CacheLike", "OnEvent", "SinkLike", "SourceLike", "SpeechClient", "SpeechKeywords", "TextLike"]


class ModelEvent(Protocol):
    """An item of a model's stream, as the packages of the services make them: a model of pydantic."""

    def model_dump(self) -> dict[str, Any]:
        """Its fields."""
        ...


class SpeechClient(Protocol):
    """An ``openai.AsyncOpenAI`` or ``AsyncAzureOpenAI``."""

    @property
    def audio(self) -> Any:
        """Its endpoints for speech."""
        ...

    @property
    def base_url(self) -> Any:
        """Its endpoint."""
        ...


class _AsyncReader(Protocol):
    async def read(self, size: int, /) -> bytes: ...


class _Response(Protocol):
    def iter_bytes(self) -> Iterable[bytes] | AsyncIterable[bytes]: ...


TextLike: TypeAlias = (
    str | Iterable[str] | Iterable[ModelEvent] | Iterable[Mapping[str, Any]] | AsyncIterable[Any]  # a model's stream
)
"""A text: a str, or pieces of text, or the stream of a model, each asynchronous or not."""

AudioBytes: TypeAlias = (
    bytes | bytearray | memoryview | Iterable[bytes] | AsyncIterable[Any] | BinaryIO | _AsyncReader | _Response
)
"""The bytes of one body of audio, at once or as they come."""

SourceLike: TypeAlias = Union[  # it contains itself
    Source,
    str,
    "os.PathLike[str]",
    SpeechClient,
    AudioBytes,
    "Sequence[SourceLike]",
    None,
]
"""What makes the speech: see docs/services.md."""

OneSinkLike: TypeAlias = Sink | Literal["device", "null"] | str | None  # noqa: PYI051  # editors offer the two
"""One place where the sound goes."""

SinkLike: TypeAlias = OneSinkLike | Sequence[OneSinkLike]
"""Where the sound goes: one place, or a list of them."""

CacheLike: TypeAlias = Union[PhraseCache, "os.PathLike[str]", str, None]
"""Where phrases are kept: a folder, "memory", or "none"."""
