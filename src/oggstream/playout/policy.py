"""Decides when to start, at what rate to play, and when to resume after a stall."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .forecast import Forecast, Outlook, Scenario
from .habits import Habits
from .log import EASY, ArrivalLog
from .margins import best_margin

# A second of waiting for the first sound costs 1.
STALL = 1.0  # the cost of a stall,
SILENCE = 10.0  # and of each second of it

CAUTION = 0.7  # share of the scenarios in which the chosen speed avoids a stall
CARE = 0.25  # safety margin in seconds of audio if one second is left to arrive; grows with the square root
SOON = 1.0  # seconds of audio to arrive, over which
RESERVE = 0.3  # this share is kept in reserve by slowing down, if the source is hardly faster than playback
UNHEARD = 0.985  # speeds from here on are not worth changing the sound
SOONEST, OFTEN, SELDOM = 0.002, 0.05, 0.5  # seconds until the next question
ROUNDING = 1e-6
ENDLESS = float("inf")


class Phase(Enum):
    """The state of playback."""

    FILLING = "nothing yet"
    PLAYING = "speech"
    STALLED = "nothing: all received audio was played"


class Decision(NamedTuple):
    """``play``: playback may start or resume. ``speed``: playback rate, from 1 down to the slowest allowed.

    ``again``: seconds after which to ask again even if nothing arrives.
    """

    play: bool
    speed: float
    again: float


class Policy:
    """The rule for one speech. It knows no clock: ``now`` is in seconds from any zero and never goes back.

    Call `expect`, `arrived`, `joined`, `ended`, `started`, `stalled` and `resumed` for each event when it happens;
    `decide` changes nothing. Fixed buffers (``start_buffer``, ``resume_buffer``, in seconds of audio) replace the rule
    for the start and for resuming after a stall. ``slowest`` is the least playback rate; 1: never slow down.

    Each earlier utterance of the service is a scenario for this one: the pace of its audio, and the delay that it
    needed. The cost of playing too early for some scenarios is weighed against the cost of waiting, so that the wait is
    a quantile of those delays and not their maximum. Before the first sound, the margin that has cost least in earlier
    utterances takes the place of the delays (see `margins`).
    """

    def __init__(
        self,
        habits: Habits | None = None,
        *,
        start_buffer: float | None = None,
        resume_buffer: float | None = None,
        slowest: float = 0.87,
    ) -> None:
        self.more_text = False  # more text may follow what `expect` has counted
        self._habits = habits or Habits()
        self._fixed = {Phase.FILLING: start_buffer, Phase.STALLED: resume_buffer}
        self._slowest = slowest
        self._phase = Phase.FILLING
        self._over = False  # nothing more will arrive
        self._since: float | None = None  # when the first audio arrived in the current silence
        self._characters = 0
        self._forecast = Forecast(self._habits)
        self._usual = self._forecast.quantile(CAUTION)
        self._margin = best_margin(self._habits.costs) if self._habits.costs else None
        self._log = ArrivalLog()

    def expect(self, characters: int) -> None:
        """So many more characters were requested."""
        self._characters += characters

    def arrived(self, now: float, seconds: float) -> None:
        """``seconds`` more of audio can be played without a gap."""
        self._log.add(now, seconds)
        if self._since is None:
            self._since = now

    def joined(self, now: float) -> None:  # noqa: ARG002  # all events have one
        """The next arrival answers another request: the wait for it does not count for the service's pace."""
        self._log.join()

    def ended(self, now: float) -> None:  # noqa: ARG002  # all events have one
        """No more audio will arrive."""
        self._over = True

    def started(self, now: float) -> None:  # noqa: ARG002  # all events have one
        """Playback has started."""
        self._phase = Phase.PLAYING

    def stalled(self, now: float) -> None:  # noqa: ARG002  # all events have one
        """All received audio was played, and more is to come."""
        self._phase, self._since = Phase.STALLED, None

    def resumed(self, now: float) -> None:  # noqa: ARG002  # all events have one
        """Playback has resumed after a stall."""
        self._phase = Phase.PLAYING

    def decide(self, now: float, buffered: float, played: float) -> Decision:
        """Decide what to do now: ``buffered`` seconds of audio are received and unplayed, ``played`` seconds heard."""
        if self._over or not self._log.received:
            return Decision(buffered > 0, 1.0, SELDOM)
        open_end = self.more_text or not self._characters
        outlook = Outlook(self._log, self._characters, open_end, now)
        speed = self._speed(outlook, buffered)
        if self._phase is Phase.PLAYING or (self._phase is Phase.FILLING and played > 0):
            return Decision(True, speed, OFTEN if speed < 1 or buffered < SELDOM else SELDOM)
        fixed = self._fixed[self._phase]
        if fixed is not None:
            return Decision(buffered > 0 and buffered >= fixed - ROUNDING, speed, SELDOM)
        wait = self._wait(outlook, now, buffered) if buffered > 0 else SELDOM
        return Decision(wait <= 0, speed, min(max(wait, SOONEST), SELDOM))

    def learnt(self) -> Habits:
        """The habits with this speech added; unchanged if it was not received to its end."""
        utterance = self._log.utterance(self._characters, self._slowest) if self._over else None
        if utterance is None:
            return self._habits
        return self._habits.with_utterance(utterance).with_costs(self._log.costs(self._slowest))

    def _speed(self, outlook: Outlook, buffered: float) -> float:
        """The highest rate, within the limits, at which the buffer lasts both to the end and for the next second."""
        like = self._usual.like
        pace, left = outlook.pace(self._usual), outlook.left(like)
        near = min(left, SOON)
        audio = buffered - min(self._log.burst, left)  # the last burst arrives when this has been played
        speed = min(
            (audio + left - max(like.margin, CARE * pace * left**0.5)) / max(pace * left - outlook.since, SOONEST),
            (audio + near - RESERVE * near) / max(pace * near - outlook.since, SOONEST),
        )
        return max(self._slowest, speed) if speed < UNHEARD else 1.0

    def _wait(self, outlook: Outlook, now: float, buffered: float) -> float:
        """Seconds to wait: the cheapest choice among zero and the wait that each scenario needs."""
        price = 1.0 if self._phase is Phase.FILLING else SILENCE
        waited = 0.0 if self._since is None else now - self._since
        waits = [(self._lacks(each, outlook, buffered, waited), each.weight) for each in self._forecast.scenarios]
        best, least = 0.0, float("inf")
        risk = missing = 0.0  # of the scenarios that need a longer wait: their weight, and weighted wait
        for wait, weight in sorted([(0.0, 0.0), *waits], reverse=True):
            cost = price * wait + STALL * risk + SILENCE * (missing - risk * wait)
            if cost <= least:
                best, least = wait, cost
            risk, missing = risk + weight, missing + weight * wait
        return best

    def _lacks(self, scenario: Scenario, outlook: Outlook, buffered: float, waited: float) -> float:
        """Seconds until playback may start in ``scenario``: for jitter, and for what slowing down does not cover."""
        like = scenario.like
        pace, left = outlook.pace(scenario), outlook.left(like)
        last = min(self._log.burst, left)
        deficit = pace * left - outlook.since - (buffered + left - last) / self._slowest
        margin, jitter = like.margin, like.delay - waited
        if scenario.known and self._margin is not None and self._phase is Phase.FILLING and like.pace < EASY:
            margin, jitter = self._margin - ROUNDING, ENDLESS
        else:
            deficit += like.delay
        if buffered > margin:
            return max(0.0, deficit)
        return max(0.0, min(jitter, (margin - buffered) * pace + SOONEST), deficit)
