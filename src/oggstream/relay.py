"""A text of one piece, sent on as pages of Ogg Opus as its answer comes: one request, one reader, one writer.

What a longer text needs, and what a failed request needs before its first sound, is the engine's: `relay` then leaves
the speech to it. Without all that, the first page leaves a millisecond earlier, and a stream takes less of a core.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from .engine.item_bytes import SpeechPages
from .engine.logs import log_events
from .engine.memory import Memory
from .engine.requests.format_choice import FormatChoice
from .engine.requests.in_flight import in_flight_of
from .engine.requests.intake import Intake
from .engine.requests.remedy import Case, Remedy, remedy_for
from .errors import OggStreamError
from .events import Recorder, using
from .parts import history_of
from .sources.asking import Asking, telling
from .sources.source import SubstitutingSource
from .sources.traits import formats_for, traits_of
from .sources.wrapper import SourceWrapper
from .speaking import script_of
from .tracing import speech_span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .events import Event
    from .options import PlaybackOptions, SpeechOptions
    from .sources.source import Source

_otherwise: WeakSet[Source] = WeakSet()
"""Sources that did not deliver Opus: the engine knows how to ask them."""


class Relay(NamedTuple):
    """A piece of text, and how its only request is made."""

    text: str
    source: Source
    options: PlaybackOptions
    speech: SpeechOptions
    formats: FormatChoice

    async def send(
        self, send: Callable[[bytes], Awaitable[object]], on_event: Callable[[Event], object] | None = None
    ) -> bool:
        """Ask for the text and give the pages to ``send``, each as it is made; ``on_event`` is called for each event.

        False: there is no sound, and the engine may get some. Raises what the source and ``send`` raise. Cancelled, it
        closes the response.
        """
        clock = asyncio.get_running_loop().time
        recorder = Recorder(clock, clock(), on_event)
        log_events(recorder)
        intake = self._intake()
        flight = in_flight_of(self.source)
        try:
            span = speech_span(recorder, traits_of(self.source).name)
            with using(recorder), span, telling(Asking()), flight.request():
                await self._pass(intake, send)
        except OggStreamError as error:
            if not intake.audio_began and self._is_the_engines(error, ours=flight.others()):
                return False
            raise
        return True

    async def _pass(self, intake: Intake, send: Callable[[bytes], Awaitable[object]]) -> None:
        pages = SpeechPages()
        async with aclosing(intake.batches(self.source, self.text, self.speech)) as batches:
            async for items in batches:
                while items:
                    some, items = items[: pages.at_once], items[pages.at_once :]  # noqa: PLW2901  # in portions
                    for page in pages.add(0, some):
                        await send(page)
        for page in pages.finish():
            await send(page)

    def _intake(self) -> Intake:
        traits = traits_of(self.source)
        return Intake(self.options, wanted=None if traits.samples_known else self.speech.format, name=traits.name)

    def _is_the_engines(self, error: OggStreamError, *, ours: bool) -> bool:
        """Whether another request may do what this one did not."""
        name = self.speech.format
        case = Case(
            received=False,
            attempts=1,
            elsewhere=isinstance(self.source, SubstitutingSource) and self.source.another(error),
            other_format=self.formats.other(name) is not None,
            proven=self.formats.is_proven(name),
            ours=ours,
        )
        remedy = remedy_for(error, case)
        if remedy is Remedy.OTHER_FORMAT:
            with suppress(TypeError):  # no weak references or no hash
                _otherwise.add(_innermost(self.source))
        return remedy is not Remedy.END


def relay_of(text: str, source: Source, options: PlaybackOptions, speech: SpeechOptions) -> Relay | None:
    """How ``text`` can be relayed; None where that takes the engine: more than a piece, a context, a second request,
    samples. Raises what `script_of` raises.
    """
    traits = traits_of(source)
    if options.hedge or isinstance(options.history, str | PathLike):  # what is learnt of the service is to be kept
        return None
    if traits.keeps_context or traits.whole or traits.nearby or _is_otherwise(source):
        return None
    known = formats_for(source, speech)
    formats = FormatChoice(speech.format, traits, known, Memory(history_of(options), source, speech).habits)
    wanted = formats.opening()
    if wanted not in ("auto", "opus") or known[:1] not in ((), ("opus",)):
        return None
    piece = script_of(text, source, speech, options).only
    if piece is None or piece.spelled:
        return None
    return Relay(piece.text, source, options, replace(speech, format=wanted), formats)


def _is_otherwise(source: Source) -> bool:
    try:
        return _innermost(source) in _otherwise
    except TypeError:
        return False


def _innermost(source: Source) -> Source:
    while isinstance(source, SourceWrapper):
        source = source.wrapped
    return source
