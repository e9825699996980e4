"""Writes a speech into a ring: stretches it, writes a concealment tail ahead, and withdraws samples on request.

Samples of the speech are counted at the ring's rate, without insertions; `Positions` maps them to the ring.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ...audio.arrays import is_numpy_loaded
from ...playout.volume import at_volume
from .positions import Positions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...audio.ring import PcmRing
    from ...playout.stretch import PreemptiveExpander

    Pcm = NDArray[np.float32]


class Mark(NamedTuple):
    """A place in the speech to return to."""

    speech: int
    ring: int


class RingWriter:
    """Writes to ``ring``; holds samples that have no room yet.

    ``concealed`` counts concealment samples that were heard because a packet was late. ``volume`` is that of
    `PlaybackOptions`.
    """

    def __init__(self, ring: PcmRing, stretcher: PreemptiveExpander, volume: float = 1.0) -> None:
        self.ring = ring
        self._volume = volume
        self.positions = Positions()
        self.speed = 1.0
        self.concealed = 0
        self._stretcher = stretcher
        self._pending: deque[Pcm] = deque()
        self._speech = 0  # samples of the speech written so far
        self._tail: Pcm | None = None  # concealment after the last real sample in the ring, to be overwritten
        self._solid = 0  # position of the tail in the ring
        self._old: Pcm | None = None  # continuation of the heard concealment, to be cross-faded into the next samples
        self._owed = 0  # concealment samples to be left out: damaged samples were heard in their place
        self._marked: list[Pcm] | None = None  # samples written since the mark

    @property
    def speech(self) -> int:
        """Samples of the speech written so far."""
        return self._speech

    @property
    def stretched(self) -> int:
        """Samples that stretching inserted."""
        return self._stretcher.inserted

    @property
    def end(self) -> int:
        """The position in the ring of the next sample; the tail does not count."""
        written = self.ring.written if self._tail is None else self._solid
        return written + sum(map(len, self._pending))

    @property
    def pending(self) -> bool:
        """Whether samples wait for room."""
        return bool(self._pending)

    @property
    def unread(self) -> int:
        """Real samples that the device has not taken yet."""
        return max(0, self.end - self.ring.read)

    @property
    def unheard(self) -> int:
        """Samples of the speech that the device has not taken yet, without insertions."""
        return max(0, self._speech - self.positions.speech_at(self.ring.read))

    @property
    def played_seconds(self) -> float:
        """Seconds that the device has taken, with insertions."""
        return self.ring.read / self.ring.rate

    def time_of(self, speech: int, *, end: bool = False) -> float | None:
        """When a sample of the speech (``end``: the end of the one before it) reached, or reaches, the converter.

        In seconds on the session's clock; None if the device has not taken it yet.
        """
        if end and speech:
            at = self.ring.time_of(self.positions.ring_at(speech - 1))
            return (
                None if at is None or self.positions.ring_at(speech - 1) >= self.ring.read else at + 1 / self.ring.rate
            )
        return self.ring.time_of(self.positions.ring_at(speech))

    def heard(self, now: float) -> int:
        """Samples of the speech that have reached the converter at time ``now`` (session's clock)."""
        return min(self._speech, self.positions.speech_at(self.ring.heard_at(now)))

    def write(self, pcm: Pcm, *, concealed: bool = False) -> None:
        """Write the next samples of the speech; ``concealed``: synthesised in place of lost ones."""
        pcm = self._pay(pcm, concealed=concealed)
        if not len(pcm):
            return
        self.uncover()
        self._speech += len(pcm)
        speed = self.speed if is_numpy_loaded() else 1.0
        self._put(self._stretcher.stretch(at_volume(pcm, self._volume), speed))

    def finish(self, *, broken: bool) -> bool:
        """Once everything is in the ring, mark its end there and return True."""
        self.uncover()
        if not self.flush() and self._pending:
            return False
        self.ring.finish(broken=broken)
        return True

    def flush(self) -> bool:
        """Write waiting samples; return True if all are in the ring, and there is room for more."""
        if self._pending:
            self.uncover()
        while self._pending:
            pcm = self._pending[0]
            taken = self.ring.write(pcm)
            if taken < len(pcm):
                self._pending[0] = pcm[taken:]
                return False
            self._pending.popleft()
        return self.ring.space > 0

    # Late packets.

    @property
    def covered(self) -> bool:
        """Whether a concealment tail is in the ring."""
        return self._tail is not None

    def cover(self, tail: Pcm) -> None:
        """Append ``tail`` to the ring: it is heard only if the next samples come too late."""
        self._solid = self.ring.written
        tail = at_volume(tail, self._volume)
        self._tail = tail[: self.ring.write(tail)]

    def uncover(self) -> None:
        """Withdraw the unheard part of the tail."""
        if self._tail is None:
            return
        tail, self._tail = self._tail, None
        heard = self.ring.withdraw(self._solid) - self._solid
        if heard:
            self.concealed += heard
            self.positions.put_in(self._speech, self._solid, heard)
            self._old = None if self.ring.stalled else tail[heard:]

    # Samples that may prove to be damaged.

    def mark(self) -> Mark:
        """Mark the current place; `take_back` returns to it."""
        self._marked = []
        return Mark(self._speech, self.end)

    def settle(self) -> None:
        """Accept the samples written since the mark."""
        self._marked = None

    def take_back(self, mark: Mark) -> tuple[int, int]:
        """Withdraw the samples written since ``mark``; return how many were withdrawn, and how many had been heard."""
        self.uncover()
        end = self.end
        void, self._marked = self._marked or [], None
        self._drop_pending(mark.ring)
        heard = max(0, self.ring.withdraw(mark.ring) - mark.ring) if self.ring.written > mark.ring else 0
        self.positions.forget_from(mark.ring)
        self._stretcher.forget()
        self._speech = mark.speech + heard
        self._owed = heard
        if heard:
            import numpy as np

            self._old = np.concatenate(void)[heard:]
        return end - mark.ring - heard, heard

    def cut_back(self, speech: int) -> None:
        """Withdraw the speech after its first ``speech`` samples; the device must not have taken any of the rest."""
        self.uncover()
        ring = self.positions.ring_at(speech)
        self._drop_pending(ring)
        if self.ring.written > ring:
            self.ring.withdraw(ring)
        self.positions.forget_from(ring)
        self._stretcher.forget()
        self._speech = speech
        self._old = self._marked = None

    def _drop_pending(self, ring: int) -> None:
        """Drop the waiting samples that would lie at ``ring`` or after it."""
        room = max(0, ring - self.ring.written)
        kept: deque[Pcm] = deque()
        for pcm in self._pending:
            part = pcm[:room]
            room -= len(part)
            if len(part):
                kept.append(part)
        self._pending = kept

    def _pay(self, pcm: Pcm, *, concealed: bool) -> Pcm:
        """Shorten concealment by the damaged samples that were heard in its place."""
        if self._owed:
            paid = min(self._owed, len(pcm)) if concealed else 0
            self._owed = self._owed - paid if concealed else 0
            pcm = pcm[paid:]
        return pcm

    def _put(self, pcm: Pcm) -> None:
        if not len(pcm):
            return
        if self._old is not None:
            pcm = self._blended(pcm)
        if self._marked is not None:
            self._marked.append(pcm)
        if not self._pending:
            taken = self.ring.write(pcm)
            pcm = pcm[taken:]
        if len(pcm):
            self._pending.append(pcm)
        self.positions.note(self._speech, self.end)

    def _blended(self, pcm: Pcm) -> Pcm:
        """``pcm`` merged with the concealment heard before it, which may go on for a moment to meet it in phase."""
        import numpy as np

        from ...playout.seams import merge

        old, self._old = self._old, None
        assert old is not None
        merged = merge(old, np.asarray(pcm), self.ring.rate)
        more = len(merged) - len(pcm)
        if more:
            self.concealed += more
            self.positions.put_in(self._speech - len(pcm), self.end, more)
        return merged
