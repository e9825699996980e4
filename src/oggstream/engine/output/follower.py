"""A further sink of a speech: it goes its own way behind the leading one, to the sample as if it were alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from ...errors import OggStreamError, OutputError
from ...opus.items import NextBody, PageBegun, PageSettled, PageWithdrawn, StreamStats
from ...sinks.sink import traits_of
from ..packet_queue import PacketQueue
from ..segment import Segment
from .playback import Playback

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...options import PlaybackOptions
    from ...opus.head import OpusHead
    from ...sinks.sink_list import FollowingSink
    from ..requests.intake import Intake
    from .outlet import Outlet
    from .pacing import Pacing

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 5.0
"""How long a follower that is waited for may stand still, and how much longer it may take than its sound lasts."""


class Follower:
    """One more sink: a `Playback` of its own with copies of the segments, fed with what the ``lead`` was fed with.

    What the leading sink may still withdraw is held back from a sink that takes samples at once, for nothing can be
    withdrawn from that: a page that is not complete, and what a lost connection may cut off. Whatever it raises is
    told to ``warn``, and the speech goes on without it: ``error`` says why.
    """

    def __init__(
        self,
        following: FollowingSink,
        options: PlaybackOptions,
        pacing: Pacing,
        lead: Outlet,
        warn: Callable[[str], object],
    ) -> None:
        self.playback = Playback(following.sink, options, pacing)
        self.outlet = self.playback.outlet
        self.error: Exception | None = None
        self.pause = LOOK_SECONDS
        self._turn = following.turn
        self._has_turn = self._waits = False
        self._most_bytes = options.queue_bytes
        self._lead = lead
        self._warn = warn
        self._parts: dict[int, _Part] = {}  # of the pieces that are not completely received
        self._task: asyncio.Task[None] | None = None

    def begin(self, group: asyncio.TaskGroup, begun: asyncio.Event, *, samples: bool) -> None:
        """Open the sink, and play on it once the speech has ``begun`` and the one before it has left this sink.

        ``samples``: the speech is likely to come as samples.
        """
        self._task = group.create_task(self._run(begun, samples=samples))

    async def _run(self, begun: asyncio.Event, *, samples: bool) -> None:
        try:
            sink_format = await self.playback.prepare(samples=samples)
            await begun.wait()
            self._waits = True
            await self._turn.acquire()
            self._waits, self._has_turn = False, True
            self.outlet.attach(sink_format)
            await self.playback.fill(self)
            await self.playback.drain(self)
        except asyncio.CancelledError:
            self._break_off()
            if self.error is None:
                raise
        except Exception as error:  # noqa: BLE001  # it is told
            self.leave_out(error)
        finally:
            self._leave_turn()

    def look(self, outlet: Outlet) -> None:
        """Let the next speech have the sink once it has all of this one."""
        if outlet.ring is not None and outlet.ring.done:
            self._leave_turn()

    async def finish(self) -> None:
        """Return when it has ended, after the leading sink has: it is left out if that takes too long."""
        task = self._task
        assert task is not None
        patience = _Patience(self)
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
            if patience.is_over():
                self.leave_out(OutputError("it does not go on"))

    def cancel(self) -> None:
        """There is nothing to play."""
        if self._task is not None:
            self._task.cancel()

    def leave_out(self, error: Exception) -> None:
        """Go on without it from here on, and say why."""
        if self.error is not None:
            return
        self.error = error
        told = str(error) if isinstance(error, OggStreamError) else f"{type(error).__name__}: {error}"
        logging.getLogger("oggstream").debug("a sink failed", exc_info=error)
        self._parts.clear()
        with suppress(Exception):
            self.playback.silence()
        if self._task is not None:
            self._task.cancel()
        self._warn(f"{traits_of(self.playback.sink).name} plays no more, the others do: {told}")

    @property
    def is_held(self) -> bool:
        """Whether it cannot go on, and is not to blame: the speech before it sounds, or the player is paused."""
        return self._waits or (self.outlet.ring is not None and self.outlet.ring.paused)

    # What it is fed with: see `Outlet`.

    @contextmanager
    def fed(self) -> Iterator[None]:
        """Leave it out if what is done with it raises something."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # it is told
            self.leave_out(error)

    def add(self, segment: Segment) -> None:
        """A piece of text is being requested."""
        self._parts[segment.index] = part = _Part(segment)
        self.outlet.add(part.copy)

    def expect(self, segment: Segment) -> None:
        """The audio of ``segment`` is on its way."""
        self.outlet.expect(self._parts[segment.index].copy)

    def push(self, segment: Segment, items: list[BodyItem]) -> None:
        """Take received items."""
        part = self._parts[segment.index]
        if (
            not part.held
            and not self._gated
            and (PageBegun not in map(type, items) or self.outlet.wants_early(part.copy))
        ):
            self.outlet.push(part.copy, items)
            return
        part.hold(items)
        self._hand_on(part, self._lead.must_stay(segment) if self._gated else None)

    def end(self, segment: Segment) -> None:
        """Nothing more will be received for this piece."""
        part = self._parts.pop(segment.index)
        self._hand_on(part)
        part.copy.broken = segment.broken
        self.outlet.end(part.copy)

    def drop_behind(self, segment: Segment) -> None:
        """Drop the pieces after this one."""
        self._parts = {index: part for index, part in self._parts.items() if index <= segment.index}
        self.outlet.drop_behind(segment)

    def must_stay(self, segment: Segment) -> int:
        """How many samples (48 kHz) of a segment cannot be withdrawn any more."""
        return self.outlet.must_stay(self._parts[segment.index].copy)

    def keep(self, segment: Segment, samples: int) -> None:
        """Withdraw what was received of a segment after its first ``samples`` (48 kHz)."""
        part = self._parts[segment.index]
        part.settle()
        part.held.keep(max(0, samples - part.copy.received))
        if part.held:
            part.held.extend([NextBody()])
        else:
            self.outlet.keep(part.copy, min(samples, part.copy.received))

    async def room(self, segment: Segment) -> None:
        """Wait while it is too far behind a leading sink that takes samples at once; leave it out behind any other."""
        patience = _Patience(self)
        while self.error is None and self.outlet.queued(segment) > self._most_bytes + self._lead.queued(segment):
            if not self._lead.at_once or patience.is_over():
                self.leave_out(OutputError("it is too slow"))
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def _gated(self) -> bool:
        return self.outlet.at_once

    def _hand_on(self, part: _Part, limit: int | None = None) -> None:
        items = part.certain(limit)
        if items:
            self.outlet.push(part.copy, items)

    def _break_off(self) -> None:
        """The speech is cancelled: a file keeps what was received, all others fall silent."""
        with suppress(Exception):
            for part in self._parts.values() if self._gated else ():
                self._hand_on(part)
        with suppress(Exception):
            self.playback.silence()

    def _leave_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turn.release()


