"""Asks a source for one piece of text after the other, the next one while those before it still arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...errors import OggStreamError, SourceBrokenError
from ...events import Recorder, Retrying
from ...sources.source import SubstitutingSource
from ...sources.traits import formats_for, traits_of
from ..segment import Segment
from .intake import Intake
from .mending import continuation
from .opening_format import opening_format

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...options import PlaybackOptions, SpeechOptions
    from ...opus.items import StreamStats
    from ...sources.context import SpeechContext
    from ...sources.source import Source
    from ...text.piece import Piece
    from ..output.outlet import Outlet
    from .delivery import Delivery
    from .script import Script

ATTEMPTS = 3  # for a piece whose body breaks off before its audio
FULL = 0.75  # of what may be ahead: with more, it is not worth cutting a piece to what is left
LOOK_SECONDS = 0.1  # between two looks at how much is left to be heard


class Requester:
    """The requests of one speech, bounded by ``ahead`` and ``requests`` of the options, in the order of the text.

    ``segments`` are all pieces so far. A piece that fails ends the speech behind what came of it: ``failure`` says why,
    and what was asked for behind it is cancelled.
    """

    def __init__(
        self,
        script: Script,
        *,
        source: Source,
        context: SpeechContext,
        speech: SpeechOptions,
        options: PlaybackOptions,
        outlet: Outlet | Delivery,
        recorder: Recorder,
    ) -> None:
        self.segments: list[Segment] = []
        self.failure: OggStreamError | None = None
        self.refused_format: str | None = None  # asked for to sound sooner, and not given
        self.finished = asyncio.Event()  # everything was asked for, and has come
        self.on_segment: Callable[[Segment], None] = _ignore
        self.before: Callable[[], float] = _none  # seconds to be heard before this speech begins
        self._begun: Callable[[], None] = _nothing
        self._script = script
        self._source = source
        self._context = context
        self._speech = speech
        self._options = options
        self._outlet = outlet
        self._recorder = recorder
        self._failed_attempts: list[StreamStats] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()  # a piece has ended

    async def run(self, group: asyncio.TaskGroup, begun: Callable[[], None]) -> None:
        """Ask for all pieces; return when the last one has been asked for. ``begun`` is called with the first audio,
        for a source that sends no request.
        """
        self._begun = begun
        while self.failure is None:
            await self._slot()
            piece = await self._next_piece()
            if piece is None or self.failure is not None:
                break
            segment = self._segment(piece)
            self._tasks[segment.index] = group.create_task(self._receive(segment))
        self._outlet.close(broken=self.failure is not None)
        self._tell()

    def refusal(self, reason: str) -> None:
        """The service, or the way to it, made the source try again."""
        for segment in self._open():
            segment.intake.refusal = reason

    @property
    def stats(self) -> list[StreamStats]:
        """The counters of all bodies."""
        return self._failed_attempts + [segment.intake.stats for segment in self.segments]

    @property
    def expects_samples(self) -> bool:
        """Whether the opening piece is likely to come as samples."""
        if self.segments and self.segments[0].format != "auto":
            return self.segments[0].format != "opus"
        formats = formats_for(self._source, self._speech)
        return bool(formats) and formats[0] != "opus"

    @property
    def complete(self) -> bool:
        """Everything was asked for, and has come."""
        return self._outlet.closed and not self._open()

    def reserve(self) -> float:
        """Seconds of speech that were asked for and are not heard yet, as far as that can be told."""
        coming = sum(max(0.0, len(segment.text) / self.rate - segment.received / RATE) for segment in self._open())
        return self.before() + coming + self._outlet.unheard()

    @property
    def rate(self) -> float:
        """Characters spoken in a second."""
        return self._outlet.characters_per_second

    def close(self) -> None:
        """Nothing more will be received, whatever is missing."""
        for segment in self._open():
            self._outlet.end(segment)
        self._outlet.close(broken=True)

    def release(self) -> None:
        """Let go of what refers back to this: what a speech held goes with it, and waits for no garbage collector."""
        self.failure = None
        self.on_segment = _ignore
        self.before = _none
        self._begun = _nothing
        self._tasks.clear()
        for segment in self.segments:
            segment.intake.release()

    def _open(self) -> list[Segment]:
        return [segment for segment in self.segments[-self._options.requests - 1 :] if not segment.ended]

    async def _slot(self) -> None:
        """Wait until one more request is within the bounds; the piece itself is cut to the room that is left."""
        while self.segments and self.failure is None:
            excess = self.reserve() - self._options.ahead * FULL
            if len(self._open()) < self._options.requests and excess <= 0:
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(min(max(excess, LOOK_SECONDS / 5), LOOK_SECONDS)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _next_piece(self) -> Piece | None:
        return await self._script.piece(self.reserve)

    def _segment(self, piece: Piece) -> Segment:
        segment = Segment(len(self.segments), piece, self._intake)
        segment.format = self._format(segment)
        self.segments.append(segment)
        self._outlet.add(segment)
        self.on_segment(segment)
        return segment

    def _format(self, segment: Segment) -> str:
        """What to ask for: the opening piece may be worth another format than the rest."""
        wanted = self._speech.format
        if wanted != "auto" or segment.index:
            return wanted
        choice = {"opus", "pcm"} <= set(formats_for(self._source, self._speech))
        return opening_format(self._outlet.habits) if choice else wanted

    def _intake(self, segment: Segment) -> Intake:
        whole = traits_of(self._source).whole
        return Intake(self._options, lambda: self._outlet.wants_early(segment), to_its_end=whole)

    async def _receive(self, segment: Segment) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            error = await self._fetch(segment)
            if error is None:
                break
            elsewhere = self._another(error)
            if not elsewhere and segment.format == "pcm" != self._speech.format and not segment.received:
                self._give_up_format(segment)
                continue
            lost = elsewhere or isinstance(error, SourceBrokenError)
            if attempt == ATTEMPTS or not lost or not self._take_up(segment):
                self._fail(segment, error)
                return
            self._recorder.record(Retrying, delay=0.0, reason=str(error))
        self._outlet.end(segment)
        self._tell()

    def _another(self, error: OggStreamError) -> bool:
        """Whether the source has another service to ask, now that it knows of this failure."""
        return isinstance(self._source, SubstitutingSource) and self._source.another(error)

    def _give_up_format(self, segment: Segment) -> None:
        """The service does not give samples, though nobody but us asked for them: never mind."""
        self.refused_format = segment.format
        self._failed_attempts.append(segment.intake.stats)
        segment.format = "opus"
        segment.renew(self._intake)

    def _take_up(self, segment: Segment) -> bool:
        """Get ready to ask for the rest of a piece whose connection was lost; False if it cannot be taken up."""
        stats = segment.intake.stats
        if not segment.received:
            segment.renew(self._intake)
        elif not self._continue_at_a_pause(segment):
            return False
        self._failed_attempts.append(stats)
        return True

    def _continue_at_a_pause(self, segment: Segment) -> bool:
        """Drop what was received behind the last pause that is not heard yet, to go on from there."""
        if segment.taken_up or traits_of(self._source).whole:
            return False
        loudness, earliest = self._outlet.foresee(segment)
        place = continuation(segment.text, loudness, earliest, self.rate)
        if place is None:
            return False
        self._outlet.keep(segment, place.samples)
        segment.renew(self._intake, place.chars)
        return True

    async def _fetch(self, segment: Segment) -> OggStreamError | None:
        """Receive a piece to its end, or to what the source failed with: that waits until what came has been heard.

        What the sink fails with is raised: there is nothing more to be heard.
        """
        speech = self._speech if segment.format == self._speech.format else replace(self._speech, format=segment.format)
        async with aclosing(segment.intake.batches(self._context, segment.rest, speech)) as batches:
            while True:
                try:
                    items = await anext(batches, None)
                except OggStreamError as error:
                    return error
                if items is None:
                    return None
                self._take(segment, items)
                await self._outlet.room(segment)

    def _take(self, segment: Segment, items: list[BodyItem]) -> None:
        self._begun()
        self._outlet.expect(segment)
        had = segment.received
        self._outlet.push(segment, items)
        if segment.received and not had:
            segment.first_packet = self._recorder.elapsed()

    def _fail(self, segment: Segment, error: OggStreamError) -> None:
        """End the speech with what there is of ``segment``."""
        segment.broken = True
        self.failure = error
        for behind in self.segments[segment.index + 1 :]:
            self._tasks[behind.index].cancel()
            behind.ended = True
        self._outlet.drop_behind(segment)
        self._outlet.end(segment)
        self._outlet.close(broken=True)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        if self.complete:
            self.finished.set()


def _ignore(_segment: Segment) -> None:
    """Nobody follows any more."""


def _none() -> float:
    """Seconds before a speech that nothing comes before."""
    return 0.0


def _nothing() -> None:
    """Nobody waits for the first audio."""
