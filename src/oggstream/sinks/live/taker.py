"""One taker of a broadcast: what it is given makes sense, wherever it began and whatever it lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .live_item import Flushed, LiveItem, LivePacket, SpeechBegun, SpeechEnded, WordHeard
from .shared_log import LogReader

if TYPE_CHECKING:
    from .shared_log import SharedLog


class Joining(NamedTuple):
    """Where a taker begins: item ``at`` of the log; in speech ``number``, what is before ``sample`` is not heard."""

    at: int
    number: int = 0
    sample: int = 0


class Taker(LogReader[LiveItem]):
    """An asynchronous iterator over `LiveItem`, made by `Broadcast.taker`; leaving it leaves the broadcast.

    Each speech is a `SpeechBegun`, its packets with words between them, and a `SpeechEnded`; a `Flushed` may come after
    any of these. ``lost`` counts the packets that were passed over because this taker was slow: its oldest ones. The
    next packet says how many they were (`LivePacket.lost`).

    Where there are hundreds, `take_all` and ``on_ready`` do without a task for each.
    """

    def __init__(
        self, log: SharedLog[LiveItem], samples: int, joining: Joining, is_held: Callable[[int], bool]
    ) -> None:
        super().__init__(log, samples, joining.at)
        self._joining = joining
        self._is_held = is_held
        self._told = 0  # the speech that it knows of
        self._open = False  # of which more packets follow
        self._lost_before = 0  # packets, of those told with a packet

    @property
    def joined_midway(self) -> bool:
        """Whether it began in the middle of a speech."""
        return self._joining.number > 0

    @property
    def held(self) -> bool:
        """Whether what comes next waits: its speech has not begun to sound, is paused, or lacks sound for now.

        For those who send in real time; nothing waits while nothing is there.
        """
        self._catch_up()
        row = self._log.row(self._next)
        return row is not None and isinstance(row.item, LivePacket) and self._is_held(row.item.number)

    def _given(self, item: LiveItem) -> list[LiveItem]:
        if isinstance(item, LivePacket):
            return [*self._turned_to(item), self._as_it_is_for_this_one(item)]
        if item.number != self._told:  # it knows nothing of that speech, but where one ends, that before it is over
            return [] if isinstance(item, WordHeard) else self._over()
        if isinstance(item, SpeechEnded | Flushed):
            self._open = False
        return [item]

    def _turned_to(self, packet: LivePacket) -> list[LiveItem]:
        """What is to be told before ``packet``, if it is of another speech than the one before."""
        if packet.number == self._told:
            return []
        over = self._over()
        self._told, self._open = packet.number, True
        return [*over, SpeechBegun(packet.number, packet.channels)]

    def _over(self) -> list[LiveItem]:
        """The end of the speech that it knows of, where it was passed over."""
        was_open, self._open = self._open, False
        return [SpeechEnded(self._told)] if was_open else []

    def _as_it_is_for_this_one(self, packet: LivePacket) -> LivePacket:
        """The packet, which says what was lost before it, and of which nothing is heard before the place of joining."""
        joining = self._joining
        if packet.number == joining.number and packet.position + packet.heard <= joining.sample:
            packet = packet._replace(trim_start=packet.samples, trim_end=0)
        if self.lost != self._lost_before:
            packet = packet._replace(lost=self.lost - self._lost_before)
            self._lost_before = self.lost
        return packet
