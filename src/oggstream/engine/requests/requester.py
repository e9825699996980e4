"""Requests one piece of text after the other from a source, the next one while earlier ones still arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...sources.traits import formats_for, traits_of
from ..segment import Segment
from .receiver import Receiver, nothing

if TYPE_CHECKING:
    from ...errors import OggStreamError
    from ...events import Recorder
    from ...options import PlaybackOptions, SpeechOptions
    from ...opus.items import StreamStats
    from ...sources.context import SpeechContext
    from ...sources.source import Source
    from ...text.piece import Piece
    from ..output.outlet import Outlet
    from ..output.outlets import Outlets
    from .delivery import Delivery
    from .script import Script

FULL = 0.75  # of ``ahead``: above it, no piece is cut to the little room that is left
LEAST_LOOK, MOST_LOOK = 0.02, 0.5  # seconds between two checks of the time left to be heard


class Requester:
    """The requests of one speech, bounded by ``ahead`` and ``requests`` of the options, in the order of the text.

    ``segments`` are all pieces so far. One that fails for good ends the speech after its received audio: ``failure`` is
    the error, and the requests for later pieces are cancelled.
    """

    def __init__(
        self,
        script: Script,
        *,
        source: Source,
        context: SpeechContext,
        speech: SpeechOptions,
        options: PlaybackOptions,
        outlet: Outlet | Outlets | Delivery,
        recorder: Recorder,
    ) -> None:
        self.segments: list[Segment] = []
        self.failure: OggStreamError | None = None
        self.finished = asyncio.Event()  # everything was requested and received
        self.on_segment: Callable[[Segment], None] = _ignore
        self.before: Callable[[], float] = _none  # seconds to be heard before this speech begins
        self._script = script
        self._source = source
        self._speech = speech
        self._options = options
        self._outlet = outlet
        self._context = context
        self._finishing: asyncio.Task[None] | None = None  # tells the context that it has all pieces
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()  # a piece has ended
        self.receiver = Receiver(
            script,
            source=source,
            context=context,
            speech=speech,
            options=options,
            outlet=outlet,
            recorder=recorder,
            segments=self.segments,
            changed=self._changed,
        )

    async def run(self, group: asyncio.TaskGroup, begun: Callable[[], None]) -> None:
        """Request all pieces; return when the last one has been requested. ``begun`` is called with the first audio,
        for a source that sends no request.
        """
        self.receiver.begun = begun
        self.receiver.hedging.until_heard = self.until_heard
        piece: Piece | None = None
        while self.failure is None:
            await self._slot()
            piece = await self._next_piece()
            if piece is None or self.failure is not None:
                break
            segment = self._segment(piece)
            self._tasks[segment.index] = group.create_task(self._receive(segment))
        if piece is None and self.failure is None:
            self._finishing = group.create_task(self._context.finish(len(self.segments)))
        self._outlet.close(broken=self.failure is not None)
        self._tell()

    def refusal(self, reason: str) -> None:
        """Note why the source retried: an error of the service or of the network."""
        for segment in self._open():
            segment.intake.refusal = reason

    @property
    def stats(self) -> list[StreamStats]:
        """The counters of all bodies."""
        return self.receiver.failed_attempts + [segment.intake.stats for segment in self.segments]

    @property
    def expects_samples(self) -> bool:
        """Whether the opening piece is likely to come as samples."""
        if self.segments and self.segments[0].format != "auto":
            return self.segments[0].format != "opus"
        formats = formats_for(self._source, self._speech)
        return bool(formats) and formats[0] != "opus"

    @property
    def most_requests(self) -> int:
        """How many requests may be under way."""
        habits = self._outlet.habits
        known = (
            traits_of(self._source).requests,
            self.receiver.at_a_time,
            habits.requests if habits is not None else None,
        )
        return min([self._options.requests, *(limit for limit in known if limit)])

    @property
    def complete(self) -> bool:
        """Everything was requested and received."""
        return self._outlet.closed and not self._open()

    def reserve(self) -> float:
        """An estimate of the seconds of speech that were requested and are not heard yet."""
        coming = sum(max(0.0, len(segment.text) / self.rate - segment.received / RATE) for segment in self._open())
        return self.before() + coming + self._outlet.unheard()

    def until_heard(self, segment: Segment) -> float:
        """An estimate of the seconds until ``segment`` is due: what was asked before it and is not heard yet."""
        earlier = [other for other in self._open() if other.index < segment.index]
        coming = sum(max(0.0, len(other.text) / self.rate - other.received / RATE) for other in earlier)
        later = sum(other.queue.samples for other in self.segments[segment.index :]) / RATE
        return self.before() + coming + max(0.0, self._outlet.unheard() - later)

    @property
    def rate(self) -> float:
        """Characters spoken per second."""
        return self._outlet.characters_per_second

    def close(self) -> None:
        """End all pieces: nothing more will be received."""
        for segment in self._open():
            self._outlet.end(segment)
        self._outlet.close(broken=True)

    def release(self) -> None:
        """Break the reference cycles, so that no garbage collection is needed to free a speech."""
        self.failure = None
        self.on_segment = _ignore
        self.before = _none
        self.receiver.begun = nothing
        self.receiver.hedging.release()
        self._tasks.clear()
        for segment in self.segments:
            segment.intake.release()

    def _open(self) -> list[Segment]:
        return [segment for segment in self.segments[-self._options.requests - 1 :] if not segment.ended]

    async def _slot(self) -> None:
        """Wait until the bounds allow one more request; its piece is cut to the room that is left."""
        while self.segments and self.failure is None:
            excess = self.reserve() - self._options.ahead * FULL
            if len(self._open()) < self.most_requests and excess <= 0:
                return
            self._changed.clear()
            with suppress(TimeoutError):  # with no excess only the end of a piece makes a difference
                async with asyncio.timeout(None if excess <= 0 else min(max(excess, LEAST_LOOK), MOST_LOOK)):
                    await self._changed.wait()

    async def _next_piece(self) -> Piece | None:
        return await self._script.piece(self.reserve)

    def _segment(self, piece: Piece) -> Segment:
        wanted = self.receiver.formats.usual if self.segments else self.receiver.formats.opening()
        segment = Segment(len(self.segments), piece, self.receiver.intake, wanted)
        segment.words_told = traits_of(self._source).words
        self.segments.append(segment)
        self._outlet.add(segment)
        self.on_segment(segment)
        return segment

    async def _receive(self, segment: Segment) -> None:
        error = await self.receiver.receive(segment)
        if error is None:
            self._outlet.end(segment)
            self._tell()
        else:
            self._fail(segment, error)

    def _fail(self, segment: Segment, error: OggStreamError) -> None:
        """End the speech with the received part of ``segment``."""
        segment.broken = True
        self.failure = error
        if self._finishing is not None:
            self._finishing.cancel()
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
            if (
                self.receiver.refusals
                and self.failure is None
                and not any(segment.received for segment in self.segments)
            ):
                self.failure = self.receiver.refusals[0]
            self.finished.set()


def _ignore(_segment: Segment) -> None:
    """Do nothing: the default of `Requester.on_segment`."""


def _none() -> float:
    """No seconds: the default of `Requester.before`."""
    return 0.0
