"""The clock's tests: ``pip install oggstream pytest`` and ``pytest tools/examples/own_tests``.

The capture was made with ``python -m oggstream record "It is 12:30." captures/time``; any speech of that length does.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

import oggstream
from oggstream.testing import SpeechCapture, VirtualSpeech

from .clock import TalkingClock

NOON, LATER = datetime(2026, 1, 1, 12, 0), datetime(2026, 1, 1, 12, 1)  # noqa: DTZ001


def test_the_time_is_heard_within_150_ms(speech_capture: SpeechCapture, virtual_speech: VirtualSpeech) -> None:
    async def application() -> oggstream.PlaybackReport:
        async with TalkingClock(source=speech_capture("time"), sink=virtual_speech.sink) as clock:
            return await clock.say(NOON)

    report = virtual_speech.run(application())
    assert virtual_speech.first_audible is not None
    assert virtual_speech.first_audible < 0.15
    assert report.playout.stalls == 0
    assert not virtual_speech.silences(longest=0.5)


def test_a_slow_network_costs_little_more(speech_capture: SpeechCapture, virtual_speech: VirtualSpeech) -> None:
    async def application() -> oggstream.PlaybackReport:
        source = speech_capture("time", network="slow.rates")
        async with TalkingClock(source=source, sink=virtual_speech.sink) as clock:
            return await clock.say(NOON)

    report = virtual_speech.run(application())
    assert report.timing.first_audible is not None
    assert report.timing.first_audible < 0.5


def test_who_asks_again_is_answered_at_once(speech_capture: SpeechCapture, virtual_speech: VirtualSpeech) -> None:
    async def application() -> tuple[oggstream.PlaybackReport, oggstream.PlaybackReport]:
        async with TalkingClock(source=speech_capture("time"), sink=virtual_speech.sink) as clock:
            first = clock.say(NOON)
            await asyncio.sleep(0.5)
            second = clock.say(LATER)
            return await first, await second

    first, second = virtual_speech.run(application())
    assert first.stopped
    assert second.completed
    assert second.timing.first_audible is not None
    assert second.timing.first_audible < 0.15
    assert virtual_speech.time() == pytest.approx(0.5 + (second.timing.end or 0), abs=0.1)
