"""In which format the opening piece of a speech is asked for, where that is left open.

Opus survives thin links, but many services wait for two seconds of speech before its first page; samples can begin at
once, and take ten times as many bytes. So the opening goes to the format that has sounded first with this service, and
samples are tried now and then where the link has shown that it carries them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...playout.habits import Habits

PCM_BYTES = 48_000
"""Bytes of a second of samples: 24 kHz, 16 bits, one channel."""
ROOM = 1.5  # times as much must the link have carried
WORTH = 0.03  # seconds that samples must have sounded earlier
TRIED_AFTER = 2  # speeches in Opus before samples are tried at all
TRIED_AGAIN = 16  # speeches after which the other format is tried again: services change
REFUSED = 60.0  # seconds after which a format that was refused is taken to have sounded
WINDOW = 0.05  # seconds: what arrives within them came over the link at its own rate


class LinkMeter:
    """Bytes per second that a link has carried, in its best moments; the pace of the service hardly matters there."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._recent: deque[tuple[float, int]] = deque()
        self._bytes = 0

    def add(self, now: float, count: int) -> None:
        """So many bytes have arrived."""
        self._recent.append((now, count))
        self._bytes += count
        while self._recent[0][0] < now - WINDOW:
            self._bytes -= self._recent.popleft()[1]
        self.rate = max(self.rate, self._bytes / WINDOW)


def opening_format(habits: Habits | None) -> str:
    """What the opening piece is asked for in: "opus" or "pcm"; Opus where nothing is known."""
    if habits is None or habits.link < ROOM * PCM_BYTES:
        return "opus"
    sounded = dict(habits.first_packet)
    if "opus" not in sounded:
        return "opus"
    if "pcm" not in sounded:
        return "pcm" if habits.seen >= TRIED_AFTER else "opus"
    better = "pcm" if sounded["pcm"] + WORTH < sounded["opus"] else "opus"
    if habits.seen % TRIED_AGAIN == TRIED_AGAIN - 1:
        return "opus" if better == "pcm" else "pcm"
    return better
