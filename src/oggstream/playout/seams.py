"""Joins sound to sound, and sound to silence, inaudibly.

Samples are float32 of shape (samples, channels), at any rate.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

FULL_SECONDS = 0.015
"""For so long concealment keeps its own level."""

FADED_SECONDS = 0.060
"""From here on it is silent: CELT's concealment swells again at 120 ms."""

MERGE_SECONDS = 0.0075
"""Length of the cross-fade from concealment to real sound."""

MEETING_SECONDS = 0.015
"""The longest that concealment continues, to meet real sound in phase: the longest period of a voice."""

WORTH_MEETING = 0.5
"""Below this likeness (hiss, silence) the two have no common phase."""

SILENCE = 10 ** (-50 / 20)
"""Samples whose magnitude is below this, in all channels, are silence."""

CUT_SECONDS = 0.002
"""Length of the fades beside a cut in silence."""

ONSET_SECONDS = 0.010
"""So much silence before speech is kept if the pause has room: breath and the burst of a consonant."""

MOST_HELD_SECONDS = 5.0
"""The most silence beyond the pause that is held back to see whether a piece ends in it."""


@lru_cache(maxsize=1024)
def rise(samples: int) -> Samples:
    """A raised cosine from 0 to 1 of shape (``samples``, 1), without the end values; read-only."""
    import numpy as np

    phase = (np.arange(samples, dtype=np.float32) + np.float32(0.5)) * np.float32(np.pi / max(samples, 1))
    curve: Samples = (0.5 - 0.5 * np.cos(phase))[:, None]
    curve.flags.writeable = False
    return curve


def fade_in(pcm: Samples, samples: int) -> Samples:
    """A copy of ``pcm`` whose first ``samples`` rise from silence."""
    faded = pcm.copy()
    count = min(samples, len(pcm))
    faded[:count] *= rise(count)
    return faded


def fade_out(pcm: Samples, samples: int) -> Samples:
    """A copy of ``pcm`` whose last ``samples`` fall to silence."""
    faded = pcm.copy()
    count = min(samples, len(pcm))
    faded[len(pcm) - count :] *= rise(count)[::-1]
    return faded


