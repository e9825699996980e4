"""What can be chosen, and what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from oggstream.errors import UsageError
from oggstream.options import PlaybackOptions, SpeechOptions


@pytest.mark.parametrize("speed", [0.25, 1, 4.0, None])
def test_speeds_from_a_quarter_to_four_are_taken(speed: float | None) -> None:
    assert SpeechOptions(speed=speed).speed == speed


@pytest.mark.parametrize("speed", [0, 0.2499, 4.01, -1, float("nan")])
def test_other_speeds_are_refused(speed: float) -> None:
    with pytest.raises(UsageError, match="speed"):
        SpeechOptions(speed=speed)


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'mp3'.*opus"):
        SpeechOptions(format="mp3")


def test_a_negative_time_is_refused_by_its_name() -> None:
    with pytest.raises(UsageError, match="stall_timeout"):
        PlaybackOptions(stall_timeout=-1)


@pytest.mark.parametrize("options", [{"ring_seconds": 0.05}, {"ring_seconds": 0.3, "resume_buffer": 0.4}])
def test_a_ring_that_cannot_hold_its_buffers_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="ring_seconds"):
        PlaybackOptions(**options)


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        PlaybackOptions(0.1)  # type: ignore[call-arg]
