"""When to start, at what rate to play, and when to go on after a stall."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .habits import Habits, Utterance

CHARACTERS_PER_SECOND = 13.6  # of English speech
COLD_MARGIN = 0.1  # seconds of audio that a service nobody knows yet must have sent
COLD_PACE = 0.5
MOST_MARGIN = 0.35
AT_FIRST = 1.0  # seconds of audio after which the pace of this utterance counts as much as what was learnt
SOON = 0.02


class Phase(Enum):
    """What is heard."""

    FILLING = "nothing yet"
    PLAYING = "speech"
    STALLED = "nothing: what came was played"


class Decision(NamedTuple):
    """``play``: sound may begin, or go on. ``speed``: playback rate, 1 down to the slowest that was allowed.

    ``again``: seconds after which to ask again even if nothing arrives.
    """

    play: bool
    speed: float
    again: float


class Policy:
    """The rule for one speech. It knows no clock: ``now`` is in seconds from any zero and never goes back.

    What happens is told by `expect`, `arrived`, `joined`, `ended`, `started`, `stalled` and `resumed`; `decide`
    changes nothing. Fixed buffers (``start_buffer``, ``resume_buffer``, in seconds of audio) replace the rule for the
    start and for going on after a stall. ``slowest`` is the least playback rate; 1: never slow down.
    """

    def __init__(
        self,
        habits: Habits | None = None,
        *,
        start_buffer: float | None = None,
        resume_buffer: float | None = None,
        slowest: float = 0.87,
    ) -> None:
        self.more_text = False  # text may still come: what `expect` was told is not all
        self._habits = habits or Habits()
        self._start_buffer = start_buffer
        self._resume_buffer = resume_buffer
        self._slowest = slowest
        self._phase, self._since = Phase.FILLING, 0.0  # and when it began
        self._ended = False
        self._characters = 0
        self._rate = self._habits.characters_per_second(CHARACTERS_PER_SECOND)
        self._received = 0.0  # seconds of audio
        self._first: tuple[float, float] | None = None  # when the first audio came, and how much
        self._last = 0.0  # when audio came last
        self._margin = self._usual_margin()

    def expect(self, characters: int) -> None:
        """So many more characters will be spoken."""
        self._characters += characters

    def arrived(self, now: float, seconds: float) -> None:
        """``seconds`` more of audio are there."""
        self._received += seconds
        self._last = now
        if self._first is None:
            self._first = now, seconds

    def joined(self, now: float) -> None:
        """What arrives next answers another request: the wait for it says nothing about the service's pace."""
        self._last = now

    def ended(self, now: float) -> None:
        """No more audio will arrive."""
        self._ended, self._last = True, max(self._last, now)

    def started(self, now: float) -> None:
        """The first sound is on its way."""
        self._phase, self._since = Phase.PLAYING, now

    def stalled(self, now: float) -> None:
        """What had arrived was played, and more is to come."""
        self._phase, self._since = Phase.STALLED, now

    def resumed(self, now: float) -> None:
        """Sound goes on after a stall."""
        self._phase, self._since = Phase.PLAYING, now

    def decide(self, now: float, buffered: float, played: float) -> Decision:  # noqa: ARG002
        """Say what to do now, with ``buffered`` seconds of audio received and not played, ``played`` seconds played."""
        phase = Phase.PLAYING if self._phase is Phase.FILLING and played > 0 else self._phase
        if self._ended:
            return Decision(buffered > 0, 1.0, 1.0)
        pace, left = self._pace(), self._left()
        if phase is Phase.PLAYING:
            return Decision(True, self._speed(buffered, left, pace), SOON)
        return Decision(
            buffered > 0 and buffered >= self._needed(phase, left, pace), self._speed(buffered, left, pace), 0.1
        )

    def learnt(self) -> Habits:
        """The habits with what this utterance showed; the same ones if no audio came."""
        if self._first is None or not self._ended:
            return self._habits
        characters = self._characters / self._received if self._received > 0.5 else 0.0
        return self._habits.with_utterance(Utterance(self._pace(), self._margin, characters))

    def _usual_margin(self) -> float:
        seen = sorted(utterance.margin for utterance in self._habits.utterances)
        return min(MOST_MARGIN, seen[len(seen) * 9 // 10]) if len(seen) > 3 else COLD_MARGIN

    def _pace(self) -> float:
        """Seconds that a second of audio takes to arrive: what was learnt, and more and more what is seen."""
        seen = sorted(utterance.pace for utterance in self._habits.utterances)
        learnt = seen[len(seen) // 2] if seen else COLD_PACE
        if self._first is None:
            return learnt
        at, seconds = self._first
        audio = self._received - seconds
        return (AT_FIRST * learnt + (self._last - at)) / (AT_FIRST + audio)

    def _left(self) -> float:
        """Seconds of audio that are still to arrive, as the text tells."""
        return max(0.0, self._characters / self._rate - self._received)

    def _needed(self, phase: Phase, left: float, pace: float) -> float:
        """Seconds of audio that must be there for sound to begin or go on."""
        fixed = self._start_buffer if phase is Phase.FILLING else self._resume_buffer
        if fixed is not None:
            return fixed
        return max(self._margin, self._slowest * pace * left - left)

    def _speed(self, buffered: float, left: float, pace: float) -> float:
        if not left:
            return 1.0
        return min(1.0, max(self._slowest, (buffered + left) / (pace * left + self._margin)))
