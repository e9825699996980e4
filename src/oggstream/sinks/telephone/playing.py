"""What the far end of a telephone call has been sent, and how much of it has been played. Time is an argument."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...audio.ring import PcmRing

RATE = 8000
FRAME = RATE // 50
FRAME_SECONDS = FRAME / RATE
MOST_AHEAD = 0.16
"""Seconds that the far end may have before it; it bridges a network that is late by as much."""
LEAST_AHEAD = 0.04
"""Seconds that it has where the ring has only a frame, and before the last one: until then a stop finds a speech."""
RESERVE = 0.08
"""Seconds that stay in the ring: the engine covers late packets there."""
SOON = 1e-4
"""Seconds that are not worth waiting for."""
FRAMES_PER_MARK = 5
MOST_MARKS = 1000
"""Marks that are waited for; a carrier that sends none back has them all."""


class Frame(NamedTuple):
    """To be sent: 20 ms of float32 at 8 kHz, or none, and the name of the mark that follows, if one does."""

    samples: memoryview
    mark: str | None


class Line:
    """Until when the far end has sound, over all the rings of a call, and how long a mark takes to come back."""

    def __init__(self) -> None:
        self.until = 0.0
        self.round_trip: float | None = None  # seconds from a frame's end, as it is due here, to its mark; the least
        self._marks = 0

    def name(self) -> str:
        """One for the next mark."""
        self._marks += 1
        return f"oggstream-{self._marks}"

    def took(self, seconds: float) -> None:
        """A mark came back so long after the end of its frame was due."""
        self.round_trip = seconds if self.round_trip is None else min(self.round_trip, seconds)

    @property
    def delay(self) -> float:
        """Seconds from when a frame is due here to when it is heard, as far as that is known."""
        return max(self.round_trip or 0.0, 0.0) / 2


class Playing:
    """One ring on its way to the far end.

    Frames leave up to `MOST_AHEAD` before they are due, as long as the ring keeps `RESERVE`. Every fifth and the last
    one have a mark; what the marks say was played is known, and from there on the far end plays a second each second.
    A ring that runs empty is silence, which is sent as well; so is a pause.
    """

    def __init__(self, ring: PcmRing, line: Line) -> None:
        self.ring = ring
        self._line = line
        self._unmarked = 0  # frames since the last mark
        self._marks: deque[tuple[str, int, float]] = deque(
            maxlen=MOST_MARKS
        )  # sent: name, position, and when its frame ends here
        self._known = (0, 0.0)  # the position that was played, and when its mark came
        self._is_cut = False

    def due(self, now: float) -> Frame | None:
        """The next frame, if it is time to send it."""
        if self.wait(now) != 0:
            return None
        line, ring = self._line, self.ring
        if ring.done:
            return Frame(memoryview(b""), self._mark())
        line.until = max(line.until, now)
        block = memoryview(bytearray(FRAME * ring.frame_bytes))
        ring.read_into(block, line.until + line.delay)
        line.until += FRAME_SECONDS
        self._unmarked += 1
        return Frame(block, self._mark() if self._unmarked == FRAMES_PER_MARK else None)

    def wait(self, now: float) -> float | None:
        """Seconds until the next frame is due; None: until something is written."""
        if self.ring.done:
            return 0.0 if self._unmarked and not self._is_cut else None
        if not self.ring.playing:
            return None
        wait = self._line.until - now - self._ahead
        return wait if wait > SOON else 0.0

    @property
    def _ahead(self) -> float:
        """Seconds before it is due that the next frame is sent."""
        left = self.ring.fill - FRAME
        if left > 0 if self.ring.length is not None else left >= RESERVE * RATE:
            return MOST_AHEAD
        return LEAST_AHEAD if left >= 0 or self.ring.length is not None else 0.0

    def played(self, mark: str, now: float) -> None:
        """The mark of that name came back. Marks come in order; one of another ring is none of ours."""
        if self._is_cut or all(name != mark for name, _, _ in self._marks):
            return
        while True:
            name, position, end = self._marks.popleft()
            if name == mark:
                self._known = position, now
                self._line.took(now - end)
                return

    @property
    def heard_all(self) -> bool:
        """Whether the far end has played everything, or will never get more."""
        return self.ring.done and (self._is_cut or not (self._marks or self._unmarked))

    @property
    def begun(self) -> bool:
        """Whether any of it was sent."""
        return self.ring.read > 0

    def heard(self, now: float) -> int:
        """Samples of the ring that were played at ``now``: what marks said, and what they will say next."""
        position, at = self._known
        if not position:
            return 0
        most = self._marks[0][1] if self._marks else self.ring.read
        return min(position + int((now - at) * RATE), most)

    def cut(self, now: float) -> None:
        """Send nothing more; of what was sent, what was not heard counts as not read."""
        heard = self.heard(now)
        self.ring.cut()
        self.ring.rewind(heard)
        self.ring.read_into(memoryview(bytearray(self.ring.frame_bytes)), now)  # the fade, of nothing
        self._is_cut = True
        self._line.until = now

    def _mark(self) -> str:
        self._unmarked = 0
        name = self._line.name()
        self._marks.append((name, self.ring.read, self._line.until))
        return name
