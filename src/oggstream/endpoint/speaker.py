"""Speaks for the endpoint: one source, behind the names of voices and models that clients know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import OggStreamError
from ..history import History
from ..options import PlaybackOptions, SpeechOptions
from ..parts import cached
from ..preloading import prepared
from ..sources.source import ListingSource, WarmSource
from ..sources.traits import traits_of
from ..threads import in_thread
from .formats import load_formats, stream_bytes
from .speech_events import speech_events
from .speech_request import RefusedError, SpeechRequest
from .voice_names import VoiceNames

if TYPE_CHECKING:
    from ..events import Event
    from ..player import Player
    from ..sinks.sink import Sink
    from ..sources.phrases.phrase_cache import PhraseCache
    from ..sources.source import Source

MODELS = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
"""OpenAI's: whoever asks for one of them means the usual model of the source."""
TURN_SECONDS = 600.0
"""Longest that a speech waits for its turn at the voice of this machine, once others have theirs."""
LIST_SECONDS = 10.0
"""For a service to list its voices."""

Send = Callable[[bytes], Awaitable[object]]
"""Takes the next bytes."""

log = logging.getLogger(__name__)


class Speech(NamedTuple):
    """A speech that can be read, and what its answer says of it."""

    parts: AsyncGenerator[bytes, None]
    headers: dict[str, str]
    source: object
    """Whose ``outcomes`` tell what a cache made of it."""
    length: int | None = None
    """The bytes of a body that is there: nothing has to be made."""
    relay: Callable[[Send], Awaitable[bool]] | None = None
    """A shorter way to the same bytes, to be tried first."""
    common: bool = False
    """Whether it may be made once for all who ask for the same."""

    async def give(self, send: Send) -> None:
        """Give ``send`` all bytes, by the shorter way where there is one."""
        if self.relay is not None and await self.relay(send):
            return
        async with aclosing(self.parts) as parts:
            async for part in parts:
                await send(part)

    @property
    def outcomes(self) -> Sequence[str]:
        """What the cache made of its pieces so far, if there is one."""
        return getattr(self.source, "outcomes", ())

    def headers_now(self) -> dict[str, str]:
        """Those headers, and once there is sound: whether its beginning was in the cache, or is shared."""
        return {**self.headers, **({"X-Cache": self.outcomes[0]} if self.outcomes else {})}


