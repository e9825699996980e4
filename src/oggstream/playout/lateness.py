"""When the first sound of a piece is late, judged by earlier ones, and how many extra requests that may cost.

A piece that is late is worth a second request: "hedged requests" in Dean and Barroso, The Tail at Scale (CACM 56/2,
2013). A token bucket limits how many there are, as gRPC limits its retries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

KEPT = 64
"""Waits that are kept of each format."""
ENOUGH = 8
"""Waits for texts of a similar length without which no wait counts as late."""
SIMILAR = 2.0
"""The factor between two lengths that are similar: some services synthesise the whole text before they answer."""
BUCKET = 10.0
"""Extra requests that may be saved up."""
MOST_SHARE = 0.25
"""Share of the waits that count as late with a full bucket; with the last token, none that was seen before does."""
UNUSUAL = 1.2
"""A late wait is this many times the median, at least."""
FORMATS = 8


class Wait(NamedTuple):
    """The wait for the first sound of a text of so many characters."""

    characters: int
    seconds: float


class Lateness(NamedTuple):
    """The waits for first sounds, and the budget for extra requests; a value, never changed in place.

    ``waits``: per requested format, the oldest first. ``asked``: pieces ever noted. ``owed``: tokens that the bucket
    lacks, all at first; it may lack more than it holds when two speeches spend at once.
    """

    waits: tuple[tuple[str, tuple[Wait, ...]], ...] = ()
    asked: int = 0
    owed: float = BUCKET

    def with_wait(self, name: str, wait: Wait) -> Lateness:
        """Add the wait for a piece in format ``name``."""
        known = dict(self.waits)
        waits = (*known.pop(name, ()), wait)[-KEPT:]
        return self._replace(waits=(*known.items(), (name, waits))[-FORMATS:], asked=self.asked + 1)

    def earned(self, share: float) -> Lateness:
        """Add the ``share`` of an extra request that a piece allows."""
        return self._replace(owed=max(0.0, self.owed - share))

    def spent(self) -> Lateness:
        """Take the token of an extra request."""
        return self._replace(owed=self.owed + 1)

    def emptied(self) -> Lateness:
        """Without a token: the service refused an extra request."""
        return self._replace(owed=max(self.owed, BUCKET))

    @property
    def tokens(self) -> float:
        """Extra requests that may be sent now; negative after too many."""
        return BUCKET - self.owed

    def late_after(self, name: str, characters: int) -> float | None:
        """Seconds after which a first sound is late enough for an extra request; None: never.

        The fuller the bucket, the sooner: so the budget is used, however many pieces turn out to need it.
        """
        if self.tokens < 1:
            return None
        return self.quantile(name, characters, MOST_SHARE * (self.tokens - 1) / (BUCKET - 1))

    def quantile(self, name: str, characters: int, share: float) -> float | None:
        """The wait that a ``share`` of the similar ones exceeded, at least `UNUSUAL`; None if too few are known."""
        waits = self._similar(name, characters)
        if len(waits) < ENOUGH:
            return None
        beyond = waits[max(0, len(waits) - 1 - int(share * len(waits)))]
        return max(beyond, UNUSUAL * waits[len(waits) // 2])

    def usual(self, name: str, characters: int) -> float:
        """The median of the similar waits; 0 if none is known."""
        waits = self._similar(name, characters)
        return waits[len(waits) // 2] if waits else 0.0

    def _similar(self, name: str, characters: int) -> list[float]:
        """The waits for texts of a similar length, the shortest wait first."""
        waits = dict(self.waits).get(name, ())
        shortest, longest = characters / SIMILAR, characters * SIMILAR
        return sorted(wait.seconds for wait in waits if shortest <= wait.characters <= longest)

    def joined(self, base: Lateness, current: Lateness) -> Lateness:
        """Add to ``current`` what was learnt and spent here since ``base``."""
        new = max(0, self.asked - base.asked)
        before = dict(base.waits)
        waits = dict(current.waits)
        for name, own in self.waits:
            added = _behind(before.get(name, ()), own)
            waits[name] = (*waits.get(name, ()), *added)[-KEPT:]
        owed = max(0.0, current.owed + self.owed - base.owed)
        return Lateness(tuple(waits.items())[-FORMATS:], current.asked + new, owed)

    def to_list(self) -> list[Any]:
        """Plain data for ``json.dumps``: short, because the file is read before the first request."""
        flat = {
            name: [n for wait in waits for n in (wait.characters, round(wait.seconds * 1000))]
            for name, waits in self.waits
        }
        return [self.asked, round(self.owed, 4), flat]

    @classmethod
    def from_list(cls, data: Any) -> Lateness:
        """Read the data of `to_list`. Raises ValueError or TypeError for anything else."""
        asked, owed, flat = data
        waits = tuple((str(name), tuple(_pairs(numbers))[-KEPT:]) for name, numbers in flat.items())[-FORMATS:]
        if not (type(asked) is int and asked >= 0 and 0 <= owed < float("inf")):
            raise ValueError("not a lateness")
        return cls(waits, asked, float(owed))


def _behind(before: tuple[Wait, ...], own: tuple[Wait, ...]) -> tuple[Wait, ...]:
    """The waits of ``own`` that follow those of ``before``, whose oldest may have been dropped."""
    for start in range(len(before)):
        kept = before[start:]
        if own[: len(kept)] == kept:
            return own[len(kept) :]
    return own


def _pairs(numbers: list[Any]) -> Iterable[Wait]:
    for characters, milliseconds in zip(numbers[::2], numbers[1::2], strict=True):
        if not (isinstance(characters, int) and isinstance(milliseconds, int) and min(characters, milliseconds) >= 0):
            raise ValueError("not a wait")
        yield Wait(characters, milliseconds / 1000)
