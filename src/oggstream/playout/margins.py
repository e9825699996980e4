"""How much audio should be there before the first sound: what would have cost least so far, as follow-the-leader does.

Each utterance that has arrived tells what every margin would have cost, whichever was used. An outage of the link is
harmless late in an utterance, when much is buffered, and costs much at its beginning. It might have come at any time,
so each margin is tried at several places of the utterance, as if it had begun there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

MARGINS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.5)
"""Seconds of audio."""
PRIOR = (0.0, 0.6, 0.75, 1.2, 2.25, 6.0)
"""What they are taken to have cost before anything is known: as in fifteen utterances without an outage."""
FORGET = 0.98
PLACES = 8  # at which an utterance is taken to begin, in its first two thirds
MOST_BURSTS = 128  # that are looked at
STALL, SILENCE = 1.0, 10.0  # the cost of a stall, and of each second of it; a second of waiting or concealment costs 1
CONCEALED = 0.06  # seconds of lateness that are concealed
RESUME = 0.5  # seconds of audio after which playback continues

Burst: TypeAlias = tuple[float, float]
"""The time at which audio arrived, and how much: both in seconds."""
Costs: TypeAlias = tuple[float, ...]
"""What each of `MARGINS` would have cost, in sum; empty: nothing is known."""


def costs_of(bursts: Sequence[Burst], slope: float) -> Costs:
    """What each margin would have cost in an utterance, played so that a second of audio lasts ``slope`` seconds."""
    bursts = bursts[:MOST_BURSTS]
    last = max(0, 2 * len(bursts) // 3 - 1)
    places = sorted({round(place * last / (PLACES - 1)) for place in range(PLACES)})
    return tuple(sum(_cost(bursts[place:], margin, slope) for place in places) / len(places) for margin in MARGINS)


def with_costs(known: Costs, new: Costs) -> Costs:
    """The costs with those of one more utterance; older ones are forgotten slowly.

    One utterance may speak for a margin at most as much as the prior speaks against it: a single long outage, which
    may never come again, is not waited for.
    """
    heard = (max(now, new[0] - most) for now, most in zip(new, PRIOR, strict=True))
    return tuple(FORGET * before + now for before, now in zip(known or (0.0,) * len(MARGINS), heard, strict=True))


def best_margin(known: Costs) -> float:
    """The margin that has cost least."""
    costs = [before + prior for before, prior in zip(known or (0.0,) * len(MARGINS), PRIOR, strict=True)]
    return MARGINS[costs.index(min(costs))]


def _cost(bursts: Sequence[Burst], margin: float, slope: float) -> float:
    """What a player pays that begins with ``margin`` seconds of audio."""
    now, total, buffered, credit = bursts[0][0], 0.0, 0.0, CONCEALED
    price, needed, silent = 1.0, margin, True
    end = bursts[-1][0]
    for at, seconds in bursts:
        if silent:
            total += price * (at - now)
        else:
            late = at - now - buffered * slope
            buffered = max(0.0, buffered - (at - now) / slope)
            if late > 0:
                hidden = min(late, credit)
                credit -= hidden
                total += hidden
                if late > hidden:
                    total += STALL + SILENCE * (late - hidden)
                    price, needed, silent = SILENCE, RESUME, True
        now = at
        buffered += seconds
        silent = silent and buffered < needed and at < end
    return total
