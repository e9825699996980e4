"""One speech over HTTP: each piece is asked for with what was spoken before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ..wrapper import StreamWrapper
from .speech_memory import SpeechMemory, SpokenBefore, fields_of

if TYPE_CHECKING:
    from ...annotations import Annotation
    from ...options import SpeechOptions
    from ..source import ByteStream
    from .service_source import ServiceSource


class SpeechSource:
    """The pieces of one speech by ``source``. ``before``: what its service takes of it, see ``services.toml``."""

    def __init__(self, source: ServiceSource, before: Mapping[str, Any], *, model: str | None) -> None:
        self._source = source
        self._before = before
        self._model = model
        self._memory = SpeechMemory()

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text``, which follows what was asked for so far. Raises as `ServiceSource.open` does."""
        piece, before = self._memory.ask(text)
        fields: dict[str, Any] = {}
        model = options.model or self._model or ""
        if not any(fnmatchcase(model, pattern) for pattern in self._before.get("except", ())):
            fields = fields_of(before, self._before.get("characters", 0), self._before.get("requests", 0))
        return self._open(piece, fields, text, options)

    @asynccontextmanager
    async def _open(
        self, piece: SpokenBefore, fields: Mapping[str, Any], text: str, options: SpeechOptions
    ) -> AsyncIterator[ByteStream]:
        async with self._source.open_after(fields, text, options) as stream:
            piece.request_id = stream.request_id
            yield _Noted(stream, piece)


class _Noted(StreamWrapper):
    """A stream that notes when all of it has come."""

    def __init__(self, stream: ByteStream, piece: SpokenBefore) -> None:
        super().__init__(stream)
        self._piece = piece

    async def __anext__(self) -> bytes | Annotation:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            self._piece.complete = True
            raise
