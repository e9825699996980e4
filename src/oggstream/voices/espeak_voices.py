"""OpenAI's names for voices, and its speeds, as espeak-ng's variants and words a minute."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UsageError
from .espeak import EVEN_WPM, MIN_WPM, NORMAL_WPM, SONIC_WPM, EspeakVoice

DEFAULT_VOICE = "alloy"
MIN_SPEED, MAX_SPEED = 0.25, 4.0

_AMERICAN, _BRITISH = "gmw/en-US", "gmw/en-GB-x-rp"

VOICES = {
    "alloy": EspeakVoice(_AMERICAN, "", 52),
    "ash": EspeakVoice(_AMERICAN, "m3", 42),
    "ballad": EspeakVoice(_BRITISH, "m7", 50),
    "coral": EspeakVoice(_AMERICAN, "f2", 52),
    "echo": EspeakVoice(_AMERICAN, "m2", 50),
    "fable": EspeakVoice(_BRITISH, "", 58),
    "onyx": EspeakVoice(_AMERICAN, "m4", 34),
    "nova": EspeakVoice(_AMERICAN, "f3", 55),
    "sage": EspeakVoice(_AMERICAN, "f1", 46),
    "shimmer": EspeakVoice(_AMERICAN, "f5", 60),
    "verse": EspeakVoice(_AMERICAN, "m6", 56),
    "marin": EspeakVoice(_AMERICAN, "f4", 48),
    "cedar": EspeakVoice(_AMERICAN, "m1", 44),
}
"""The voices by name, each at normal speed."""


class Pace(NamedTuple):
    """What gives a speed: words a minute for espeak-ng, and the factor to stretch its sound by (1 leaves it alone)."""

    wpm: int
    stretch: float


def espeak_voice(voice: str) -> EspeakVoice:
    """How the voice of that name speaks. Raises `UsageError` for an unknown one."""
    try:
        return VOICES[voice]
    except KeyError:
        raise UsageError(f"no voice {voice!r}: use one of {', '.join(VOICES)}") from None


def pace_of(speed: float) -> Pace:
    """Words a minute, and stretching, for ``speed`` (0.25 to 4, 1 is normal).

    espeak-ng speaks no slower than `MIN_WPM`, and from `EVEN_WPM` to `SONIC_WPM` it makes short phrases up to a third
    too short; there the rest is done by stretching. Measured, sentences then last the inverse of the speed within 5 %.
    Raises `UsageError` outside the range.
    """
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"speed {speed:g} is outside {MIN_SPEED:g} to {MAX_SPEED:g}")
    wanted = NORMAL_WPM * speed
    if wanted < MIN_WPM:
        return Pace(MIN_WPM, MIN_WPM / wanted)
    if EVEN_WPM < wanted < SONIC_WPM:
        return Pace(EVEN_WPM, EVEN_WPM / wanted)
    return Pace(round(wanted), 1.0)
