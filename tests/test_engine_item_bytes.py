"""A speech as the bytes of one body: the first ones with the first sound, few and large ones behind it."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.streams import stream_pages, stream_samples
from oggstream.voice.bodies import PcmBody
from scripted import ScriptedSource, every, pages, spoken

pytestmark = pytest.mark.looptime


def packets(body: bytes) -> list[AudioPacket]:
    reader = OpusReader()
    return [item for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


async def test_of_a_body_that_comes_at_once_the_first_page_is_small_and_the_others_hold_a_second() -> None:
    source = ScriptedSource(every(0, [spoken(4.0)]))
    parts = [part async for part in stream_pages("Hi.", source, PlaybackOptions(), SpeechOptions())]
    counts = [len(packets(b"".join(parts[:number]))) for number in range(1, len(parts) + 1)]
    assert counts[0] == 6
    assert len(parts) <= 6
    assert packets(b"".join(parts)) == packets(spoken(4.0))


async def test_of_one_that_comes_slowly_each_page_leaves_as_it_comes() -> None:
    source = ScriptedSource(every(0.02, pages(spoken(0.4, packets_per_page=1))))
    clock = asyncio.get_running_loop().time
    times = [clock() async for _ in stream_pages("Hi.", source, PlaybackOptions(), SpeechOptions())]
    steps = [round(later - earlier, 3) for earlier, later in pairwise(times)]
    assert set(steps[:-1]) == {0.02}


async def test_samples_come_at_the_rate_that_is_asked_for_to_the_sample() -> None:
    for rate in (24000, 48000):
        source = ScriptedSource(every(0, pages(spoken(1.0))))
        parts = stream_samples("Hi.", source, PlaybackOptions(), SpeechOptions(), PcmBody, rate)
        assert len(b"".join([part async for part in parts])) == 2 * rate
