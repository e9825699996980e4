"""The habits of one service, model and voice, learnt from earlier utterances."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .lateness import Lateness
from .margins import MARGINS, Costs, with_costs

SCHEMA = 1
KEPT = 10  # utterances; older ones are dropped
FORMATS_KEPT = 8
REFUSED_FOR = 64  # utterances after which a refused format is requested again: services change


class Utterance(NamedTuple):
    """How the audio of one utterance arrived.

    ``pace``: seconds that a second of audio took, after the first (1 / synthesis rate; 0: all came at once).
    ``delay``: the start delay in seconds that would have avoided every stall except those that the pace explains;
    ``margin``: seconds of audio received just before that moment: any more would have been enough to start.
    ``characters``: spoken per second of audio, 0 if unknown.
    """

    pace: float
    delay: float
    margin: float
    characters: float


class Habits(NamedTuple):
    """The last utterances of one host, model and voice, the oldest first; a value, never changed in place.

    ``seen``: number of utterances ever. ``first_packet``: seconds from the request to the first packet, per format.
    ``link``: bytes per second that the link has carried, 0 if unknown. ``refused``: formats that it did not deliver,
    each with ``seen`` at that time. ``requests``: how many it takes at a time, 0 if unknown. ``endless``: complete
    bodies in a row without an end mark. ``lateness``: the waits for first sounds. ``costs`` of the margins.
    """

    utterances: tuple[Utterance, ...] = ()
    seen: int = 0
    first_packet: tuple[tuple[str, float], ...] = ()
    link: float = 0.0
    refused: tuple[tuple[str, int], ...] = ()
    requests: int = 0
    endless: int = 0
    lateness: Lateness = Lateness()
    costs: Costs = ()

    def with_utterance(self, utterance: Utterance) -> Habits:
        """Return these habits with one more utterance."""
        return self._replace(utterances=(*self.utterances, utterance)[-KEPT:], seen=self.seen + 1)

    def with_costs(self, costs: Costs) -> Habits:
        """Return these habits with what each margin would have cost in one more utterance; empty: not known."""
        return self._replace(costs=with_costs(self.costs, costs)) if costs else self

    def with_first_packet(self, name: str, seconds: float) -> Habits:
        """Return these habits with a first packet in format ``name``, ``seconds`` after the request."""
        known = dict(self.first_packet)
        known[name] = _smoothed(known.get(name), seconds)
        return self._replace(first_packet=tuple(known.items())[-FORMATS_KEPT:])

    def with_link(self, rate: float) -> Habits:
        """Return these habits with a measured link of ``rate`` bytes per second."""
        return self._replace(link=_smoothed(self.link or None, rate))

    def with_refused(self, name: str) -> Habits:
        """Return these habits with format ``name`` refused."""
        known = {**dict(self.refused), name: self.seen}
        return self._replace(refused=tuple(known.items())[-FORMATS_KEPT:])

    def with_given(self, name: str) -> Habits:
        """Return these habits with format ``name`` delivered."""
        return self._replace(refused=tuple(item for item in self.refused if item[0] != name))

    def refuses(self, name: str) -> bool:
        """Whether format ``name`` counts as refused: for `REFUSED_FOR` utterances after a refusal."""
        seen = dict(self.refused).get(name)
        return seen is not None and self.seen - seen < REFUSED_FOR

    def has_given(self, name: str) -> bool:
        """Whether an utterance in format ``name`` has sounded."""
        return name in dict(self.first_packet) and not self.refuses(name)

    def joined(self, base: Habits | None, current: Habits | None) -> Habits:
        """Merge these habits, learnt from ``base``, into ``current``, which others have made of ``base`` meanwhile.

        The result is ``current`` with the utterances after ``base`` and everything else learnt since then.
        """
        base = base or Habits()
        if current is None or current == base or not base.seen <= min(self.seen, current.seen):
            return self  # the file was started afresh meanwhile
        new = min(self.seen - base.seen, len(self.utterances))
        changed: dict[str, Any] = {
            name: value
            for name, value, before in zip(self._fields, self, base, strict=True)
            if value != before and name not in ("utterances", "seen", "first_packet", "lateness")
        }
        packets = {**dict(current.first_packet), **dict(self.first_packet)}
        return current._replace(
            utterances=(*current.utterances, *self.utterances[len(self.utterances) - new :])[-KEPT:],
            seen=current.seen + self.seen - base.seen,
            first_packet=tuple(packets.items())[-FORMATS_KEPT:],
            lateness=self.lateness.joined(base.lateness, current.lateness),
            **changed,
        )

    def characters_per_second(self, usual: float) -> float:
        """Characters spoken per second of audio, the median of the utterances; ``usual`` if none tells."""
        seen = sorted(utterance.characters for utterance in self.utterances if utterance.characters > 0)
        return seen[len(seen) // 2] if seen else usual

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for ``json.dumps``, from which `from_dict` restores the habits."""
        return {
            "schema": SCHEMA,
            "utterances": [[round(number, 4) for number in utterance] for utterance in self.utterances],
            "seen": self.seen,
            "first_packet": {name: round(seconds, 4) for name, seconds in self.first_packet},
            "link": round(self.link, 1),
            "refused": dict(self.refused),
            "requests": self.requests,
            "endless": self.endless,
            "lateness": self.lateness.to_list(),
            "costs": [round(cost, 4) for cost in self.costs],
        }

    @classmethod
    def from_dict(cls, data: object) -> Habits | None:
        """Read the data of `to_dict`; None for anything else: damaged habits are dropped."""
        try:
            return cls._read(data)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            return None

    @classmethod
    def _read(cls, data: Any) -> Habits | None:
        if data["schema"] != SCHEMA:
            return None
        return cls(
            tuple(Utterance(*map(_number, item)) for item in data["utterances"][-KEPT:]),
            int(_number(data["seen"])),
            tuple((str(name), _number(seconds)) for name, seconds in data["first_packet"].items())[-FORMATS_KEPT:],
            _number(data["link"]),
            tuple((str(name), int(_number(seen))) for name, seen in data.get("refused", {}).items())[-FORMATS_KEPT:],
            int(_number(data.get("requests", 0))),
            int(_number(data.get("endless", 0))),
            Lateness.from_list(data["lateness"]) if "lateness" in data else Lateness(),
            _costs(data.get("costs", [])),
        )


def _costs(data: list[Any]) -> Costs:
    """The costs of the margins; none where another version had other margins."""
    return tuple(map(_number, data)) if len(data) == len(MARGINS) else ()


def _smoothed(before: float | None, now: float) -> float:
    return now if before is None else before + (now - before) / 4


def _number(value: Any) -> float:
    """``value`` as a finite, non-negative number; raises ValueError or TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"not a number: {value!r}")
    if not 0 <= value < math.inf:
        raise ValueError(f"not a quantity: {value!r}")
    return float(value)
