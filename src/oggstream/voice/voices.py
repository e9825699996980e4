"""OpenAI's names for voices, and its speeds, as espeak-ng's variants and words a minute."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UsageError
from .espeak import MAX_WPM, MIN_WPM, NORMAL_WPM, Manner

DEFAULT_VOICE = "alloy"
MIN_SPEED, MAX_SPEED = 0.25, 4.0

_AMERICAN, _BRITISH = "gmw/en-US", "gmw/en-GB-x-rp"

VOICES = {
    "alloy": Manner(_AMERICAN, "", 52),
    "ash": Manner(_AMERICAN, "m3", 42),
    "ballad": Manner(_BRITISH, "m7", 50),
    "coral": Manner(_AMERICAN, "f2", 52),
    "echo": Manner(_AMERICAN, "m2", 50),
    "fable": Manner(_BRITISH, "", 58),
    "onyx": Manner(_AMERICAN, "m4", 34),
    "nova": Manner(_AMERICAN, "f3", 55),
    "sage": Manner(_AMERICAN, "f1", 46),
    "shimmer": Manner(_AMERICAN, "f5", 60),
    "verse": Manner(_AMERICAN, "m6", 56),
    "marin": Manner(_AMERICAN, "f4", 48),
    "cedar": Manner(_AMERICAN, "m1", 44),
}
"""The voices by name, each at normal speed."""


class Pace(NamedTuple):
    """What gives a speed: words a minute for espeak-ng, and the factor (1 or more) to stretch its sound by."""

    wpm: int
    stretch: float


def manner_of(voice: str) -> Manner:
    """How the voice of that name speaks. Raises `UsageError` for an unknown one."""
    try:
        return VOICES[voice]
    except KeyError:
        raise UsageError(f"no voice {voice!r}: use one of {', '.join(VOICES)}") from None


def pace_of(speed: float) -> Pace:
    """Words a minute, and stretching, for ``speed`` (0.25 to 4, 1 is normal).

    Measured, durations are within 5 % of the inverse of the speed. espeak-ng speaks no slower than `MIN_WPM`: below a
    speed of 0.46 the rest is done by stretching. Raises `UsageError` outside the range.
    """
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"speed {speed:g} is outside {MIN_SPEED:g} to {MAX_SPEED:g}")
    wanted = NORMAL_WPM * speed
    wpm = min(MAX_WPM, max(MIN_WPM, round(wanted)))
    return Pace(wpm, max(1.0, wpm / wanted) if wanted < MIN_WPM else 1.0)
