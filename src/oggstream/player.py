"""The `Player`: plays speeches one after the other on one device and one connection, and can stop at any time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, Unpack

from .audio.frame import RATE
from .engine.session import Session
from .errors import OggStreamError, UsageError
from .events import Recorder, using
from .options import PlaybackOptions, checked, speech_options
from .parts import borrow, borrow_sinks, cache_named, cached, captions_of, history_of, listener_of, use
from .preloading import preload, prepared
from .rules import number
from .sinks.sink import PreparedSink, traits_of as sink_traits_of
from .sources.resolve_source import coerce as coerce_source
from .sources.wrapper import warm

if TYPE_CHECKING:
    from .audio.ring import PcmRing
    from .engine.caption_file import CaptionFile
    from .options import SpeechKeywords
    from .report import Heard, PlaybackReport
    from .sinks.sink import Sink
    from .types import CacheLike, OnEvent, SinkLike, SourceLike, TextLike

_VOLUME = number(0, 1, none=False)
FADE_WAIT_SECONDS = 0.25  # longest wait for the device to take the fade
LOOK_SECONDS = 0.002


class Speech:
    """One text that a `Player` says: await it for its `PlaybackReport`.

    It raises the same errors as `play_stream`. A speech that was stopped, interrupted or cancelled returns a report
    with ``stopped`` set instead.
    """

    def __init__(self, session: Session, recorder: Recorder, turn: _Turn | None = None) -> None:
        self._session = session
        self._turn = turn  # dropped once it has come, so that earlier speeches are freed
        self._recorder = recorder
        self._begun = self._stopped = False
        self._awaited = False
        with using(recorder):
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._tell_failure)

    def __await__(self) -> Generator[Any, None, PlaybackReport]:
        self._awaited = True
        return asyncio.shield(self._task).__await__()

    def cancel(self) -> None:
        """Fade out and cancel the requests; does nothing once the speech has ended."""
        if not self._task.done():
            self._stopped = True
            if self._begun:  # a task cancelled before it begins never runs, not even its cleanup
                self._task.cancel()

    @property
    def number(self) -> int:
        """The number that its events carry as ``speech``."""
        return self._recorder.speech

    @property
    def done(self) -> bool:
        """Whether the speech has ended: played, stopped or failed."""
        return self._task.done()

    @property
    def position(self) -> int:
        """Samples at 48 kHz heard so far."""
        writer = self._session.outlet.writer
        if writer is None:
            return 0
        return writer.heard(asyncio.get_running_loop().time()) * RATE // writer.ring.rate

    def heard(self) -> Heard:
        """The part of the text that the device has played so far."""
        return self._session.heard()

    @property
    def ring(self) -> PcmRing | None:
        """The ring that the device reads, None before there is audio."""
        return self._session.outlet.ring

    @property
    def rings(self) -> list[PcmRing]:
        """The rings of all sinks that are there."""
        return self._session.rings

    def left(self) -> float:
        """Seconds that were requested and are not heard yet, including those of earlier speeches."""
        return 0.0 if self.done else self._session.requester.reserve()

    async def received(self) -> None:
        """Return when this speech and all before it are completely received, or will receive nothing more."""
        await self._session.received.wait()
        if self._turn is not None:  # cancelled while it waited
            await self._turn.ask()

    async def handed_over(self) -> None:
        """Return when the device has all samples of this speech and of those before it."""
        await self._session.handed_over.wait()
        if self._turn is not None:  # cancelled while it waited
            await self._turn.play()
            self._turn = None

    async def ended(self) -> None:
        """Return when the speech has ended: played, stopped or failed."""
        await asyncio.wait({self._task})

    async def _run(self) -> PlaybackReport:
        self._begun = True
        try:
            return await self._session.run() if not self._stopped else self._stopped_report()
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            return self._stopped_report()
        finally:
            if self.ring is not None:
                self._turn = None
            self._session.leave()
            self._recorder.end()

    def _stopped_report(self) -> PlaybackReport:
        return replace(self._session.report(None), completed=False, stopped=True)

    def _tell_failure(self, task: asyncio.Task[PlaybackReport]) -> None:
        """Log an error that nobody awaits, in one line."""
        if not task.cancelled() and (error := task.exception()) is not None and not self._awaited:
            logging.getLogger("oggstream").error("a speech failed: %s", error)


class _Turn:
    """Makes a speech wait for the one before it: a `Gate`."""

    def __init__(self, before: Speech) -> None:
        self._before = before

    async def ask(self) -> None:
        await self._before.received()

    async def play(self) -> None:
        await self._before.handed_over()

    def left(self) -> float:
        return self._before.left()


class Player:
    """Says one text after the other; an asynchronous context manager that keeps the device and a connection open.

    ``source``, ``sink``, ``options``, ``on_event``, ``cache`` and the other keywords are those of `play_stream`; an
    event's ``at`` counts from the `say` of its speech. Call all methods on the event loop, from any task.
    """

    def __init__(
        self,
        *,
        source: SourceLike = None,
        sink: SinkLike = None,
        options: PlaybackOptions | None = None,
        on_event: OnEvent | None = None,
        cache: CacheLike = None,
        **keywords: Unpack[SpeechKeywords],
    ) -> None:
        self._speech = speech_options("Player", keywords, ("source", "sink", "options", "on_event", "cache"))
        self._given = source, sink
        self._options = checked(options)
        listener_of(on_event)  # refuses what is no function
        self._on_event = on_event
        self._cache = cache_named(cache)
        self._history = history_of(self._options)
        self._stack: AsyncExitStack | None = None
        self._source: Any = None
        self._sinks: Any = None
        self._captions: CaptionFile | None = None
        self._speeches: list[Speech] = []  # in order; ended ones are dropped
        self._paused = False
        self._volume = 1.0

    async def __aenter__(self) -> Self:
        """Make the source and the sink if not given, and begin to open device and connection, without waiting.

        The first time, what a source is made of is imported in a thread before.
        """
        self._stack = AsyncExitStack()
        await prepared(self._given[0])
        await use(self._stack, self._cache)
        self._source = cached(borrow(self._stack, coerce_source(self._given[0])), self._cache)
        self._sinks = borrow_sinks(self._stack, self._given[1], self._options)
        self._captions = captions_of(self._stack, self._options)
        warming = asyncio.get_running_loop().create_task(self._warm())
        self._stack.push_async_callback(_cancelled, warming)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop all speeches, and close the source and the sink if they were made here. May be called twice."""
        if self._stack is not None:
            stack, self._stack = self._stack, None
            try:
                await self._stop()
            finally:
                await stack.aclose()

    def say(self, text: TextLike, *, interrupt: bool = False, **keywords: Unpack[SpeechKeywords]) -> Speech:
        """Say ``text``, which may grow, after the speeches before it, or with ``interrupt`` instead of them.

        The other keywords replace those of the player for this text. It is requested while the speech before it still
        plays, within the same bounds. Raises `UsageError` if the player is not open.
        """
        wanted = speech_options("say", keywords, ("interrupt",), self._speech)
        if self._stack is None:
            raise UsageError("the player is not open: use `async with Player() as player`")
        if interrupt:
            for speech in self._speeches:
                speech.cancel()
        self._speeches = [speech for speech in self._speeches if not speech.done]
        turn = _Turn(self._speeches[-1]) if self._speeches else None
        loop = asyncio.get_running_loop()
        listener = listener_of(self._on_event)
        recorder = Recorder(loop.time, loop.time(), listener)
        session = Session(
            text,
            source=self._source,
            sinks=self._sinks,
            speech=wanted,
            options=self._options,
            recorder=recorder,
            history=self._history,
            gate=turn,
            listener=listener,
        )
        session.on_ring(self._apply)
        if self._captions is not None:
            self._captions.follow(session, recorder, at_once=lambda: sink_traits_of(self._sinks.leader).at_once)
        speech = Speech(session, recorder, turn)
        self._speeches.append(speech)
        return speech

    def pause(self) -> None:
        """Fade out within 5 ms and hold; receiving continues."""
        self._set_paused(paused=True)

    def resume(self) -> None:
        """Continue at the very sample where `pause` stopped."""
        self._set_paused(paused=False)

    @property
    def volume(self) -> float:
        """Linear gain, 0 to 1; a change takes 10 ms. Raises `UsageError` for another value."""
        return self._volume

    @volume.setter
    def volume(self, gain: float) -> None:
        _VOLUME("volume", gain)
        self._volume = gain
        self._apply_to_all()

    @property
    def position(self) -> int:
        """Samples at 48 kHz heard of the current speech; 0 if there is none."""
        current = self._current()
        return current.position if current is not None else 0

    async def stop(self) -> Heard:
        """Stop all speeches, current and queued: fade out, cancel requests; return the heard part of the current one.

        The sound ends within the device's latency and 5 ms. May be called twice, and while a speech begins; with
        nothing to stop it returns an empty `Heard`.
        """
        return await self._stop()

    async def _stop(self) -> Heard:
        current = self._current()
        speeches, self._speeches = self._speeches, []
        for speech in speeches:
            speech.cancel()
        for speech in speeches:
            await speech.ended()
        if current is None:
            from .report import Heard

            return Heard(text="", chars=0, seconds=0.0, exact=True)
        await _silent(current.ring)
        return current.heard()

    def _current(self) -> Speech | None:
        """The speech that plays, or will play next."""
        return next((speech for speech in self._speeches if not speech.done), None)

    def _set_paused(self, *, paused: bool) -> None:
        self._paused = paused
        self._apply_to_all()

    def _apply_to_all(self) -> None:
        for speech in self._speeches:
            for ring in speech.rings:
                self._apply(ring)

    def _apply(self, ring: PcmRing) -> None:
        ring.gain = self._volume
        ring.paused = self._paused

    async def _warm(self) -> None:
        """Load everything, and open the device and a connection ahead of time. The first speech reports any error."""
        await preload(self._given[0])
        await asyncio.gather(*map(_prepared, self._sinks))
        with suppress(OggStreamError):
            await warm(self._source)


async def _prepared(sink: Sink) -> None:
    """Open ``sink``; its first speech tells what is wrong with it."""
    with suppress(OggStreamError):
        if isinstance(sink, PreparedSink):
            await sink.prepare()


async def _silent(ring: PcmRing | None) -> None:
    """Return when the device has taken the fade, or has stopped reading."""
    if ring is None or not ring.playing:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(FADE_WAIT_SECONDS):
            while not ring.done:  # noqa: ASYNC110  # the audio thread wakes nobody
                await asyncio.sleep(LOOK_SECONDS)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
