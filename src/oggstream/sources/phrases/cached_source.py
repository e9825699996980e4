"""A source whose phrases are looked up in a cache first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from ..source import ContextSource, spare_of
from ..traits import traits_of
from ..wrapper import SourceWrapper
from .phrase import phrase_key

if TYPE_CHECKING:
    from ...options import SpeechOptions
    from ..source import ByteStream, Source
    from .phrase_cache import Outcome, PhraseCache


class CachedSource(SourceWrapper):
    """``wrapped``, each of its phrases made once. ``outcomes``: how each piece was found, in the order of opening.

    A source that does not say what its sound depends on, or whose answer does not depend on the text, is asked every
    time.
    """

    def __init__(self, wrapped: Source, cache: PhraseCache) -> None:
        super().__init__(wrapped)
        self._cache = cache
        self.outcomes: list[Outcome] = []

    def opened(self, source: Source, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Open ``source`` unless the phrase is known."""
        return self._opened(source, text, options, "")

    def spare(self) -> Source | None:
        """Where the wrapped source's goes: a second request for a phrase does not wait for the first one."""
        return spare_of(self.wrapped)

    def shares(self, options: SpeechOptions) -> bool:
        """Whether a text that is asked for again with these options is the same sound."""
        return self._sound(options) is not None

    async def kept(self, text: str, options: SpeechOptions) -> bytes | None:
        """The body of a piece with which a speech begins, if it is kept and can be sent on as it is."""
        key = self._key(text, "", options)
        phrase = None if key is None else await self._cache.find(key)
        if phrase is None or not phrase.plain:
            return None
        self.outcomes.append("hit")
        return phrase.body

    def _key(self, text: str, before: str, options: SpeechOptions) -> str | None:
        sound = self._sound(options)
        return None if sound is None else phrase_key(sound, text, before, options)

    def _sound(self, options: SpeechOptions) -> str | None:
        """What the sound depends on beside text and options; None where that is not known."""
        traits = traits_of(self.wrapped)
        return (traits.sound_for(options) or None) if not traits.whole else None

    @asynccontextmanager
    async def _opened(
        self, source: Source, text: str, options: SpeechOptions, before: str
    ) -> AsyncIterator[ByteStream]:
        key = self._key(text, before, options)
        if key is None:
            async with source.open(text, options) as stream:
                yield stream
            return
        async with self._cache.open(key, lambda: source.open(text, options), options.format) as (outcome, stream):
            self.outcomes.append(outcome)
            yield stream

    @asynccontextmanager
    async def _context(self, options: SpeechOptions) -> AsyncIterator[Source]:
        wrapped = self.wrapped
        assert isinstance(wrapped, ContextSource)
        async with wrapped.context(options) as source:
            yield _InContext(self, source)


class _InContext:
    """A context of the wrapped source: a piece sounds different behind another one."""

    def __init__(self, cached: CachedSource, source: Source) -> None:
        self._cached = cached
        self._source = source
        self._before = ""

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        before, self._before = self._before, self._before + text
        return self._cached._opened(self._source, text, options, before)  # noqa: SLF001  # of this module
