"""Joining sound to sound, and to silence, so that nobody hears where.

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
"""Concealment sounds at its own level for so long."""

FADED_SECONDS = 0.060
"""And is silent from here on: CELT's swells again at 120 ms."""

MERGE_SECONDS = 0.0075
"""Length of the cross-fade from made-up to real sound."""

MEETING_SECONDS = 0.015
"""The longest that made-up sound goes on beside real sound to meet it in phase: the longest period of a voice."""

WORTH_MEETING = 0.5
"""Where the two are less alike than this (a hiss, silence), they have no phase to meet in."""

SILENCE = 10 ** (-50 / 20)
"""Samples whose magnitude is below this, in all channels, are silence."""

CUT_SECONDS = 0.002
"""Length of the fades beside a cut in silence."""

ONSET_SECONDS = 0.010
"""Of the silence before speech so much is kept, where the pause has room: breath and the burst of a consonant."""

MOST_HELD_SECONDS = 5.0
"""Silence beyond the pause that is held back to see whether a piece ends in it."""


@lru_cache(maxsize=1024)
def rise(samples: int) -> Samples:
    """A raised cosine from 0 to 1 of shape (``samples``, 1), the ends themselves left out; read-only."""
    import numpy as np

    phase = (np.arange(samples, dtype=np.float32) + np.float32(0.5)) * np.float32(np.pi / max(samples, 1))
    curve: Samples = (0.5 - 0.5 * np.cos(phase))[:, None]
    curve.flags.writeable = False
    return curve


def fade_in(pcm: Samples, samples: int) -> Samples:
    """A copy of ``pcm`` whose first ``samples`` come up from silence."""
    faded = pcm.copy()
    count = min(samples, len(pcm))
    faded[:count] *= rise(count)
    return faded


def fade_out(pcm: Samples, samples: int) -> Samples:
    """A copy of ``pcm`` whose last ``samples`` go down to silence."""
    faded = pcm.copy()
    count = min(samples, len(pcm))
    faded[len(pcm) - count :] *= rise(count)[::-1]
    return faded


def faded_tail(pcm: Samples, rate: int) -> Samples:
    """A copy of concealment, which begins where good sound ended, that ends in silence.

    It keeps its level for 15 ms, goes down along a raised cosine and is silent from 60 ms on, or at its own end where
    that is earlier.
    """
    end = min(len(pcm), round(FADED_SECONDS * rate))
    start = min(round(FULL_SECONDS * rate), end // 2)
    tail = pcm.copy()
    tail[start:end] *= rise(end - start)[::-1]
    tail[end:] = 0
    return tail


def cross_fade(old: Samples, new: Samples, samples: int) -> Samples:
    """A copy of ``new`` whose first ``samples`` are blended from ``old``, which would have gone on here.

    ``old`` may be shorter, and is silent after its end. Where the two are alike their amplitudes add up to one, where
    they are not their powers do, and between in between, so that there is neither a dip nor a bulge.
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
    """From ``old`` to ``new``, of the same length, over all of it."""
    import numpy as np

    up = rise(len(new))
    down = 1 - up
    alike = max(0.0, likeness(old, new))
    blended: Samples = (old * down + new * up) / np.sqrt(1 - (2 - 2 * alike) * up * down)
    return blended


def merge(old: Samples, new: Samples, rate: int) -> Samples:
    """``new`` after what was made up, which would go on with ``old``: as much of ``old`` as it takes, then ``new``.

    Two voices a part of a period apart would cancel each other while one fades into the other. So ``old`` goes on, for
    at most 15 ms, to where it is most like the start of ``new``; there follows a `cross_fade` of 7.5 ms.
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
    """The pieces of a text one after the other, ``pause`` seconds of silence between them.

    What is silent at the end of a piece and at the start of the next becomes exactly ``pause``: its ends are kept and
    its middle taken out, or silence put in; None leaves all as it is. Silence before the first sound, within pieces
    and after the last is untouched, and so is every level; only silence is faded, for 2 ms beside a cut.

    Sound is never held back; silence is, beyond the pause, until it is known whether the piece goes on. To come back to
    a place, keep a `copy.copy` of the joiner.
    """

    def __init__(self, rate: int, pause: float | None) -> None:
        self.piece_start = 0
        """Where, in samples of the output, the latest piece that sounds begins (after the pause before it)."""
        self.given = 0
        """Samples given out."""
        self.origin = 0
        """Where, in samples of the output, the first sample of the latest piece that sounds lies, or would lie."""
        self._fed = 0  # samples of the piece at hand
        self._rate = rate
        self._pause = None if pause is None else round(pause * rate)
        self._cut = round(CUT_SECONDS * rate)
        self._onset = 0 if self._pause is None else min(round(ONSET_SECONDS * rate), self._pause // 2)
        self._most_held = round(MOST_HELD_SECONDS * rate)
        self._trailing: list[Samples] = []  # silence behind what was given out
        self._leading: list[Samples] | None = None  # silence of the next piece, once one has ended
        self._silent = 0  # samples of silence at the end of what was given out
        self._sounded = False  # something audible was given out
        self._last: Samples | None = None  # the sample given out last

    def feed(self, pcm: Samples) -> list[Samples]:
        """What can be played once ``pcm``, of the piece at hand, has come."""
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
        """Say that the piece at hand has ended; what comes next is of another."""
        self._fed = 0
        if self._pause is None or not self._sounded:
            self.origin = self.given
        if self._pause is None:
            self.piece_start = self.given
        elif self._sounded:
            self._leading = []
        return []

    def finish(self) -> list[Samples]:
        """The silence that is still held, after the last sound."""
        held, self._trailing = self._trailing, []
        return self._give(held)

    def _give(self, parts: list[Samples]) -> list[Samples]:
        parts = [part for part in parts if len(part)]
        if parts:
            self._last = parts[-1][-1:]
            self.given += sum(map(len, parts))
        return parts

    def _wait(self, pcm: Samples) -> list[Samples]:
        """Hold silence back, all but what is played in any case."""
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
        """A piece that is silent for very long goes on: give out what was held."""
        held = sum(map(len, self._trailing))
        if held < self._most_held:
            return []
        released, self._trailing = self._trailing, []
        self._silent += held
        return released

    def _before(self, silence: Samples, begun: int) -> list[Samples]:
        """What comes before sound: all the silence within a piece, the pause between two. ``begun``: samples of the
        piece before the sound.
        """
        held, self._trailing = self._trailing, []
        if self._leading is None:
            return [*held, silence]
        leading, self._leading = self._leading, None
        parts = self._join(_whole(held, silence[:0]), _whole(leading, silence))
        self.origin = self.given + sum(map(len, parts)) - begun
        return parts

    def _join(self, trailing: Samples, leading: Samples) -> list[Samples]:
        """The rest of the pause, of which ``self._silent`` samples were given out already."""
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
    """Where the audible part of ``pcm`` begins and ends; the same twice if all of it is silent."""
    import numpy as np

    loud = np.flatnonzero((np.abs(pcm) >= SILENCE).any(axis=1))
    return (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (len(pcm), len(pcm))