class _Part:
    """A follower's own ``copy`` of a segment, and what it may not have yet of what was received."""

    def __init__(self, segment: Segment) -> None:
        body = cast("Intake", _Body(segment))
        self.copy = Segment(segment.index, segment.piece, lambda _: body)
        self.held = PacketQueue()
        self._open = False  # the last page of what is held is not complete
        self._certain = 0  # items before that page

    def hold(self, items: list[BodyItem]) -> None:
        """Queue received items."""
        for item in items:
            self.held.extend([item])
            kind = type(item)
            if kind is PageBegun:
                self._open = True
                self._certain = len(self.held) - 1
            elif kind is PageSettled or kind is PageWithdrawn:
                self._open = False

    def settle(self) -> None:
        """What is held stays as it is."""
        self._open = False

    def certain(self, limit: int | None) -> list[BodyItem]:
        """Take out what is certain, and with ``limit`` no more once that makes so many samples (48 kHz) in all."""
        count = self._certain if self._open else len(self.held)
        whole = self.copy.received + self.held.samples
        items: list[BodyItem] = []
        while len(items) < count and (limit is None or whole - self.held.samples < limit):
            items.append(self.held.pop())
        self._certain -= len(items)
        return items


class _Body:
    """What a decoder needs to know of the body that ``segment`` is received from, with counters of its own."""

    def __init__(self, segment: Segment) -> None:
        self.stats = StreamStats()
        self._segment = segment

    @property
    def head(self) -> OpusHead | None:
        """That of the Opus stream, None before it is received."""
        return self._segment.intake.head

    @property
    def channels(self) -> int | None:
        """Those of the body, None before they are known."""
        return self._segment.intake.channels


class _Patience:
    """How long a follower is waited for: see `PATIENCE_SECONDS`."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._clock = asyncio.get_running_loop().time
        self._looked = self._moved = self._clock()
        self._left = follower.outlet.unheard() + PATIENCE_SECONDS
        self._read = -1

    def is_over(self) -> bool:
        """Whether it has been long enough. Time in which the follower is held does not count."""
        now, ring = self._clock(), self._follower.outlet.ring
        read = -1 if ring is None else ring.read
        held = self._follower.is_held
        if read != self._read or held:
            self._read, self._moved = read, now
        self._left -= 0.0 if held else now - self._looked
        self._looked = now
        return self._left < 0 or now - self._moved > PATIENCE_SECONDS