class Speaker:
    """Makes speeches of ``source``. ``voices``: names that clients use, and the source's voices that they mean.

    `prepare` before the first speech; the source stays its maker's.
    """

    def __init__(
        self,
        source: Source,
        *,
        voices: Mapping[str, str] | None = None,
        options: PlaybackOptions | None = None,
        cache: PhraseCache | None = None,
    ) -> None:
        self._source = source
        self._cache = cache
        self._mapped = voices
        self._options = _without_a_file(options or PlaybackOptions())
        if traits_of(source).nearby:  # its silence is that of others' turns; and each speech has one turn
            self._options = replace(
                self._options, requests=1, first_byte_timeout=TURN_SECONDS, stall_timeout=TURN_SECONDS
            )
        self.voices = self._names(())

    @property
    def name(self) -> str:
        """Of the source."""
        return traits_of(self._source).name

    @property
    def models(self) -> list[str]:
        """The models that may be asked for, the usual one first."""
        own = traits_of(self._source).model
        return list(dict.fromkeys((own or self.name, *MODELS)))

    async def prepare(self) -> None:
        """Warm the source, ask for its voices, and load what speeches are made with. Raises `LibraryError`, as the
        source's `warm` does.
        """
        parts = [self._list(), prepared(self._source), in_thread(load_formats)]
        others = asyncio.gather(*parts, *([self._cache.warm()] if self._cache is not None else []))
        try:
            if isinstance(self._source, WarmSource):
                await self._source.warm()
            await others
        finally:
            others.cancel()
            await asyncio.gather(others, return_exceptions=True)

    def speech(self, wanted: SpeechRequest, on_event: Callable[[Event], object] | None = None) -> Speech:
        """What is asked for; ``on_event`` is called for each event. Raises `RefusedError` for what cannot be."""
        speech, headers = self.choose(wanted)
        source = cached(self._source, self._cache)
        parts = stream_bytes(wanted.text, source, wanted.format, self._options, speech, on_event)
        if wanted.stream_format == "sse":
            parts = speech_events(parts, len(wanted.text))
        relay, common = self._relay(wanted, source, speech, on_event), self._is_common(source, speech)
        return Speech(parts, headers, source, relay=relay, common=common)

    def _is_common(self, source: Source, speech: SpeechOptions) -> bool:
        if self._cache is None:
            return False
        from ..sources.phrases.cached_source import CachedSource

        return isinstance(source, CachedSource) and source.shares(speech)

    def _relay(
        self, wanted: SpeechRequest, source: Source, speech: SpeechOptions, on_event: Callable[[Event], object] | None
    ) -> Callable[[Send], Awaitable[bool]] | None:
        if wanted.format != "opus" or wanted.stream_format != "audio":
            return None
        from ..relay import relay_of

        relay = relay_of(wanted.text, source, self._options, speech)
        return None if relay is None else partial(relay.send, on_event=on_event)

    def player(self, sink: Sink) -> Player:
        """What speaks on ``sink`` as the speeches do; its maker closes it."""
        from ..player import Player

        return Player(source=self._source, sink=sink, options=self._options, cache=self._cache)

    async def kept(self, wanted: SpeechRequest) -> Speech | None:
        """The same, if all of it is in the cache and can be sent as it is."""
        if self._cache is None or wanted.format != "opus" or wanted.stream_format != "audio":
            return None
        from ..sources.phrases.cached_source import CachedSource
        from ..speaking import script_of

        speech, headers = self.choose(wanted)
        source = CachedSource(self._source, self._cache)
        piece = script_of(wanted.text, source, speech, self._options).only
        body = None if piece is None else await source.kept(piece.text, speech)
        return None if body is None else Speech(_one(body), headers, source, len(body))

    def choose(self, wanted: SpeechRequest) -> tuple[SpeechOptions, dict[str, str]]:
        """How to ask the source for it, and the headers that say what was chosen. Raises `RefusedError`."""
        choice = self.voices.choose(wanted.voice)
        model, known = self._model(wanted.model)
        if wanted.strict and not choice.known:
            raise _unknown("voice", wanted.voice or "", self.voices.all)
        if wanted.strict and not known:
            raise _unknown("model", wanted.model or "", self.models)
        samples = wanted.format != "opus" and traits_of(self._source).nearby  # nothing is encoded to be decoded again
        speech = SpeechOptions(
            format="wav" if samples else "auto",
            voice=choice.voice,
            model=model,
            instructions=wanted.instructions,
            speed=wanted.speed,
            language=wanted.language,
        )
        headers = {}
        if wanted.voice is not None and choice.voice != wanted.voice:
            headers["X-Oggstream-Voice"] = _header(choice.voice or "default")
        if not known:
            headers["X-Oggstream-Model"] = _header(self.models[0])
        return speech, headers

    def _model(self, name: str | None) -> tuple[str | None, bool]:
        """The model to ask the source for (None: its usual one), and whether ``name`` is known."""
        traits = traits_of(self._source)
        if name is None or name == traits.model:
            return name, True
        if traits.openai_names:
            return name, True
        return None, name in self.models

    async def _list(self) -> None:
        if not isinstance(self._source, ListingSource):
            return
        with suppress(TimeoutError):
            try:
                async with asyncio.timeout(LIST_SECONDS):
                    found = await self._source.voices()
            except OggStreamError as error:
                log.info("the voices of %s are not known: %s", self.name, error)
            else:
                self.voices = self._names([info.id for info in found])

    def _names(self, known: list[str] | tuple[()]) -> VoiceNames:
        return VoiceNames(known, self._mapped, takes_openai=traits_of(self._source).openai_names)


def _without_a_file(options: PlaybackOptions) -> PlaybackOptions:
    """What is learnt of the source is kept for as long as the server lives, but for a file that was named.

    The usual file is read, locked and written with every speech: many at once would wait for each other.
    """
    history: Any = History(None)
    return replace(options, history=history) if options.history == "default" else options


async def _one(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _header(name: str) -> str:
    """A name as the value of a header, which takes no other letters."""
    return name.encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")


def _unknown(param: str, name: str, known: list[str]) -> RefusedError:
    names = ", ".join(f"'{one}'" for one in known[:50])
    if param == "model":
        message = f"The model '{name}' does not exist. Models are: {names}."
        return RefusedError(message, status=404, param="model", code="model_not_found")
    return RefusedError(
        f"Invalid value: '{name}'. Supported values for '{param}' are: {names}.", param=param, code="invalid_value"
    )
