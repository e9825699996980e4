"""What may come of an utterance, as far as earlier ones and its own arrivals tell."""

from __future__ import annotations

from typing import NamedTuple

from .habits import Habits, Utterance
from .log import ArrivalLog

CHARACTERS_PER_SECOND = 13.6  # of English speech
UNKNOWN = (
    Utterance(0.2, 0.0, 0.0, CHARACTERS_PER_SECOND),
    Utterance(0.3, 0.1, 0.04, CHARACTERS_PER_SECOND),
    Utterance(0.7, 0.1, 0.1, CHARACTERS_PER_SECOND),
)
"""How a service may behave that nobody knows."""
FAMILIAR = 10  # utterances after which nothing but what was learnt counts
UNEVEN = 0.01  # variance of the time that a second of audio takes, as a share of its square: how much noise is usual
SPREAD = 0.01  # the same of the pace of utterances, while few are known
PRIOR_AUDIO = 0.3  # seconds of audio that weigh as much as what is assumed about an unknown service
MOST_AUDIO = 10.0  # and at most about a known one
UNKNOWN_LEFT = 6.0  # seconds of audio that are taken to come where the text does not tell
LEAST_LEFT = 0.5


class Scenario(NamedTuple):
    """One way that it may go: like ``like``, which counts ``weight`` (all together 1), and what is seen now counts as
    much once ``firm`` seconds of audio have come.
    """

    weight: float
    like: Utterance
    firm: float


def scenarios(habits: Habits) -> list[Scenario]:
    """The ways it may go with a service of these habits: mixed with those of unknown ones until it is familiar."""
    known = habits.utterances
    share = min(len(known), FAMILIAR) / FAMILIAR
    usual = habits.characters_per_second(CHARACTERS_PER_SECOND)
    firm = firmness([like.pace for like in known])
    out = [Scenario(share / len(known), like._replace(characters=like.characters or usual), firm) for like in known]
    if share < 1:
        rest = (1 - share) / len(UNKNOWN)
        out += [Scenario(rest, like._replace(characters=usual), PRIOR_AUDIO) for like in UNKNOWN]
    return sorted(out, key=lambda scenario: scenario.like.pace)


def firmness(paces: list[float]) -> float:
    """Seconds of audio that tell as much about an utterance's pace as ``paces`` of earlier ones: many if these agree."""
    if not paces:
        return PRIOR_AUDIO
    mean = sum(paces) / len(paces)
    square = max(mean * mean, 1e-6)
    spread = (sum((pace - mean) ** 2 for pace in paces) / square + SPREAD) / (len(paces) + 1)
    return min(UNEVEN / spread, MOST_AUDIO * min(1.0, mean))


def quantile(ways: list[Scenario], share: float) -> Scenario:
    """The way than which ``share`` of all, by weight, are not slower. ``ways`` go from fast to slow."""
    reached = 0.0
    for scenario in ways:
        reached += scenario.weight
        if reached >= share:
            return scenario
    return ways[-1]


class Outlook:
    """What is to come, seen at one moment: ``elapsed`` and ``audio`` seconds since, and after, the first burst."""

    def __init__(self, log: ArrivalLog, characters: int, open_end: bool, now: float) -> None:
        self._received, self._burst = log.received, log.burst
        self._characters, self._open_end = characters, open_end
        self.since = now - log.last
        begun = log.received - log.burst
        self._elapsed, self._audio = log.last - log.first, begun
        # The next burst is not there: if that is news, it counts as if it came now.
        self._late_elapsed, self._late_audio = now - log.first, log.received

    def pace(self, scenario: Scenario) -> float:
        """Seconds that a second of audio takes."""
        firm = scenario.firm
        expected = firm * scenario.like.pace
        return max(
            (expected + self._elapsed) / (firm + self._audio),
            (expected + self._late_elapsed) / (firm + self._late_audio),
        )

    def left(self, scenario: Scenario) -> float:
        """Seconds of audio that have not arrived."""
        least = UNKNOWN_LEFT if self._open_end else LEAST_LEFT
        return max(self._characters / scenario.like.characters - self._received, least)
