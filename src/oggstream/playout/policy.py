"""When to start, at what rate to play, and when to go on after a stall."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .forecast import Outlook, Scenario, quantile, scenarios
from .habits import Habits
from .log import ArrivalLog

STALL = 1.0  # a stall is as bad as waiting so many seconds for the first sound,
SILENCE = 10.0  # and each second of it as bad as so many of these
CAUTION = 0.7  # share of the ways it may go in which the speed gets round a stall
CARE = 0.25  # seconds of audio that may lack, a second of audio before the end, if it goes worse than it seems
UNHEARD = 0.985  # a speed from here on is not worth changing the sound
SOON = 1.0  # seconds of audio to come, over which
RESERVE = 0.3  # so many are kept, by slowing down, where the source is hardly faster than the sound
SOONEST, OFTEN, SELDOM = 0.002, 0.05, 0.5  # seconds between two questions
ROUNDING = 1e-6


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

    Each earlier utterance of the service is a way that this one may go: how fast its audio comes, and how much had to
    be there first. A start (or going on) that is too early in some of them is weighed against the wait that would
    have been enough: that is a quantile of the waits that earlier utterances would have needed.
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
        self._fixed = {Phase.FILLING: start_buffer, Phase.STALLED: resume_buffer}
        self._slowest = slowest
        self._phase = Phase.FILLING
        self._again: float | None = None  # when audio came first, or first after a stall
        self._over = False  # nothing more will arrive
        self._characters = 0
        self._ways = scenarios(self._habits)
        self._usual = quantile(self._ways, CAUTION)
        self._log = ArrivalLog()

    def expect(self, characters: int) -> None:
        """So many more characters will be spoken."""
        self._characters += characters

    def arrived(self, now: float, seconds: float) -> None:
        """``seconds`` more of audio are there."""
        if self._again is None:
            self._again = now
        self._log.add(now, seconds)

    def joined(self, now: float) -> None:
        """What arrives next answers another request: the wait for it says nothing about the service's pace."""
        self._log.close()

    def ended(self, now: float) -> None:
        """No more audio will arrive."""
        self._over = True

    def started(self, now: float) -> None:
        """The first sound is on its way."""
        self._phase = Phase.PLAYING

    def stalled(self, now: float) -> None:
        """What had arrived was played, and more is to come."""
        self._phase, self._again = Phase.STALLED, None

    def resumed(self, now: float) -> None:
        """Sound goes on after a stall."""
        self._phase = Phase.PLAYING

    def decide(self, now: float, buffered: float, played: float) -> Decision:
        """Say what to do now, with ``buffered`` seconds of audio received and not played, ``played`` seconds played."""
        if self._over or not self._log.received:
            return Decision(buffered > 0, 1.0, SELDOM)
        phase = Phase.PLAYING if self._phase is Phase.FILLING and played > 0 else self._phase
        outlook = Outlook(self._log, self._characters, self.more_text or not self._characters, now)
        speed = self._speed(outlook, buffered)
        if phase is Phase.PLAYING:
            return Decision(True, speed, OFTEN if speed < 1 or buffered < SELDOM else SELDOM)
        fixed = self._fixed[phase]
        if fixed is not None:
            return Decision(buffered > 0 and buffered >= fixed - ROUNDING, speed, SELDOM)
        price = 1.0 if phase is Phase.FILLING else SILENCE
        wait = self._wait(outlook, now, buffered, price) if buffered > 0 else SELDOM
        return Decision(wait <= 0, speed, min(max(wait, SOONEST), SELDOM))

    def learnt(self) -> Habits:
        """The habits with what this utterance showed; the same ones if it did not come to its end."""
        utterance = self._log.utterance(self._characters, self._slowest) if self._over else None
        return self._habits.with_utterance(utterance) if utterance else self._habits

    def _speed(self, outlook: Outlook, buffered: float) -> float:
        """The rate at which what is there lasts, to the end and for the next second, as far as it is allowed."""
        way = self._usual
        pace, left = outlook.pace(way), outlook.left(way)
        speed = min(
            self._lasting(pace * left - outlook.since, buffered + left - max(way.like.margin, CARE * pace * left**0.5)),
            self._lasting(pace * min(left, SOON) - outlook.since, buffered + min(left, SOON) - RESERVE),
        )
        return max(self._slowest, speed) if speed < UNHEARD else 1.0

    def _lasting(self, time: float, audio: float) -> float:
        """The rate at which ``audio``, the last burst left out, lasts ``time``."""
        return (audio - self._log.burst) / time if time > 0 else 1.0

    def _wait(self, outlook: Outlook, now: float, buffered: float, price: float) -> float:
        """Seconds to wait, where each costs ``price``: the least costly of none and what each of the ways needs."""
        waited = now - (now if self._again is None else self._again)
        waits = [(self._lacks(way, outlook, buffered, waited), way.weight) for way in self._ways]
        best, least = 0.0, float("inf")
        risk = missing = 0.0  # of the ways that need more than the wait at hand: their weight, and weighted wait
        for wait, weight in sorted([(0.0, 0.0), *waits], reverse=True):
            cost = price * wait + STALL * risk + SILENCE * (missing - risk * wait)
            if cost <= least:
                best, least = wait, cost
            risk, missing = risk + weight, missing + weight * wait
        return best

    def _lacks(self, way: Scenario, outlook: Outlook, buffered: float, waited: float) -> float:
        """Seconds until it is time, if it goes that way."""
        pace, left = outlook.pace(way), outlook.left(way)
        _, delay, margin, _ = way.like
        uneven = 0.0 if buffered > margin else min(delay - waited, (margin - buffered) * pace + 0.001)
        slow = pace * left - outlook.since - (buffered + left - self._log.burst) / self._slowest + delay
        return max(0.0, uneven, slow)
