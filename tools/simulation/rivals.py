"""Playout rules of other players, for comparison: a constant, two constants, and a quantile of the delays seen."""

from __future__ import annotations

from oggstream.playout.policy import Decision

AGAIN = 1.0


class Constant:
    """Start with ``start`` seconds of audio, resume after a stall with ``resume`` (None: the same)."""

    def __init__(self, start: float, resume: float | None = None) -> None:
        self._start, self._resume = start, start if resume is None else resume
        self._needed = start
        self._over = False

    def expect(self, characters: int) -> None:
        """Ignore the text."""

    def arrived(self, now: float, seconds: float) -> None:
        """Ignore single arrivals."""

    def ended(self, now: float) -> None:  # noqa: ARG002
        """Play the rest without waiting."""
        self._over = True

    def started(self, now: float) -> None:
        """Do nothing."""

    def stalled(self, now: float) -> None:  # noqa: ARG002
        """Switch to the ``resume`` buffer."""
        self._needed = self._resume

    def resumed(self, now: float) -> None:
        """Do nothing."""

    def decide(self, now: float, buffered: float, played: float) -> Decision:  # noqa: ARG002
        """Play at normal speed once there is enough."""
        return Decision(buffered > 0 and (self._over or buffered >= self._needed - 1e-9), 1.0, AGAIN)


def exo_player() -> Constant:
    """ExoPlayer's ``DefaultLoadControl``: 2.5 s to start, 5 s to resume."""
    return Constant(2.5, 5.0)


class NetEq(Constant):
    """WebRTC's jitter buffer: its target is the 0.95 quantile of the packets' relative delays, in a histogram with a
    forgetting factor, and 80 ms at first. ``delays`` is that histogram; it is passed on to the next utterance.

    A packet's relative delay is its lateness against real time, accumulated and never below zero.
    """

    BUCKET, BUCKETS, QUANTILE, FORGET, COLD = 0.02, 100, 0.95, 0.983, 0.08
    PACKET = 0.02

    def __init__(self, delays: list[float] | None = None) -> None:
        super().__init__(self.COLD)
        self.delays = [0.0] * self.BUCKETS if delays is None else delays
        self._relative = 0.0
        self._last: float | None = None
        self._weight = 1.0
        self._rescale()
        self._needed = self._target()

    def arrived(self, now: float, seconds: float) -> None:
        """Count each packet's delay."""
        for _ in range(max(1, round(seconds / self.PACKET))):
            if self._last is not None:
                self._relative = max(0.0, self._relative + now - self._last - self.PACKET)
            self._last = now
            self._count(self._relative)
        self._needed = self._target()

    def stalled(self, now: float) -> None:
        """Keep the target: it is the same for resuming."""

    def _count(self, delay: float) -> None:
        """Forget: instead of scaling old weights down, give new ones more weight, which is equivalent and faster."""
        self.delays[min(int(delay / self.BUCKET), self.BUCKETS - 1)] += self._weight
        self._weight /= self.FORGET

    def _rescale(self) -> None:
        """Scale the weights to the sum that a forgetting histogram has when the next weight is 1."""
        total = sum(self.delays)
        if total > 0:
            most = 1 / (1 - self.FORGET)
            self.delays = [weight * min(1.0, most / total) for weight in self.delays]

    def _target(self) -> float:
        total = sum(self.delays)
        if total <= 0:
            return self.COLD
        reached = 0.0
        for index, weight in enumerate(self.delays):
            reached += weight
            if reached >= self.QUANTILE * total:
                return (index + 1) * self.BUCKET
        return self.BUCKETS * self.BUCKET
