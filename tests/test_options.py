"""Valid and invalid options."""

from __future__ import annotations

from typing import Any

import pytest

from oggstream.errors import UsageError
from oggstream.options import AudioFormat, PlaybackOptions, SpeechOptions


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


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("auto", AudioFormat("auto")),
        ("pcm", AudioFormat("pcm")),
        ("pcm:16000", AudioFormat("pcm", 16000)),
        ("pcm:44100:2", AudioFormat("pcm", 44100, 2)),
        ("pcm:f32:24000", AudioFormat("pcm", 24000, None, floats=True)),
        ("pcm:f32:48000:8", AudioFormat("pcm", 48000, 8, floats=True)),
    ],
)
def test_a_format_may_say_what_its_samples_are(text: str, parsed: AudioFormat) -> None:
    assert AudioFormat.parse(text) == parsed
    assert SpeechOptions(format=text).wire_format == parsed.name


@pytest.mark.parametrize(
    "text",
    [
        *("pcm:", "pcm:0", "pcm:1999", "pcm:384001", "pcm:24k", "pcm:24000:0", "pcm:24000:9", "pcm:24000:2:1"),
        *(
            "pcm:f32",
            "pcm:f32:",
            "pcm:s16:24000",
            "opus:24000",
            "wav:16000",
            "auto:1",
            "pcm:f32:f32:24000",
            "pcm:-24000",
        ),
        *("pcm:24000:", "pcm:-24000", "pcm: 24000", "pcm:\u0662\u0664000", "pcm:99999999999"),
    ],
)
def test_other_samples_are_refused_with_the_way_to_write_them(text: str) -> None:
    with pytest.raises(UsageError, match=r"pcm:RATE\[:CHANNELS\] or pcm:f32:RATE\[:CHANNELS\]; RATE is 2000 to 384000"):
        SpeechOptions(format=text)


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


@pytest.mark.parametrize("name", ["latency", "lead_in", "idle_close"])
def test_a_time_of_the_device_is_not_negative(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must not be negative"):
        PlaybackOptions(**{name: -0.1})  # type: ignore[arg-type]
