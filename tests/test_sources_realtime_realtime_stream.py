"""The output of a Realtime stream, and which differences between text and transcript are reported."""

from __future__ import annotations

import struct
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import oggstream
from oggstream.sources.realtime.realtime_source import RealtimeSource
from oggstream.sources.realtime.realtime_stream import difference
from realtime_service import Talk, realtime_service


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello, world!", "hello world"),
        ("Hello,\n\n  world.", " Hello, world. "),
        ("\u201cIt\u2019s here,\u201d she said \u2014 twice\u2026", '"It\'s here," she said - twice...'),
        ("Write an e-mail.", "Write an email."),
        ("**Bold** and `code`", "Bold and code."),
        ("STRASSE", "stra\u00dfe"),
        ("caf\u00e9", "cafe\u0301"),
        ("\u6211\u5011\u8d70\u3002", "\u6211\u5011 \u8d70"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947!", "\u0928\u092e\u0938\u094d\u0924\u0947"),
        ("'quoted'", "quoted"),
        ("...", ""),
    ],
)
def test_the_same_words_are_no_difference(text: str, spoken: str) -> None:
    assert difference(text, spoken) is None


@pytest.mark.parametrize(
    ("text", "spoken", "words"),
    [
        ("I can't go.", "I cannot go.", 'said "cannot" for "can\'t"'),
        ("In 12 days.", "In twelve days.", 'said "twelve" for "12"'),
        ("50% of it", "50 percent of it", 'added "percent"'),
        ("One two three.", "One three.", 'left out "two"'),
        ("Hello.", "Sure! Hello.", 'added "sure"'),
        ("Hello there.", "Hello.", 'left out "there"'),
        ("Hello.", "", 'left out "hello"'),
        ("its", "it's", 'said "it\'s" for "its"'),
        ("go go go", "go go", 'left out "go"'),
    ],
)
def test_other_words_are_named(text: str, spoken: str, words: str) -> None:
    assert str(difference(text, spoken)) == words


def test_a_long_difference_is_cut_short() -> None:
    message = str(difference("word " * 100, "other"))
    assert message.endswith('..."')
    assert len(message) < 100


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that is busy
@given(st.text(), st.text())
def test_any_two_texts_can_be_compared_and_a_text_is_itself(text: str, other: str) -> None:
    assert difference(text, text) is None
    found = difference(text, other)
    assert (found is None) == (difference(other, text) is None)
    assert found is None or str(found)


# Samples that look like text.


@pytest.mark.parametrize("chunk", [40, 4800])
@pytest.mark.parametrize("offset", [-260, -2, 0, 1, 10, 32, 100, 8224, 29556])
async def test_speech_that_begins_quietly_with_an_offset_is_heard_to_the_sample(offset: int, chunk: int) -> None:
    noise = Random(offset)
    samples = [offset + noise.choice((-1, 0, 0, 1)) for _ in range(24000)]
    pcm = struct.pack(f"<{len(samples)}h", *samples)

    async def quiet(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        for at in range(0, len(pcm), chunk):
            await talk.audio(name, pcm[at : at + chunk])
        await talk.done(name)
        await talk.next("nothing")

    async with realtime_service(quiet) as service:
        source = RealtimeSource(base_url=service.base, trust_env=False)
        frames = [frame async for frame in oggstream.stream_frames("Hello.", source=source)]
        await source.aclose()
    assert {frame.rate for frame in frames} == {24000}
    heard = np.concatenate([frame.pcm for frame in frames])[:, 0]
    assert np.array_equal(np.round(heard * 32768), samples)
