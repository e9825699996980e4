"""Values and names that a caller passes and cannot mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.errors import UsageError
from oggstream.options import PlaybackOptions, SpeechKeywords, SpeechOptions
from scripted import ScriptedSource


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": "fast"}, "speed must be a number from 0.25 to 4 or None, not 'fast'"),
        ({"speed": True}, "speed must be a number"),
        ({"voice": 7}, "voice must be the name of a voice"),
        ({"model": b"tts-1"}, "model must be a str or None, not bytes"),
        ({"instructions": ["cheerful"]}, "instructions must be a str or None, not list"),
        ({"format": None}, "format must be a str, such as 'auto', not NoneType"),
        ({"format": 24000}, "format must be a str"),
    ],
)
def test_a_wrong_value_of_speech_is_refused_by_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        SpeechOptions(**options)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ahead": "much"}, "ahead must be a number of at least 0, not 'much'"),
        ({"requests": 1.5}, "requests must be a whole number of at least 1, not 1.5"),
        ({"requests": 0}, "requests must be at least 1"),
        ({"gain": "loud"}, "unknown gain 'loud': use none, track or album"),
        ({"gain": ["none"]}, "unknown gain"),
        ({"on_refused": "retry"}, "unknown on_refused 'retry': use skip or stop"),
        ({"volume": 4.1}, "volume 4.1 is outside 0 to 4"),
        ({"volume": float("nan")}, "volume nan is outside"),
        ({"conceal": "no"}, "conceal must be True or False, not 'no'"),
        ({"speakable": 1}, "speakable must be True, False or None, not 1"),
        ({"channels": 0}, "channels 0 is outside 1 to 255"),
        ({"slowest": 0.4}, "slowest 0.4 is outside 0.5 to 1"),
        ({"pause": -0.1}, "pause must not be negative"),
        ({"stall_timeout": None}, "stall_timeout must be a number of at least 0, not NoneType"),
    ],
)
def test_a_wrong_value_of_playback_is_refused_by_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        PlaybackOptions(**options)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("speed", [np.float32(1.5), Decimal("1.5"), 2])
def test_any_number_is_a_number(speed: Any) -> None:
    assert SpeechOptions(speed=speed).speed == speed


def calls() -> dict[str, Any]:
    """Each public function that takes options of speech, as a call with keywords."""
    source = ScriptedSource([])

    async def play(**keywords: Any) -> None:
        await oggstream.play_stream("Hi", **keywords)

    async def frames(**keywords: Any) -> None:
        oggstream.stream_frames("Hi", **keywords)

    async def packets(**keywords: Any) -> None:
        oggstream.stream_packets("Hi", **keywords)

    async def player(**keywords: Any) -> None:
        oggstream.Player(**keywords)

    async def say(**keywords: Any) -> None:
        async with oggstream.Player(source=source, sink="null") as player:
            await player.say("Hi", **keywords)

    return {"play_stream": play, "stream_frames": frames, "stream_packets": packets, "Player": player, "say": say}


@pytest.mark.parametrize("function", calls())
async def test_a_wrong_keyword_is_refused_by_the_function_that_was_called(function: str) -> None:
    with pytest.raises(TypeError) as refused:
        await calls()[function](voise="coral")
    expected = f"{function}() got an unexpected keyword argument 'voise'; did you mean 'voice'?"
    assert str(refused.value) == expected


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("sourse", "did you mean 'source'?"),
        ("onevent", "did you mean 'on_event'?"),
        ("latency", "it is one of PlaybackOptions: options=PlaybackOptions(latency=...)"),
        ("zzz", "it takes source, options, sink, on_event, cache, voice"),
    ],
)
async def test_a_wrong_keyword_is_told_what_was_meant(keyword: str, hint: str) -> None:
    with pytest.raises(TypeError) as refused:
        await calls()["play_stream"](**{keyword: 1})
    assert hint in str(refused.value)


async def test_options_of_another_type_are_refused() -> None:
    with pytest.raises(UsageError, match="options must be a PlaybackOptions or None, not dict"):
        await calls()["play_stream"](options={"ahead": 3})


def test_the_keywords_that_type_checkers_know_are_the_fields_of_the_options() -> None:
    assert SpeechKeywords.__annotations__.keys() == SpeechOptions.__dataclass_fields__.keys()
    for name, field in SpeechOptions.__dataclass_fields__.items():
        assert SpeechKeywords.__annotations__[name].__forward_arg__ == field.type


def test_every_option_of_playback_has_a_rule() -> None:
    from oggstream.options import _PLAYBACK_RULES

    assert {*_PLAYBACK_RULES, "history"} == set(PlaybackOptions.__dataclass_fields__)
