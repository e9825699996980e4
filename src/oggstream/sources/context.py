"""The context of one speech: entered with its first piece, replaced when it is lost, left with the speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self

from ..errors import OggStreamError, SourceBrokenError
from .source import ContextSource, FinishingSource
from .traits import traits_of

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .source import ByteStream, Source


class SpeechContext:
    """Opens the pieces of one speech in a context of ``source``, or directly if the source has no contexts.

    In a context, pieces are opened one at a time, in the order in which `open` is entered; their bodies may arrive side
    by side, and so may the answers of a source that says ``side_by_side``. When a piece fails with a
    `SourceBrokenError`, the context is lost: it is left, and the next piece enters a new one. Leaving this object
    leaves the context, whatever is under way.
    """

    def __init__(self, source: Source, options: SpeechOptions) -> None:
        self._source = source
        self._options = options
        self._order = asyncio.Lock()
        self._held: _HeldContext | None = None
        self._finished = False
        self._entered = 0  # pieces that were opened, or are about to be
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the context, if one was entered. May be called twice."""
        held, self._held = self._held, None
        if held is not None:
            await held.leave()

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Request ``text``. Passes on the source's errors."""
        traits = traits_of(self._source)
        if isinstance(self._source, ContextSource) and traits.keeps_context:
            self._entered += 1
            self._changed.set()
            return self._open(self._source, text, options, in_order=not traits.side_by_side)
        return self._source.open(text, options)

    async def finish(self, pieces: int) -> None:
        """Tell the context, once ``pieces`` of them were opened, that these are all. Never raises."""
        if not (isinstance(self._source, ContextSource) and traits_of(self._source).keeps_context):
            return
        while self._entered < pieces:
            self._changed.clear()
            await self._changed.wait()
        async with self._order:
            self._finished = True
            if self._held is not None:
                await self._tell(self._held)

    @asynccontextmanager
    async def _open(
        self, source: ContextSource, text: str, options: SpeechOptions, *, in_order: bool
    ) -> AsyncIterator[ByteStream]:
        held = None
        try:
            async with AsyncExitStack() as stack:
                async with self._order:
                    if self._held is None:
                        self._held = _HeldContext(source, self._options)
                        await self._tell(self._held)
                    held = self._held
                    opening = (await self._inside(held)).open(text, options)
                    stream = await stack.enter_async_context(opening) if in_order else None
                yield await stack.enter_async_context(opening) if stream is None else stream
        except SourceBrokenError:
            if held is not None:
                await self._lose(held)
            raise

    async def _inside(self, held: _HeldContext) -> Source:
        try:
            return await held.source()
        except OggStreamError:
            await self._lose(held)
            raise

    async def _tell(self, held: _HeldContext) -> None:
        """Tell a context that no more pieces will be asked for, if that is so."""
        if self._finished:
            with suppress(OggStreamError):
                inner = await held.source()
                if isinstance(inner, FinishingSource):
                    await inner.finish()

    async def _lose(self, held: _HeldContext) -> None:
        if self._held is held:
            self._held = None
        await held.leave()


class _HeldContext:
    """A context that one task enters and leaves: cancel scopes inside must not be left by another task."""

    def __init__(self, source: ContextSource, options: SpeechOptions) -> None:
        self._over = asyncio.Event()
        self._entered: asyncio.Future[Source] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(source, options))

    async def source(self) -> Source:
        """Wait until the context is entered; return its source. Passes on the errors of entering."""
        return await asyncio.shield(self._entered)

    async def leave(self) -> None:
        """Leave the context, whatever it waits for; return when it is left."""
        self._over.set()
        if not self._entered.done():
            self._task.cancel()
        await asyncio.wait({self._task})

    async def _hold(self, source: ContextSource, options: SpeechOptions) -> None:
        try:
            async with source.context(options) as inner:
                self._entered.set_result(inner)
                await self._over.wait()
        except OggStreamError as error:
            if not self._entered.done():
                self._entered.set_exception(error)
                self._entered.exception()  # retrieved, in case that nobody waits for it
            # An error on leaving is ignored: the speech is over, or has lost the context.
        finally:
            self._entered.cancel()  # for waiting tasks, when this one is cancelled
