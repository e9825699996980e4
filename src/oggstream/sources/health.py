"""The health of a source: a circuit breaker, and how long to wait for an answer. Pure."""

from __future__ import annotations

from collections import deque
from enum import Enum

FAILURES = 2
"""Failures in a row after which a source rests; one is enough if it is lasting, cost a long wait, or came too late."""
FIRST_REST, LONGEST_REST = 10.0, 300.0
"""Seconds of a rest, doubled with each rest in a row. A lasting failure gets the longest one."""
LEAST_PATIENCE, MOST_PATIENCE = 0.4, 10.0
PATIENCE = 5.0
"""Seconds that an unknown source may take for its first sound; as long as a connection may take."""
TRIAL_PATIENCE = 1.0
"""The same after a rest."""
MARGIN = 1.5
"""The wait for a source is this many times its slowest recent answer; in proportion longer for a longer text, because
some services synthesise all of it before they answer."""
_ANSWERS = 8


class FailureKind(Enum):
    """The kind of a failure: it may pass, the answer broke off or took too long, or it will not pass by itself."""

    PASSING = 1
    BROKEN = 2
    LASTING = 3


class _State(Enum):
    WELL = 1
    RESTING = 2
    ON_TRIAL = 3  # one piece is requested to test it


class Health:
    """The health of one source; ``now`` is in seconds on any monotonic scale."""

    def __init__(self) -> None:
        self._state = _State.WELL
        self._until = 0.0
        self._failures = 0
        self._rests = 0
        self._answers: deque[tuple[float, int]] = deque(maxlen=_ANSWERS)  # seconds, characters

    def fit(self, now: float) -> bool:
        """Whether it may be used: it does not rest, and no other piece is on trial."""
        return self._state is _State.WELL or (self._state is _State.RESTING and now >= self._until)

    def patience(self, characters: int) -> float:
        """Seconds to wait for the first sound of a text of so many characters if there is a standby."""
        if not self._answers:
            return TRIAL_PATIENCE if self._rests else PATIENCE
        slowest = max(seconds for seconds, _ in self._answers)
        longest = max(length for _, length in self._answers)
        usual = slowest * max(1.0, characters / max(longest, 1))
        return min(max(LEAST_PATIENCE, MARGIN * usual), MOST_PATIENCE)

    def asked(self) -> None:
        """A request was sent."""
        if self._state is _State.RESTING:
            self._state = _State.ON_TRIAL

    def left(self) -> None:
        """The request was cancelled."""
        if self._state is _State.ON_TRIAL:
            self._state = _State.RESTING

    def answered(self, seconds: float, characters: int) -> None:
        """The first sound of a text of so many characters came ``seconds`` after the request."""
        self._answers.append((seconds, characters))
        self._state = _State.WELL

    def delivered(self) -> None:
        """The answer was received completely."""
        self._failures = self._rests = 0

    def failed(self, failure: FailureKind, now: float) -> None:
        """A request failed."""
        if failure is FailureKind.PASSING:
            self._failures += 1
            if self._state is _State.WELL and self._failures < FAILURES:
                return
        rest = LONGEST_REST if failure is FailureKind.LASTING else min(FIRST_REST * 2.0**self._rests, LONGEST_REST)
        self._state = _State.RESTING
        self._until = max(self._until, now + rest)
        self._rests = min(self._rests + 1, 10)
        self._failures = 0
