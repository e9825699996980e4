"""Hedged requests: a piece whose first sound is late is asked for twice, and the answer that sounds first is heard.

The second request costs money, so it is sent only if the lateness would be heard, and within a budget.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from ...events import Hedged
from ...playout.lateness import Lateness, Wait
from ...sources.asking import Asking, telling
from ...sources.hurry import hurrying
from ...sources.source import spare_of
from ...sources.traits import traits_of
from .in_flight import in_flight_of

if TYPE_CHECKING:
    from ...errors import OggStreamError
    from ...events import Recorder
    from ...options import PlaybackOptions, SpeechOptions
    from ...playout.habits import Habits
    from ...sources.source import Source
    from ..segment import Segment

LEAST_LOOK = 0.02  # seconds between two checks of the reserve

Claim: TypeAlias = Callable[[bool], bool]
"""Called with what an answer brings, and whether it sounds now; returns whether that is to be heard."""
Read: TypeAlias = "Callable[[Source | None, Asking, Claim], Coroutine[Any, Any, OggStreamError | None]]"
"""Receives an answer of that source (None: the speech's own) to its end; returns the source's error."""


class Hedging:
    """The second requests of one speech: ``sent``, ``won``, and the ``characters`` that they cost.

    ``habits`` returns what is known of the service; ``until_heard`` the seconds until a piece is due.
    """

    def __init__(
        self,
        options: PlaybackOptions,
        source: Source,
        speech: SpeechOptions,
        recorder: Recorder,
        habits: Callable[[], Habits | None],
    ) -> None:
        self.sent = self.won = self.characters = 0
        self.at_a_time: int | None = None  # requests that the service takes, if few
        self.until_heard: Callable[[Segment], float] = _at_once
        self._share = options.hedge
        self._alone = options.requests == 1  # the user says that the service takes one request at a time
        self._source = source
        self._key = f"{speech.model}|{speech.voice}|{speech.speed}"
        self._recorder = recorder
        self._habits = habits
        self._flight = in_flight_of(source)

    @functools.cached_property
    def lateness(self) -> Lateness:
        """The waits and the budget, this speech included."""
        habits = self._habits()
        return habits.lateness if habits is not None else _remembered(self._source).get(self._key, Lateness())

    def release(self) -> None:
        """Break the reference cycles."""
        self.lateness  # noqa: B018  # read, in case that it was not
        self.until_heard, self._habits = _at_once, _unknown

    def usual(self, segment: Segment) -> float:
        """Seconds in which the first sound of a piece is expected; 0 if unknown."""
        return self.lateness.usual(segment.format, len(segment.rest))

    def sounded(self, segment: Segment, seconds: float) -> None:
        """Note that a piece sounded ``seconds`` after its first request.

        If it was the second answer that sounded, the first would have taken longer: it counts among the late ones.
        """
        self.lateness = self.lateness.with_wait(segment.format, Wait(len(segment.rest), round(seconds, 3)))
        if self._habits() is None:
            _remembered(self._source)[self._key] = self.lateness

    async def receive(self, segment: Segment, read: Read) -> OggStreamError | None:
        """Receive a piece by one request, or by the one of two that sounds first."""
        asking = Asking(usual=self.usual(segment))
        if not self._share:
            with telling(asking):
                return await read(None, asking, _granted)
        self.lateness = self.lateness.earned(self._share)
        if self.lateness.late_after(segment.format, len(segment.rest)) is None:
            with telling(asking):
                return await read(None, asking, _granted)
        return await _Race(self, segment, read, asking).run()

    def patience(self, segment: Segment, waited: float) -> float:
        """Seconds until a second request may be sent for a piece that was requested ``waited`` ago; 0: now."""
        late = self.lateness.late_after(segment.format, len(segment.rest))
        if late is None:
            return float("inf")
        spare = self.until_heard(segment) - self.usual(segment)  # the second request, too, takes its time
        return max(late - waited, spare, 0.0)

    def second(self) -> Source | None:
        """Where a second request may go now; None: nowhere."""
        spare = spare_of(self._source)
        if spare is None or (spare is self._source and not self._has_room()):
            return None
        return spare

    def _has_room(self) -> bool:
        """Whether the service takes one more request at a time."""
        habits = self._habits()
        known = (traits_of(self._source).requests, self.at_a_time, habits.requests if habits is not None else None)
        return not self._alone and all(limit > self._flight.open for limit in known if limit)

    def send(self, segment: Segment, waited: float) -> None:
        """Note that a second request is sent, ``waited`` seconds after the first."""
        self.sent += 1
        self.characters += len(segment.rest)
        self.lateness = self.lateness.spent()
        self._recorder.record(Hedged, index=segment.index, waited=waited)

    def refused(self) -> None:
        """Note that a second request failed: the service may not take so many."""
        self.lateness = self.lateness.emptied()


class _Race:
    """One piece, asked for once or twice: the answer that sounds first is received, the other one cancelled."""

    def __init__(self, hedging: Hedging, segment: Segment, read: Read, asking: Asking) -> None:
        loop = asyncio.get_running_loop()
        self._hedging = hedging
        self._segment = segment
        self._read = read
        self._clock = loop.time
        self._began = loop.time()
        self._decided: asyncio.Future[None] = loop.create_future()  # one has sounded, or the first has ended
        self._askings = [asking]
        self._tasks: list[asyncio.Task[OggStreamError | None]] = []
        self._winner: int | None = None

    async def run(self) -> OggStreamError | None:
        """Receive the piece. Cancelled, it cancels both requests and waits for their end."""
        try:
            self._start(None)
            await self._watch()
            return await self._result()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def _start(self, source: Source | None) -> None:
        number = len(self._tasks)
        task = asyncio.create_task(self._request(number, source), name="oggstream-piece")
        self._tasks.append(task)
        task.add_done_callback(self._decide)

    async def _request(self, number: int, source: Source | None) -> OggStreamError | None:
        request = self._askings[number]
        if number:
            self._hedging.send(self._segment, self._clock() - self._began)
        with telling(request), hurrying(number > 0):
            error = await self._read(source, request, functools.partial(self._claim, number))
        if error is not None and number and self._winner is None:
            self._hedging.refused()
        return error

    def _claim(self, number: int, sounds: bool) -> bool:
        if self._winner is None and sounds:
            self._winner = number
            for other, task in enumerate(self._tasks):
                if other != number:
                    self._askings[other].lost = True
                    task.cancel()
            self._hedging.won += number
            self._decide()
        return self._winner == number

    def _decide(self, _task: object = None) -> None:
        if not self._decided.done():
            self._decided.set_result(None)

    async def _watch(self) -> None:
        """Send the second request once the first is late and that would be heard."""
        while not self._decided.done():
            waited = self._clock() - self._began
            patience = self._hedging.patience(self._segment, waited)
            if patience > 0:
                limit = None if patience == float("inf") else max(patience, LEAST_LOOK)
                await asyncio.wait({self._decided}, timeout=limit)
                continue
            second = None if self._askings[0].doubled else self._hedging.second()
            if second is not None:
                self._askings[0].hedge()
                self._askings.append(Asking(fresh=True, doubled=True))
                self._start(second)
            return

    async def _result(self) -> OggStreamError | None:
        """What became of the one that sounded; if none did, of the first."""
        pending = set(self._tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled() and (task.exception() is not None or self._is_winner(task)):
                    return task.result()
        return self._tasks[0].result()

    def _is_winner(self, task: asyncio.Task[OggStreamError | None]) -> bool:
        return self._winner is not None and self._tasks[self._winner] is task


_of_sources: WeakKeyDictionary[Source, dict[str, Lateness]] = WeakKeyDictionary()


def _remembered(source: Source) -> dict[str, Lateness]:
    """What is known in this process of a source that has no history, by model and voice."""
    try:
        return _of_sources.setdefault(source, {})
    except TypeError:  # no weak references or no hash
        return {}


def _granted(_sounds: bool) -> bool:
    return True


def _at_once(_segment: Segment) -> float:
    return 0.0


def _unknown() -> Habits | None:
    return None
