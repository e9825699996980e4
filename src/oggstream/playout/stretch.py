"""Slows speech down at the same pitch: now and then a period of the voice, or a bit of a pause, is repeated.

The preemptive expansion of WebRTC's NetEq (Liang, Faerber and Girod, "Adaptive playout scheduling and loss concealment
for voice communication over IP networks", IEEE Trans. Multimedia 5(4), 2003).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .seams import SILENCE, blend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SHORTEST_SECONDS = 0.0025
"""The shortest period searched for: 400 Hz."""

LONGEST_SECONDS = 0.015
"""The longest: 67 Hz."""

WINDOW_SECONDS = 0.010
"""The length of a comparison, the least distance of two insertions, and the longest cross-fade."""

SEARCH_RATE = 8000
"""The rate in Hz of the coarse search; its best period is refined at the signal's own rate."""

ALIKE = 0.9
"""The correlation of the sound with itself, a period apart, from which on an insertion is inaudible."""

PICKY_SECONDS = 0.06
"""With this debt, `ALIKE` is enough; with less, better places are waited for; with more, worse ones are taken."""

WORTHWHILE_SECONDS = 0.010
"""With less debt, only silence is lengthened, because the search costs more than all the rest."""

UNLIKE = 0.5
"""The least correlation for an insertion, however large the debt."""

PREPAID_SECONDS = 0.06
"""How far pauses are lengthened beyond the debt, so that the speech after them needs less."""

MOST_OWED_SECONDS = 0.5
"""The largest debt; more is dropped."""


class PreemptiveExpander:
    """Stretches float32 PCM of shape (samples, ``channels``) at ``rate``, fed in blocks of 2.5 ms or more.

    Every input sample is output unchanged; insertions lie between them. Nothing is held back: the start of a block is
    compared with the sound before it. To return to a place later, keep a `copy.copy` of the stretcher.
    """

    def __init__(self, channels: int, rate: int) -> None:
        self.inserted = 0
        """Samples inserted so far."""
        self._rate = rate
        self._shortest = round(SHORTEST_SECONDS * rate)
        self._longest = round(LONGEST_SECONDS * rate)
        self._window = round(WINDOW_SECONDS * rate)
        self._step = max(1, rate // SEARCH_RATE)
        self._channels = channels
        self._past: Samples | None = None  # None: nothing
        self._wait = 0  # samples to the next place to examine
        self._owed = 0.0  # debt: samples still to be inserted for the requested speeds; negative: inserted ahead

    def stretch(self, pcm: Samples, speed: float) -> Samples:
        """``pcm`` with insertions, so that playback is ``speed`` times as fast, averaged over seconds; unchanged at 1.

        Speech reaches about 0.65. The result may share memory with ``pcm``, and with nothing else.
        """
        if speed >= 1:
            self.forget()
            return pcm
        import numpy as np

        self._owed = min(self._owed + len(pcm) * (1 / speed - 1), MOST_OWED_SECONDS * self._rate)
        past = np.zeros((0, self._channels), np.float32) if self._past is None else self._past
        sound = np.concatenate((past, pcm))
        done = len(past)
        at = done + self._wait
        parts = []
        while at + self._shortest <= len(sound):
            ahead = min(self._window, len(sound) - at)
            period = self._choose(sound[: at + ahead])
            if period:
                parts += [sound[done:at], _again(sound[: at + ahead], at, period)]
                done = at
                self._owed -= period
                self.inserted += period
            hurry = period or self._owed > PICKY_SECONDS * self._rate
            at += self._window if hurry else 2 * self._window  # unlike sound stays unlike for a while
        self._wait = max(0, at - len(sound))
        self._past = sound[-self._longest - self._window :]
        return np.concatenate((*parts, sound[done:])) if parts else pcm

    def forget(self) -> None:
        """Drop the past sound: the next block does not continue the last one."""
        self._past = None
        self._wait = 0

    def _choose(self, sound: Samples) -> int:
        """How many samples can be repeated one window before the end of ``sound``; 0 if it would be audible."""
        import numpy as np

        near = sound[-self._window - self._longest :]
        longest = len(near) - self._window
        if longest < self._shortest or self._owed < -PREPAID_SECONDS * self._rate:
            return 0
        if np.vdot(near, near) < SILENCE * SILENCE * near.size:
            return longest
        if self._owed < WORTHWHILE_SECONDS * self._rate:
            return 0
        return self._period(near[:, 0] if near.shape[1] == 1 else near @ _ones(self._channels))

    def _period(self, sound: NDArray[np.float32]) -> int:
        """The lag at which the window at the end of ``sound`` is most like the sound before it; 0 if too unlike."""
        needed = max(UNLIKE, 1 - (1 - ALIKE) * self._owed / (PICKY_SECONDS * self._rate))
        step = self._step
        coarse = sound[len(sound) % step :].reshape(-1, step) @ _ones(step)
        lag, likeness = _likest(coarse, self._window // step, self._shortest // step)
        if likeness <= needed:
            return 0
        longest = min(lag * step + step, len(sound) - self._window)
        near = sound[len(sound) - self._window - longest :]
        lag, likeness = _likest(near, self._window, max(lag * step - step, self._shortest))
        return lag if likeness > needed else 0


@cache
def _ones(count: int) -> NDArray[np.float32]:
    import numpy as np

    return np.ones(count, np.float32)


def _again(sound: Samples, at: int, period: int) -> Samples:
    """The ``period`` before ``at`` once more, cross-faded from the sound that follows ``at``."""
    again = sound[at - period : at].copy()
    count = min(period, len(sound) - at)
    again[:count] = blend(sound[at : at + count], again[:count])
    return again


def _likest(sound: NDArray[np.float32], window: int, shortest: int) -> tuple[int, float]:
    """The lag, from ``shortest`` on, at which the last ``window`` samples of ``sound`` are most like those before."""
    import numpy as np

    last = sound[len(sound) - window :]
    before = sound[: len(sound) - shortest]
    energies = np.correlate(before * before, np.ones(window, np.float32), "valid")
    likeness = np.correlate(before, last, "valid") / np.sqrt(energies * np.vdot(last, last) + 1e-20)
    best = int(likeness.argmax())
    return len(sound) - window - best, float(likeness[best])
