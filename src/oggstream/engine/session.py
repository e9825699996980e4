"""One speech, from the first request to the last sample heard."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, Protocol

from ..errors import OggStreamError
from ..events import Event, Recorder, RequestSent, Retrying, Started, WordStarted
from ..sinks.sink import traits_of as sink_traits_of
from ..sinks.turn import turn_on
from ..sources.context import SpeechContext
from ..sources.traits import traits_of
from ..tracing import speech_span
from .account import Account
from .loading import load_arrays
from .logs import log_events, log_report
from .memory import Memory
from .output.playbacks import Playbacks
from .output.watch import Watch
from .requests.requester import Requester
from .requests.saying import replacements_of
from .requests.script import Script, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..audio.ring import PcmRing
    from ..history import History
    from ..options import PlaybackOptions, SpeechOptions
    from ..playout.habits import Habits
    from ..report import Heard, PlaybackReport
    from ..sinks.sink import SinkFormat
    from ..sinks.sink_list import SinkList
    from ..sources.source import Source
    from .listening import Listener
    from .segment import Segment


QUIET_SECONDS = 0.3
"""Seconds without a sound after which numpy is loaded. A voice of this machine needs the processor for itself sooner,
and a service that answers later keeps nobody waiting with it."""


class Gate(Protocol):
    """Makes a speech wait for the one before it."""

    async def ask(self) -> None:
        """Return when its text may be requested."""

    async def play(self) -> None:
        """Return when its playback may begin."""

    def left(self) -> float:
        """Seconds of the speeches before it that are not heard yet."""


class Session:
    """Speaks one text once.

    One task requests the text piece by piece, and starts a task per piece that receives and decodes it; another opens
    the sink, keeps the ring full, and waits for the end; further sinks have a task each. When the leading sink fails,
    everything ends at once, when another one fails, it is left out; when the source fails, the received audio is played
    first. ``account`` and ``listener`` may already listen to ``recorder``. ``gate`` puts speeches in order.
    """

    def __init__(
        self,
        text: Text,
        *,
        source: Source,
        sinks: SinkList,
        speech: SpeechOptions,
        options: PlaybackOptions,
        recorder: Recorder,
        account: Account | None = None,
        history: History | None = None,
        gate: Gate | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._source = source
        self._sinks = sinks
        self._speech = speech
        self._memory = Memory(history, source, speech)
        self._recorder = recorder
        self._gate = gate
        self._listener = listener
        self._account = account or Account(recorder)  # first: a source may warn when its traits are first read
        self._playbacks = Playbacks(sinks, options, recorder, self._learnt_before, speech.speed or 1.0)
        self._leader = self._playbacks.leader
        self.outlet = self._leader.outlet
        traits = traits_of(source)
        self.script = Script(
            text,
            options,
            whole=traits.whole,
            rate=self._leader.pacing.usual_rate,
            limit=traits.longest_text,
            ssml=traits.ssml,
            language=speech.language,
            replacements=replacements_of(options, speech, traits),
            first_cut=traits.first_cut,
        )
        self._context = SpeechContext(source, speech)
        self.requester = Requester(
            self.script,
            source=source,
            context=self._context,
            speech=speech,
            options=options,
            outlet=self._playbacks.outlet,
            recorder=recorder,
        )
        self.requester.on_segment = self._follow
        self._watch = Watch(recorder)
        self._request_out = asyncio.Event()
        self._sounding = asyncio.Event()  # playback has begun
        self._asked: float | None = None  # when the first request went out
        self._wait: float | None = None  # seconds from then until playback could begin
        self.received = asyncio.Event()  # everything is received, or nothing more will be
        self.handed_over = self._leader.handed_over  # the device has all samples, or will get no more
        recorder.listen(self._note)

    async def run(self) -> PlaybackReport:
        """Speak, and return the report when the last sample has been heard.

        The source's context, if it has one, is left last, after the sound has ended.

        Raises the errors of the source, the reader and the sink (each an `OggStreamError`) and those of the iterator
        of text, all with ``report`` and ``unspoken`` set, and those of the listener. Cancelling stops the sound (a fade
        of 5 ms), closes the response and leaves no task behind.
        """
        log_events(self._recorder)
        sinks = ", ".join(sink_traits_of(sink).name for sink in self._sinks)
        try:
            with speech_span(self._recorder, traits_of(self._source).name, sinks):
                async with self._context:
                    report = await self._run()
        except BaseException as error:
            if (told := getattr(error, "report", None)) is not None:  # of an error, or of a stop
                log_report(self._recorder.speech, told)
            raise
        log_report(self._recorder.speech, report)
        return report

    async def _run(self) -> PlaybackReport:
        try:
            await self._speak_and_tell()
        except BaseExceptionGroup as failures:
            self._silence()
            self._failed(first_failure(failures))
        except asyncio.CancelledError as cancelled:
            self._silence()
            self._watch.conclude(self.outlet)
            # For the command line, which prints it: this very exception reaches the cancelled task.
            cancelled.report = replace(self.report(None), completed=False, stopped=True)  # type: ignore[attr-defined]
            raise
        except BaseException:
            self._silence()
            raise
        finally:
            self.leave()
            self._memory.keep(self.requester, self._leader.pacing.policy.learnt(), self._wait)
            failure = self.requester.failure or self.script.failure
            self._release()
        if failure is not None:
            try:
                self._failed(failure)
            finally:
                del failure  # it refers to this frame
        return self.report(None)

    async def _speak_and_tell(self) -> None:
        """Speak, and hand all events to the listener; what that raises ends the speech."""
        if self._listener is None:
            await self._speak()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listener.run())
            await self._speak()
            self._listener.end()

    async def _speak(self) -> None:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self.script.read())
            playing = group.create_task(self._play(group))
            group.create_task(self._ask(group, reading))
            group.create_task(self._leave_when_silent(playing))

    def _silence(self) -> None:
        """Fade out this speech; further sinks do that when their tasks end."""
        self._leader.silence()

    def leave(self) -> None:
        """Let the next speech proceed, however this one ended."""
        self.received.set()
        self.handed_over.set()
        if self._listener is not None:
            self._listener.close()
        self._gate = None  # it holds the speech before, and that the one before it

    def _release(self) -> None:
        """Break the reference cycles, so that the ring is freed together with the speech."""
        self.requester.release()
        self._playbacks.forget()

    @property
    def rings(self) -> list[PcmRing]:
        """The rings that are there, of all sinks."""
        return self._playbacks.rings

    def on_ring(self, apply: Callable[[PcmRing], None]) -> None:
        """Call ``apply`` with each ring before its sink gets it."""
        self._playbacks.on_ring(apply)

    def report(self, error: BaseException | None) -> PlaybackReport:
        """The report of the current state."""
        return self._account.report(
            characters=self.script.length,
            source=self._source,
            leader=self._leader,
            followers=self._playbacks.followers,
            requester=self.requester,
            error=error,
        )

    def heard(self) -> Heard:
        """The part of the text that the device has played."""
        from .heard import heard

        return heard(self.script.text, self.requester.segments, self.outlet)

    def _learnt_before(self) -> Habits | None:
        return self._memory.habits

    def _note(self, event: Event) -> None:
        if isinstance(event, RequestSent):
            self._request_out.set()
            self._asked = event.at if self._asked is None else self._asked
        elif isinstance(event, Started):
            self._sounding.set()
            self._wait = None if self._asked is None else event.at - self._asked
        elif isinstance(event, Retrying):
            self.requester.refusal(event.reason)
        elif isinstance(event, WordStarted):
            self._playbacks.tell(event)

    def _follow(self, segment: Segment) -> None:
        self._watch.follow(segment)
        self._playbacks.expect(len(segment.text), more=not self.script.complete)

    async def _ask(self, group: asyncio.TaskGroup, reading: asyncio.Task[None]) -> None:
        if self._gate is not None:
            await self._gate.ask()
            self.requester.before = self._gate.left
        await self.requester.run(group, self._request_out.set)
        reading.cancel()  # after a failure, nothing uses the text
        await self.requester.finished.wait()
        self.received.set()

    async def _leave_when_silent(self, playing: asyncio.Task[None]) -> None:
        """If there is nothing to play, do not wait for a device that may be slow to open."""
        await self.outlet.settled.wait()
        if self.outlet.ring is None:
            playing.cancel()
            self._playbacks.cancel()

    async def _play(self, group: asyncio.TaskGroup) -> None:
        # The request goes first: opening a device and loading libopus would slow it down.
        await self._request_out.wait()
        samples = self.requester.expects_samples
        self._playbacks.prepare(group, samples=samples)
        sink_format = await self._leader.prepare(samples=samples)
        if self._gate is not None:
            await self._gate.play()
        async with turn_on(*self._sinks):
            self._playbacks.begin()
            try:
                await self._sound(group, sink_format)
            except asyncio.CancelledError:
                self._silence()  # at once: a source may take its time to close
                raise
            await self._playbacks.finish()

    async def _sound(self, group: asyncio.TaskGroup, sink_format: SinkFormat) -> None:
        self.outlet.attach(sink_format)
        loading = group.create_task(self._load_rest())
        try:
            await self._leader.fill(self._watch)
        finally:
            loading.cancel()
        await self._leader.drain(self._watch)

    async def _load_rest(self) -> None:
        """Load numpy once sound has begun, or when it is long in coming."""
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIET_SECONDS):
                await self._sounding.wait()
        await load_arrays()

    def _failed(self, error: BaseException) -> NoReturn:
        """Raise ``error``, a single exception, with the report and the text that was not spoken."""
        own = self.script.failure
        if isinstance(error, OggStreamError) or error is own:
            with suppress(AttributeError):  # some foreign exceptions take no attributes
                error.report = self.report(error)  # type: ignore[attr-defined]
                error.unspoken = self._unspoken()  # type: ignore[attr-defined]
        self.script.failure = None
        try:
            raise error from error.__cause__
        finally:
            del error, own  # they refer to this frame

    def _unspoken(self) -> str:
        """The text after the heard part, from the start of a word; an estimate repeats a word rather than skip one."""
        spoken = self.heard()
        text = self.script.text
        if spoken.exact:
            return text[spoken.chars :]
        from ..text.word_borders import word_start

        return text[word_start(text, spoken.chars) :]


def first_failure(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that came first in a group, however deep it lies."""
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
