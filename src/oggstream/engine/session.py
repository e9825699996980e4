"""One utterance, from the request to the last sample heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from ..audio.frame import RATE
from ..errors import OggStreamError
from ..events import Event, Recorder, RequestSent, Retrying
from ..sinks.base import PreparedSink, Sink, SinkFormat
from .account import Account
from .intake import Intake
from .outlet import Outlet, load_codec
from .watch import Watch

if TYPE_CHECKING:
    from ..options import PlaybackOptions, SpeechOptions
    from ..opus.reader import Item
    from ..report import PlaybackReport
    from ..sources.base import Source

CHARACTERS_PER_SECOND = 13.6  # English speech at normal speed


class Session:
    """Speaks one text once.

    Two tasks: one receives and decodes what arrives, one opens the sink, keeps the ring full, and waits for the end.
    Whichever fails stops the other; a failing source lets what was received be heard first.
    """

    def __init__(
        self,
        text: str,
        *,
        source: Source,
        sink: Sink,
        speech: SpeechOptions,
        options: PlaybackOptions,
        recorder: Recorder,
    ) -> None:
        self._text = text
        self._source = source
        self._sink = sink
        self._speech = speech
        self._intake = Intake(options)
        self._outlet = Outlet(sink, options, self._intake.stats, recorder)
        self._account = Account(recorder)
        self._watch = Watch(text, recorder)
        self._request_out = asyncio.Event()
        self._failure: OggStreamError | None = None  # the source's, raised once what it gave has been heard
        self._check_sink: Callable[[], None] = getattr(sink, "check", _nothing)  # raises when the device is gone
        recorder.listen(self._note)

    async def run(self) -> PlaybackReport:
        """Speak, and return the report when the last sample has been heard.

        Raises what the source, the reader or the sink raise, an `OggStreamError` with its ``report`` and
        ``unspoken`` set. Cancelling stops the sound (a fade of 5 ms), closes the response and leaves no task behind.
        """
        try:
            async with asyncio.TaskGroup() as group:
                playing = group.create_task(self._play(group))
                group.create_task(self._receive(playing))
        except BaseExceptionGroup as failures:
            self._sink.abort()
            self._failed(_first(failures))
        except asyncio.CancelledError as cancelled:
            self._sink.abort()
            # For the command line, which prints it; the task that is cancelled gets this very object.
            cancelled.report = replace(self._report(None), completed=False, stopped=True)  # type: ignore[attr-defined]
            raise
        except BaseException:
            self._sink.abort()
            raise
        if self._failure is not None:
            self._failed(self._failure)
        return self._report(None)

    def _note(self, event: Event) -> None:
        if isinstance(event, RequestSent):
            self._request_out.set()
        elif isinstance(event, Retrying):
            self._intake.refusal = event.reason

    async def _receive(self, playing: asyncio.Task[None]) -> None:
        async with aclosing(self._intake.batches(self._source, self._text, self._speech)) as batches:
            while (items := await self._next(batches)) is not None:
                self._request_out.set()  # a source that sends no request
                self._outlet.expect(self._intake.reader.head)
                self._outlet.push(items)
                await self._outlet.room()
        self._outlet.end(broken=self._failure is not None)
        if self._outlet.finished and self._outlet.ring is None:
            playing.cancel()  # there is nothing to play: no need to wait for a device that may be slow to open

    async def _next(self, batches: AsyncGenerator[list[Item], None]) -> list[Item] | None:
        """What was received next, None at the end; a failure of the source waits until what it gave has been heard.

        Only of the source: one of the sink ends everything at once, for there is nothing more to be heard.
        """
        try:
            return await anext(batches, None)
        except OggStreamError as error:
            self._failure = error
            return None

    async def _play(self, group: asyncio.TaskGroup) -> None:
        # The request goes first: opening a device and loading numpy would slow it down.
        await self._request_out.wait()
        self._outlet.attach(await self._prepare())
        await self._outlet.settled.wait()
        while not self._outlet.finished:
            self._outlet.top_up()
            self._look()
            self._check_sink()
            await asyncio.sleep(min(self._outlet.pause, self._watch.pause))
        if self._outlet.ring is None:
            return
        draining = group.create_task(self._sink.drain())
        while not draining.done():
            await asyncio.wait({draining}, timeout=self._watch.pause)
            self._look()

    def _look(self) -> None:
        if self._outlet.ring is not None:
            self._watch.look(self._outlet.ring)
            self._watch.tell_progress(self._outlet.ring, self._outlet.buffered())

    async def _prepare(self) -> SinkFormat:
        """Open the sink and load the codec, at the same time; return the format that the sink wants."""
        if not isinstance(self._sink, PreparedSink):
            await load_codec()
            return SinkFormat(None, RATE)
        _, sink_format = await asyncio.gather(load_codec(), self._sink.prepare())
        return sink_format

    def _report(self, error: BaseException | None) -> PlaybackReport:
        return self._account.report(
            text=self._text,
            source=self._source,
            sink=self._sink,
            outlet=self._outlet,
            stats=self._intake.stats,
            error=error,
        )

    def _failed(self, error: BaseException) -> NoReturn:
        """Raise ``error``, which is one exception by now, with the report and the text that was not spoken."""
        if isinstance(error, OggStreamError):
            error.report = self._report(error)
            error.unspoken = self._unspoken()
        raise error from error.__cause__

    def _unspoken(self) -> str:
        """The text behind what was heard, from the start of a word; an estimate, on the side of saying a word twice."""
        if not self._outlet.samples:
            return self._text
        speed = self._speech.speed or 1.0
        spoken = int(self._outlet.samples / RATE * CHARACTERS_PER_SECOND * speed)
        return self._text[self._text.rfind(" ", 0, spoken) + 1 :]


def _nothing() -> None:
    """What a sink that cannot vanish has to check."""


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that came first in a group, however deep it lies."""
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
