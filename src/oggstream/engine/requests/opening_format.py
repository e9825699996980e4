"""Chooses the format of the opening piece of a speech where the user leaves it open.

Opus suits slow links, but many services collect two seconds of speech before they send its first page; samples can
begin at once, but take ten times as many bytes. So the opening piece uses the format that has sounded first with this
service, and samples are tried now and then if the link has proved to be fast enough.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...playout.habits import Habits

PCM_BYTES = 48_000
"""Bytes per second of samples: 24 kHz, 16 bits, one channel."""
ROOM = 1.5  # the link must have carried this many times the rate of samples
WORTH = 0.03  # seconds that samples must have sounded earlier
TRIED_AFTER = 2  # speeches in Opus before samples are first tried
TRIED_AGAIN = 16  # speeches after which the other format is tried again: services change
REFUSED = 60.0  # the time to the first sound, in seconds, that is recorded for a refused format
WINDOW = 0.05  # seconds over which bytes arrive at the rate of the link


class LinkMeter:
    """Measures the peak rate of a link in bytes per second; the pace of the service hardly limits it."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._recent: deque[tuple[float, int]] = deque()
        self._bytes = 0

    def add(self, now: float, count: int) -> None:
        """Count bytes that arrived at ``now``."""
        self._recent.append((now, count))
        self._bytes += count
        while self._recent[0][0] < now - WINDOW:
            self._bytes -= self._recent.popleft()[1]
        self.rate = max(self.rate, self._bytes / WINDOW)


def opening_format(habits: Habits | None) -> str:
    """The format for the opening piece: "opus" or "pcm"; Opus if nothing is known."""
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
