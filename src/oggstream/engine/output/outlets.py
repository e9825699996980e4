"""Several outlets of one speech, which the asking side uses as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...playout.habits import Habits
    from ..segment import Segment
    from .follower import Follower
    from .outlet import Outlet


class Outlets:
    """The outlet of the leading sink, which says how far the speech is, and the ``followers``: see `Outlet`."""

    def __init__(self, leader: Outlet, followers: Sequence[Follower]) -> None:
        self._leader = leader
        self._followers = followers

    @property
    def closed(self) -> bool:
        """No segment will be added."""
        return self._leader.closed

    @property
    def habits(self) -> Habits | None:
        """The known habits of the service."""
        return self._leader.habits

    @property
    def characters_per_second(self) -> float:
        """The speed of the voice."""
        return self._leader.characters_per_second

    def unheard(self) -> float:
        """Seconds received that the leading sink has not played yet."""
        return self._leader.unheard()

    def wants_early(self, segment: Segment) -> bool:
        """Whether the leading sink wants packets before their page is complete."""
        return self._leader.wants_early(segment)

    def add(self, segment: Segment) -> None:
        """Append a piece of text that is being requested."""
        self._leader.add(segment)
        self._feed(lambda follower: follower.add(segment))

    def expect(self, segment: Segment) -> None:
        """The audio of ``segment`` is on its way."""
        self._leader.expect(segment)
        self._feed(lambda follower: follower.expect(segment))

    def push(self, segment: Segment, items: list[BodyItem]) -> None:
        """Take received items: the leading sink first."""
        self._leader.push(segment, items)
        self._feed(lambda follower: follower.push(segment, items))

    def end(self, segment: Segment) -> None:
        """Nothing more will be received for this piece."""
        self._leader.end(segment)
        self._feed(lambda follower: follower.end(segment))

    def close(self, *, broken: bool = False) -> None:
        """No further piece will be added."""
        self._leader.close(broken=broken)
        self._feed(lambda follower: follower.outlet.close(broken=broken))

    def drop_behind(self, segment: Segment) -> None:
        """Drop the pieces after this one, which failed."""
        self._leader.drop_behind(segment)
        self._feed(lambda follower: follower.drop_behind(segment))

    def foresee(self, segment: Segment) -> tuple[list[tuple[int, int]], int]:
        """The loudness of a segment, and how many samples (48 kHz) of it must stay for any of the sinks."""
        loudness, must_stay = self._leader.foresee(segment)
        return loudness, max([must_stay, *(follower.must_stay(segment) for follower in self._present)])

    def keep(self, segment: Segment, samples: int) -> None:
        """Withdraw the received audio of a segment after its first ``samples`` (48 kHz)."""
        self._leader.keep(segment, samples)
        self._feed(lambda follower: follower.keep(segment, samples))

    async def room(self, segment: Segment) -> None:
        """Wait while a queue is too long."""
        await self._leader.room(segment)
        for follower in self._present:
            await follower.room(segment)

    @property
    def _present(self) -> list[Follower]:
        """Those that are not left out."""
        return [follower for follower in self._followers if follower.error is None]

    def _feed(self, feed: Callable[[Follower], object]) -> None:
        for follower in self._present:
            with follower.fed():
                feed(follower)
