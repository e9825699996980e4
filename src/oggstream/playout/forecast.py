"""Forecasts the arrivals of an utterance from earlier ones and from its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .habits import Habits, Utterance

if TYPE_CHECKING:
    from .log import ArrivalLog

CHARACTERS_PER_SECOND = 13.6  # of English speech
UNKNOWN = (
    Utterance(pace=0.2, delay=0.0, margin=0.0, characters=0.0),
    Utterance(pace=0.3, delay=0.1, margin=0.04, characters=0.0),
    Utterance(pace=0.6, delay=0.1, margin=0.1, characters=0.0),
)
"""The assumed behaviour of an unknown service."""
FAMILIAR = 10  # utterances after which only learnt habits count
UNEVEN = 0.01  # relative variance (by the squared mean) of the time that a second of audio takes
SPREAD = 0.01  # the same for the pace of utterances, while few are known
PRIOR_AUDIO = 0.3  # seconds of audio that weigh as much as the assumptions about an unknown service,
MOST_AUDIO = 10.0  # and at most as much as the habits of a slow one
UNKNOWN_LEFT = 6.0  # seconds of audio expected if the text does not tell
LEAST_LEFT, UNSURE = 0.5, 0.1  # and if the text says none: at least these seconds, and this share of the audio so far


class Scenario(NamedTuple):
    """One way an utterance may turn out: like ``like``, with a probability of ``weight``. All weights add up to 1.

    ``firm``: seconds of this utterance's audio that weigh as much for its pace as prior knowledge. ``known``: it was
    seen with this service, and is not only assumed.
    """

    weight: float
    like: Utterance
    firm: float
    known: bool = False


class Forecast:
    """The ``scenarios`` for an utterance of a service with these habits, from fast to slow.

    They are mixed with those of an unknown service until this one is familiar (`FAMILIAR`).
    """

    def __init__(self, habits: Habits) -> None:
        known = habits.utterances
        share = min(len(known), FAMILIAR) / FAMILIAR
        usual = habits.characters_per_second(CHARACTERS_PER_SECOND)
        firm = _firmness([like.pace for like in known])
        scenarios = [Scenario(share / len(known), like, firm, known=True) for like in known]
        if share < 1:
            scenarios += [Scenario((1 - share) / len(UNKNOWN), like, PRIOR_AUDIO) for like in UNKNOWN]
        scenarios = [scenario._replace(like=_speaking(scenario.like, usual)) for scenario in scenarios]
        self.scenarios = sorted(scenarios, key=lambda scenario: scenario.like.pace)

    def quantile(self, share: float) -> Scenario:
        """The quantile of the weighted scenarios at ``share``, counted from the fastest."""
        reached = 0.0
        for scenario in self.scenarios:
            reached += scenario.weight
            if reached >= share:
                return scenario
        return self.scenarios[-1]


def _speaking(like: Utterance, usual: float) -> Utterance:
    return like if like.characters else like._replace(characters=usual)


def _firmness(paces: list[float]) -> float:
    """Few seconds if earlier utterances differ or are few; fewer for a fast service, so that its slowing down is
    noticed soon.
    """
    if not paces:
        return PRIOR_AUDIO
    mean = sum(paces) / len(paces)
    square = max(mean * mean, 1e-6)
    spread = (sum((pace - mean) ** 2 for pace in paces) / square + SPREAD) / (len(paces) + 1)
    return min(UNEVEN / spread, MOST_AUDIO * min(1.0, mean))


class Outlook:
    """The expected arrivals from ``now`` on, after those in ``log``.

    ``characters``: length of the text so far; ``open_end``: whether more may come.
    """

    def __init__(self, log: ArrivalLog, characters: int, open_end: bool, now: float) -> None:
        self.since = 0.0 if log.waiting else now - log.last  # seconds since the last burst
        self._received = log.received
        self._characters = characters
        self._least = UNKNOWN_LEFT if open_end else max(LEAST_LEFT, UNSURE * log.received)
        self._elapsed = log.last - log.first - log.outage
        self._audio = log.received - log.burst - log.before  # the audio that arrived in that time
        self._burst = 0.0 if log.waiting else log.burst

    def pace(self, scenario: Scenario) -> float:
        """Seconds that a second of audio takes in ``scenario``, at least as many as if a burst came just now."""
        like, firm = scenario.like, scenario.firm
        took, audio = firm * like.pace + self._elapsed, firm + self._audio
        return max(took / audio, (took + self.since) / (audio + self._burst))

    def left(self, like: Utterance) -> float:
        """Expected seconds of audio that have not arrived yet."""
        return max(self._characters / like.characters - self._received, self._least)