def faded_tail(pcm: Samples, rate: int) -> Samples:
    """A copy of concealment, faded out.

    It keeps its level for 15 ms, falls along a raised cosine and is silent from 60 ms on, or at its own end if that is
    earlier.
    """
    end = min(len(pcm), round(FADED_SECONDS * rate))
    start = min(round(FULL_SECONDS * rate), end // 2)
    tail = pcm.copy()
    tail[start:end] *= rise(end - start)[::-1]
    tail[end:] = 0
    return tail


def cross_fade(old: Samples, new: Samples, samples: int) -> Samples:
    """A copy of ``new`` whose first ``samples`` are blended from ``old``, the continuation of the sound before.

    ``old`` may be shorter, and is silent after its end. The gains depend on the likeness of the two, from constant
    amplitude for like signals to constant power for unlike ones, so that there is neither a dip nor a bulge.
    """
    import numpy as np

    joined = new.copy()
    count = min(samples, len(new))
    before = old[:count]
    if len(before) < count:
        before = np.concatenate((before, np.zeros((count - len(before), new.shape[1]), np.float32)))
    joined[:count] = blend(before, new[:count])
    return joined


def blend(old: Samples, new: Samples) -> Samples:
    """A cross-fade from ``old`` to ``new``, of the same length, over all of it."""
    import numpy as np

    up = rise(len(new))
    down = 1 - up
    alike = max(0.0, likeness(old, new))
    blended: Samples = (old * down + new * up) / np.sqrt(1 - (2 - 2 * alike) * up * down)
    return blended


def merge(old: Samples, new: Samples, rate: int) -> Samples:
    """``new`` after concealment, whose continuation is ``old``: as much of ``old`` as needed, then ``new``.

    Two voices out of phase would cancel each other during a cross-fade. So ``old`` continues, for at most 15 ms, to the
    place where it is most like the start of ``new``; a `cross_fade` of 7.5 ms follows.
    """
    import numpy as np

    window = round(MERGE_SECONDS * rate)
    first = new[:window].sum(axis=1)
    before = old[: round(MEETING_SECONDS * rate) + len(first)].sum(axis=1)
    if not 0 < len(first) <= len(before):
        return cross_fade(old, new, window)
    meeting = int(np.correlate(before, first, "valid").argmax())
    if likeness(before[meeting : meeting + len(first)], first) < WORTH_MEETING:
        meeting = 0
    return np.concatenate((old[:meeting], cross_fade(old[meeting:], new, window)))


def likeness(old: NDArray[np.float32], new: NDArray[np.float32]) -> float:
    """The normalized correlation of two signals of the same size, from -1 to 1; 0 where one is silent."""
    import numpy as np

    both = float(np.vdot(old, old)) * float(np.vdot(new, new))
    return float(np.vdot(old, new)) / both**0.5 if both > 0 else 0.0


class Joiner:
    """Joins the pieces of a text with ``pause`` seconds of silence between them.

    The silence at the end of a piece and at the start of the next becomes exactly ``pause``: its middle is cut out, or
    silence is inserted there; None changes nothing. Silence before the first sound, within pieces and after the last
    sound is untouched, and so are all levels; only silence is faded, for 2 ms beside a cut.

    Sound is never held back; silence beyond the pause is, until it is known whether the piece continues. To return to a
    place later, keep a `copy.copy` of the joiner.
    """

    def __init__(self, rate: int, pause: float | None) -> None:
        self.piece_start = 0
        """Position in the output, in samples, where the latest piece with sound begins (after the pause before it)."""
        self.given = 0
        """Samples output so far."""
        self.origin = 0
        """Position in the output, in samples, of the first sample, even if cut, of the latest piece with sound."""
        self._fed = 0  # samples of the current piece
        self._rate = rate
        self._pause = None if pause is None else round(pause * rate)
        self._cut = round(CUT_SECONDS * rate)
        self._onset = 0 if self._pause is None else min(round(ONSET_SECONDS * rate), self._pause // 2)
        self._most_held = round(MOST_HELD_SECONDS * rate)
        self._trailing: list[Samples] = []  # silence held back after the output
        self._leading: list[Samples] | None = None  # silence of the next piece, once one has ended
        self._silent = 0  # samples of silence at the end of the output
        self._sounded = False  # something audible was output
        self._last: Samples | None = None  # the last sample of the output

    def feed(self, pcm: Samples) -> list[Samples]:
        """Take ``pcm`` of the current piece; return the samples that can be played now."""
        begun, self._fed = self._fed, self._fed + len(pcm)
        if self._pause is None:
            return self._give([pcm])
        first, last = _audible(pcm)
        if first == last:
            return self._give(self._wait(pcm))
        parts = [*self._before(pcm[:first], begun + first), pcm[first:last]]
        self._sounded = True
        self._silent = 0
        return self._give([*parts, *self._wait(pcm[last:])])

    def end_piece(self) -> list[Samples]:
        """End the current piece; what is fed next belongs to another."""
        self._fed = 0
        if self._pause is None or not self._sounded:
            self.origin = self.given
        if self._pause is None:
            self.piece_start = self.given
        elif self._sounded:
            self._leading = []
        return []

    def finish(self) -> list[Samples]:
        """The silence held back after the last sound."""
        held, self._trailing = self._trailing, []
        return self._give(held)

    def _give(self, parts: list[Samples]) -> list[Samples]:
        parts = [part for part in parts if len(part)]
        if parts:
            self._last = parts[-1][-1:]
            self.given += sum(map(len, parts))
        return parts

    def _wait(self, pcm: Samples) -> list[Samples]:
        """Hold silence back, except the part that is played in any case."""
        assert self._pause is not None
        if not self._sounded:
            return [pcm]
        if self._leading is not None:
            self._leading = [_whole(self._leading, pcm)[-self._pause - 1 :]]  # more than that makes no difference
            return []
        surely = max(0, self._pause - self._onset - self._cut - self._silent)
        self._silent += len(pcm[:surely])
        self._trailing = [*self._trailing, pcm[surely:]]  # a new list: copies of the joiner share the old one
        return [pcm[:surely], *self._release()]

    def _release(self) -> list[Samples]:
        """Release the held silence if it is so long that the piece must continue."""
        held = sum(map(len, self._trailing))
        if held < self._most_held:
            return []
        released, self._trailing = self._trailing, []
        self._silent += held
        return released

    def _before(self, silence: Samples, begun: int) -> list[Samples]:
        """The silence before sound: all of it within a piece, the pause between two. ``begun``: samples of the piece
        before the sound.
        """
        held, self._trailing = self._trailing, []
        if self._leading is None:
            return [*held, silence]
        leading, self._leading = self._leading, None
        parts = self._join(_whole(held, silence[:0]), _whole(leading, silence))
        self.origin = self.given + sum(map(len, parts)) - begun
        return parts

    def _join(self, trailing: Samples, leading: Samples) -> list[Samples]:
        """The rest of the pause, after the ``self._silent`` samples that were output already."""
        import numpy as np

        assert self._pause is not None
        wanted = max(0, self._pause - self._silent)
        end = min(len(trailing), wanted - min(self._onset, len(leading), wanted))
        start = min(len(leading), wanted - end)
        self.piece_start = self.given + wanted - start
        if end == len(trailing) and start == len(leading) and end + start == wanted:
            return [trailing, leading]
        filler = np.zeros((wanted - end - start, leading.shape[1]), np.float32)
        kept = fade_in(leading[len(leading) - start :], self._cut)
        if end:
            return [fade_out(trailing[:end], self._cut), filler, kept]
        assert self._last is not None
        quiet = np.concatenate((filler, kept))
        return [cross_fade(np.repeat(self._last, self._cut, axis=0), quiet, self._cut)]


def _whole(parts: list[Samples], last: Samples) -> Samples:
    import numpy as np

    return np.concatenate((*parts, last))


def _audible(pcm: Samples) -> tuple[int, int]:
    """The start and end of the audible part of ``pcm``; equal if all of it is silent."""
    import numpy as np

    loud = np.flatnonzero((np.abs(pcm) >= SILENCE).any(axis=1))
    return (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (len(pcm), len(pcm))
