"""Slower speech at the same pitch: now and then a period of the voice, or a bit of a pause, is played twice.

The preemptive expansion of WebRTC's NetEq (Liang, Faerber and Girod, "Adaptive playout scheduling and loss concealment
for voice communication over IP networks", IEEE Trans. Multimedia 5(4), 2003).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .seams import SILENCE, blend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SHORTEST_SECONDS = 0.0025
"""Shortest period that is looked for: 400 Hz."""

LONGEST_SECONDS = 0.015
"""The longest: 67 Hz."""

WINDOW_SECONDS = 0.010
"""What is compared, and how long the cross-fade is at most."""

SEARCH_RATE = 8000
"""Samples per second at which periods are looked for; the best is refined at the signal's own rate."""

ALIKE = 0.9
"""The least correlation of what follows with what lies a period before it."""

PREPAID_SECONDS = 0.1
"""How far ahead of the speed asked for pauses are made longer, so that the speech after them needs less."""

MOST_OWED_SECONDS = 0.5
"""More than this is not made up for later."""


class Stretcher:
    """Stretches float32 PCM of shape (samples, ``channels``) at ``rate``.

    Every input sample comes out as it was; what is put in lies between them. Nothing is held back: what is compared
    with a block is what came before it.
    """

    held = 0
    """Samples fed and not given back."""

    def __init__(self, channels: int, rate: int) -> None:
        import numpy as np

        self.inserted = 0
        """Samples put in so far."""
        self._rate = rate
        self._step = max(1, rate // SEARCH_RATE)
        self._shortest = round(SHORTEST_SECONDS * rate)
        self._longest = round(LONGEST_SECONDS * rate)
        self._window = round(WINDOW_SECONDS * rate)
        self._nothing = np.zeros((0, channels), np.float32)
        self._mix = np.full(channels, 1 / channels, np.float32)
        self._past = self._nothing
        self._owed = 0.0  # samples that the speeds asked for have not been given yet; below 0, were given ahead

    def stretch(self, pcm: Samples, speed: float) -> Samples:
        """``pcm`` with what makes playback, over some time, ``speed`` (0.5 to 1) times as fast; itself at 1."""
        import numpy as np

        if speed >= 1:
            self._past = self._nothing
            return pcm
        most = MOST_OWED_SECONDS * self._rate
        self._owed = min(self._owed + len(pcm) * (1 / speed - 1), most)
        sound = np.concatenate((self._past, pcm))
        begin = len(self._past)
        self._past = sound[-self._longest :]
        parts = []
        at = begin
        while at + self._window <= len(sound) and self._owed > -PREPAID_SECONDS * self._rate:
            extra = self._extra(sound, at)
            if len(extra):
                parts += [sound[begin:at], extra]
                self._owed -= len(extra)
                self.inserted += len(extra)
                begin = at
            at += self._window
        return np.concatenate((*parts, sound[begin:])) if parts else pcm

    def finish(self) -> Samples:
        """What is held back."""
        return self._nothing

    def _extra(self, sound: Samples, at: int) -> Samples:
        """What can be put in at ``at``; empty where nothing can."""
        import numpy as np

        longest = min(self._longest, at)
        if longest < self._shortest:
            return self._nothing
        if np.abs(sound[at - longest : at + self._window]).max() < SILENCE:
            return self._repeat(sound, at, longest)
        if self._owed <= 0:
            return self._nothing
        period = self._period(sound[at - longest : at + self._window] @ self._mix, longest)
        return self._repeat(sound, at, period) if period else self._nothing

    def _repeat(self, sound: Samples, at: int, period: int) -> Samples:
        """The ``period`` before ``at`` once more, which what follows ``at`` fades over into."""
        extra = sound[at - period : at].copy()
        count = min(period, self._window)
        extra[:count] = blend(sound[at : at + count], extra[:count])
        return extra

    def _period(self, sound: NDArray[np.float32], at: int) -> int:
        """The lag at which ``sound`` before ``at`` is most like what follows; 0 if it is not like it at any."""
        import numpy as np

        step = self._step
        cut = len(sound) % step
        coarse = sound[cut:].reshape(-1, step).sum(1)
        best = _likest(coarse, self._window // step, self._shortest // step)[0] * step
        low, high = max(best - step, self._shortest), min(best + step, at)
        lag, likeness = _likest(sound[at - high :], self._window, low)
        return lag if likeness > ALIKE else 0


def _likest(sound: NDArray[np.float32], window: int, shortest: int) -> tuple[int, float]:
    """The lag, from ``shortest`` to all there is, at which the last ``window`` samples are most like those before."""
    import numpy as np

    last = sound[len(sound) - window :]
    before = sound[: len(sound) - shortest]
    products = np.correlate(before, last, "valid")
    sums = np.concatenate((np.zeros(1), np.cumsum(before * before, dtype=np.float64)))
    energies = sums[window:] - sums[:-window]
    likeness = products / np.sqrt(energies * np.vdot(last, last) + 1e-20)
    best = int(np.argmax(likeness))
    return len(sound) - window - best, float(likeness[best])
