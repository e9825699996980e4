"""A service that keeps a context for each speech, and logs its events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from oggstream.options import SpeechOptions
from oggstream.sources.source import ByteStream, Source
from oggstream.sources.traits import SourceTraits
from scripted import ScriptedStream


class ContextService:
    """``log`` says what was entered, opened and left. ``body`` gives the chunks for a context's number and a text.

    An exception among the chunks is raised there; ``entering`` is raised once instead of entering.
    """

    def __init__(self, body: Callable[[int, str], list[bytes | BaseException]] | None = None) -> None:
        self.traits = SourceTraits(name="contexts", keeps_context=True)
        self.log: list[str] = []
        self.entering: list[BaseException] = []
        self.opening: dict[str, BaseException] = {}
        self._body = body or (lambda number, text: [f"{number}:{text}".encode()])
        self._number = 0

    def open(self, text: str, options: SpeechOptions) -> Any:
        raise AssertionError("a piece is opened in a context")

    @asynccontextmanager
    async def context(self, options: SpeechOptions) -> AsyncIterator[Source]:
        if self.entering:
            raise self.entering.pop()
        self._number += 1
        number = self._number
        self.log.append(f"enter {number}")
        try:
            yield _Context(self, number)
        finally:
            self.log.append(f"leave {number}")

    def chunks(self, number: int, text: str) -> list[bytes | BaseException]:
        return self._body(number, text)


class _Context:
    def __init__(self, service: ContextService, number: int) -> None:
        self._service = service
        self._number = number

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        return self._open(text)

    @asynccontextmanager
    async def _open(self, text: str) -> AsyncIterator[ByteStream]:
        self._service.log.append(f"{text} in {self._number}")
        if text in self._service.opening:
            raise self._service.opening.pop(text)
        yield ScriptedStream([(0.0, chunk) for chunk in self._service.chunks(self._number, text)], 0.0)
