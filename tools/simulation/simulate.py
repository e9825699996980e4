"""Simulates a playout rule on recorded arrivals: hundreds of utterances per second, without decoding."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from oggstream.playout.policy import Decision

CONCEALED = 0.06  # seconds of concealment before a late packet causes a stall,
REGAINED = 0.06  # regained per second of speech: speech must not consist of patches
RING = 2.0  # seconds of audio whose speed is fixed
TINY = 1e-9
Arrival = tuple[float, float]
"""An arrival: its time, and its audio, both in seconds."""


class Rule(Protocol):
    """A playout rule: `oggstream.playout.policy.Policy`, or another for comparison."""

    def expect(self, characters: int) -> None:
        """So many characters will be spoken."""

    def arrived(self, now: float, seconds: float) -> None:
        """``seconds`` more of audio have arrived."""

    def ended(self, now: float) -> None:
        """No more audio will arrive."""

    def started(self, now: float) -> None:
        """Playback has started."""

    def stalled(self, now: float) -> None:
        """All received audio was played."""

    def resumed(self, now: float) -> None:
        """Playback has resumed after a stall."""

    def decide(self, now: float, buffered: float, played: float) -> Decision:
        """Decide what to do now."""
        raise NotImplementedError


class Outcome(NamedTuple):
    """The result in seconds: ``start`` from the first audio to the first sound, ``stall`` of silence in ``stalls``
    stalls, ``concealed``, and ``stretched``, inserted by slowing down.
    """

    start: float
    stalls: int
    stall: float
    concealed: float
    stretched: float

    @property
    def cost(self) -> float:
        """Start and concealed time in ms, stalled time tenfold, and 1000 for each stall."""
        return 1000 * (self.start + 10 * self.stall + self.stalls + self.concealed)


def simulate(rule: Rule, arrivals: Sequence[Arrival], characters: int = 0) -> Outcome:
    """Play ``arrivals`` (in order, not empty) of a text of ``characters`` (0: unknown) by ``rule``."""
    rule.expect(characters)
    return _Run(rule, arrivals).outcome()


class _Run:
    """The playback of one utterance: audio waits until the ring takes it, at the speed that is decided then."""

    def __init__(self, rule: Rule, arrivals: Sequence[Arrival]) -> None:
        self._rule = rule
        self._coming = deque(arrivals)
        self._now = self._first = arrivals[0][0]
        self._waiting = 0.0  # seconds of audio that wait for the ring
        self._ring: deque[Arrival] = deque()  # (time it plays, audio)
        self._fill = 0.0  # time that the ring plays
        self._held = 0.0  # audio in the ring
        self._played = 0.0
        self._start: float | None = None
        self._silent = True
        self._stalls = 0
        self._credit = CONCEALED
        self._stall = self._concealed = self._stretched = 0.0

    def outcome(self) -> Outcome:
        """Run to the end."""
        while self._coming or self._waiting > TINY or self._fill > TINY:
            self._receive()
            self._step(self._rule.decide(self._now, self._waiting + self._held, self._played))
        start = (self._now if self._start is None else self._start) - self._first
        return Outcome(start, self._stalls, self._stall, self._concealed, self._stretched)

    def _receive(self) -> None:
        while self._coming and self._coming[0][0] <= self._now + TINY:
            at, seconds = self._coming.popleft()
            self._waiting += seconds
            self._rule.arrived(at, seconds)
            if not self._coming:
                self._rule.ended(at)

    def _step(self, decision: Decision) -> None:
        """Fill the ring, and advance to the next moment at which something changes."""
        while self._waiting > TINY and self._fill < RING - TINY:
            audio = min(self._waiting, 0.02)
            self._waiting -= audio
            self._fill += audio / decision.speed
            self._held += audio
            self._stretched += audio / decision.speed - audio
            self._ring.append((audio / decision.speed, audio))
        if self._silent and decision.play and self._fill > TINY:
            self._begin()
        next_arrival = self._coming[0][0] - self._now if self._coming else 60.0
        step = max(min(decision.again, next_arrival, 0.1 if self._waiting > TINY else 60.0), 0.0)
        if self._silent:
            self._wait(max(step, 0.001))
        else:
            self._play(min(max(step, 0.001), self._fill))

    def _begin(self) -> None:
        self._silent = False
        if self._start is None:
            self._start = self._now
            self._rule.started(self._now)
        else:
            self._rule.resumed(self._now)

    def _wait(self, step: float) -> None:
        self._now += step
        if self._start is not None:
            self._stall += step

    def _play(self, step: float) -> None:
        self._now += step
        self._fill -= step
        while self._ring and step > TINY:
            lasts, audio = self._ring.popleft()
            if lasts > step + TINY:
                self._ring.appendleft((lasts - step, audio * (1 - step / lasts)))
                audio *= step / lasts
            step -= min(lasts, step)
            self._held -= audio
            self._played += audio
            self._credit = min(CONCEALED, self._credit + REGAINED * audio)
        if self._fill <= TINY and self._waiting <= TINY and self._coming:
            self._run_empty()

    def _run_empty(self) -> None:
        """The buffer is empty: conceal until the next arrival, and stall if that is too late."""
        self._fill = self._held = 0.0
        self._ring.clear()
        late = max(0.0, self._coming[0][0] - self._now)
        hidden = min(late, self._credit)
        self._credit -= hidden
        self._concealed += hidden
        self._now += hidden
        if late > hidden:
            self._silent = True
            self._stalls += 1
            self._rule.stalled(self._now)
