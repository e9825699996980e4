"""One speech on all of its sinks."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

from ...events import Started, Warned
from ...sinks.sink import traits_of
from .pacing import Pacing
from .playback import Playback

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...audio.ring import PcmRing
    from ...events import Recorder, WordStarted
    from ...options import PlaybackOptions
    from ...playout.habits import Habits
    from ...sinks.sink import Sink
    from ...sinks.sink_list import SinkList
    from .follower import Follower
    from .outlet import Outlet
    from .outlets import Outlets


class Playbacks:
    """``leader`` plays on the leading sink, ``followers`` on the others; ``outlet`` is what the asking side feeds.

    ``learnt`` returns the habits of the service, ``speed`` is that of the speech.
    """

    def __init__(
        self,
        sinks: SinkList,
        options: PlaybackOptions,
        recorder: Recorder,
        learnt: Callable[[], Habits | None],
        speed: float,
    ) -> None:
        self._options = options
        self._learnt = learnt
        self._speed = speed
        self._begun = asyncio.Event()
        self.leader = Playback(sinks.leader, options, self._pacing(sinks.leader, functools.partial(_start, recorder)))
        self.followers: list[Follower] = []
        self.outlet: Outlet | Outlets = self.leader.outlet
        if sinks.followers:
            self._follow(sinks, functools.partial(_warn, recorder))

    @property
    def rings(self) -> list[PcmRing]:
        """The rings that are there."""
        return [playback.outlet.ring for playback in self._all if playback.outlet.ring is not None]

    def on_ring(self, apply: Callable[[PcmRing], None]) -> None:
        """Call ``apply`` with each ring before its sink gets it."""
        for playback in self._all:
            playback.outlet.on_ring = apply

    def expect(self, characters: int, *, more: bool) -> None:
        """Note that so many characters were requested; ``more`` may follow."""
        for playback in self._all:
            playback.pacing.expect(characters, more=more)

    def tell(self, word: WordStarted) -> None:
        """A word is heard now, on the leading sink."""
        self.leader.tell(word)
        for follower in self.followers:
            if follower.error is None:
                with follower.fed():
                    follower.playback.tell(word)

    def prepare(self, group: asyncio.TaskGroup, *, samples: bool) -> None:
        """Open the sinks that follow, in tasks of ``group``, which play once `begin` is called.

        ``samples``: the speech is likely to come as samples.
        """
        for follower in self.followers:
            follower.begin(group, self._begun, samples=samples)

    def begin(self) -> None:
        """It is this speech's turn."""
        self._begun.set()

    async def finish(self) -> None:
        """The leading sink has ended: return when all have, or have had their time."""
        async with asyncio.TaskGroup() as group:
            for follower in self.followers:
                group.create_task(follower.finish())

    def cancel(self) -> None:
        """There is nothing to play: wait for no sink."""
        for follower in self.followers:
            follower.cancel()

    def forget(self) -> None:
        """Break the reference cycles, so that the rings are freed together with the speech."""
        self._learnt = _unknown
        for playback in self._all:
            playback.forget()

    @property
    def _all(self) -> list[Playback]:
        return [self.leader, *(follower.playback for follower in self.followers)]

    def _follow(self, sinks: SinkList, warn: Callable[[str], object]) -> None:
        from .follower import Follower
        from .outlets import Outlets

        for following in sinks.followers:
            pacing = self._pacing(following.sink, _unknown)
            self.followers.append(Follower(following, self._options, pacing, self.leader.outlet, warn))
        self.outlet = Outlets(self.leader.outlet, self.followers)

    def _pacing(self, sink: Sink, on_start: Callable[[], object]) -> Pacing:
        return Pacing(
            self._options,
            self._learnt,
            asyncio.get_running_loop().time,
            speed=self._speed,
            at_once=traits_of(sink).at_once,
            on_start=on_start,
        )


def _start(recorder: Recorder) -> None:
    recorder.record(Started)


def _warn(recorder: Recorder, message: str) -> None:
    recorder.record(Warned, message=message)


def _unknown() -> None:
    return None
