"""The sound of engines as bodies want it: of one rate, in 16 bits, and of the common level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oggstream.voice.shaping import Shaper
from oggstream.voice.wire import RATE

HZ = 440


def tone(rate: int, seconds: float = 0.5, level: float = 0.25) -> Any:
    return (level * np.sin(2 * np.pi * HZ * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def as_integers(samples: Any) -> Any:
    return np.rint(samples * 32767).astype(np.int16)


def shaped(rate: int, block: Any, gain: float = 1.0, size: int = 999) -> Any:
    shaper = Shaper(rate, gain)
    parts = [shaper.feed(block[at : at + size]) for at in range(0, len(block), size)]
    return np.frombuffer(b"".join((*parts, shaper.finish())), np.int16)


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100])
@pytest.mark.parametrize("kind", [tone, lambda rate: as_integers(tone(rate))], ids=["floats", "integers"])
def test_every_rate_and_format_becomes_the_same_sound(rate: int, kind: Any) -> None:
    difference = shaped(rate, kind(rate)).astype(int) - as_integers(tone(RATE))
    assert len(difference) == RATE // 2
    assert np.abs(difference[200:-200]).max() <= 3


def test_second_utterance_begins_afresh() -> None:
    first, second = shaped(22050, tone(22050)), shaped(22050, tone(22050))
    assert (first == second).all()


def test_integers_of_the_right_rate_and_level_pass_as_they_are() -> None:
    assert (shaped(RATE, as_integers(tone(RATE))) == as_integers(tone(RATE))).all()


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_gain_cuts_at_full_scale_and_what_is_no_number_is_silent(kind: Any) -> None:
    loud = np.array([0.9, -0.9, 0.1], np.float32) if kind is np.float32 else np.array([30000, -30000, 3277], np.int16)
    assert shaped(RATE, loud, gain=2.0).tolist() == pytest.approx([32767, -32768, 6554], abs=1)
    assert shaped(RATE, np.array([np.nan], np.float32)).tolist() == [0]


def test_places_are_those_of_what_is_given_out() -> None:
    assert [Shaper(rate).place(rate // 2) for rate in (16000, 22050, 24000)] == [RATE // 2] * 3
