"""A capture as a source: its bytes, at their times."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import oggstream
from oggstream.errors import CaptureError, SourceBrokenError
from oggstream.events import Event, Recorder, RequestSent, ResponseStarted, using
from oggstream.options import SpeechOptions
from oggstream.sources.captures.capture import Capture, save
from oggstream.sources.captures.replay_source import ReplaySource, identity

pytestmark = pytest.mark.looptime

CAPTURE = Capture(
    "a",
    b"abcdef",
    [(1.0, 2), (1.5, 0), (2.0, 4)],
    url="https://speech.example:8443/v1/audio/speech",
    headers={"content-type": "audio/ogg", "X-Request-ID": "r-1"},
    request={"model": "m", "voice": "v", "input": "Hi."},
)


async def received(source: ReplaySource, text: str = "Hi.") -> list[tuple[float, bytes]]:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with source.open(text, SpeechOptions()) as stream:
        found = [(round(loop.time() - begun, 6), chunk) async for chunk in stream if isinstance(chunk, bytes)]
    return [*found, (round(loop.time() - begun, 6), b"")]


async def test_the_recorded_bytes_come_at_the_recorded_times() -> None:
    assert await received(ReplaySource(CAPTURE)) == [(1.0, b"ab"), (2.0, b"cdef"), (2.0, b"")]


async def test_a_consumer_that_is_late_gets_the_rest_at_once() -> None:
    loop = asyncio.get_running_loop()
    async with ReplaySource(CAPTURE).open("", SpeechOptions()) as stream:
        await asyncio.sleep(5)
        begun = loop.time()
        assert [chunk async for chunk in stream if isinstance(chunk, bytes)] == [b"ab", b"cdef"]
        assert loop.time() == begun


async def test_the_answer_comes_with_its_first_chunk_or_when_it_is_said_to() -> None:
    events: list[Event] = []
    loop = asyncio.get_running_loop()
    for capture in (CAPTURE, CAPTURE._replace(answered=0.25), CAPTURE._replace(arrivals=[], body=b"")):
        with using(Recorder(loop.time, loop.time(), events.append)):
            await received(ReplaySource(capture), "Hello.")
    told = [(type(event), round(event.at, 6)) for event in events]
    assert told == [
        (RequestSent, 0.0),
        (ResponseStarted, 1.0),
        (RequestSent, 0.0),
        (ResponseStarted, 0.25),
        (RequestSent, 0.0),
        (ResponseStarted, 0.0),
    ]
    assert events[:2] == [
        RequestSent(at=events[0].at, characters=6),
        ResponseStarted(at=events[1].at, content_type="audio/ogg", request_id="r-1"),
    ]


async def test_the_end_comes_when_it_was_known() -> None:
    assert (await received(ReplaySource(CAPTURE._replace(ended=3.5))))[-1] == (3.5, b"")


async def test_an_answer_that_broke_off_breaks_off_again() -> None:
    source = ReplaySource(CAPTURE._replace(broken="the line was cut", ended=2.5))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(SourceBrokenError, match="the line was cut") as caught:
        await received(source)
    assert caught.value.request_id == "r-1"
    assert loop.time() - begun == pytest.approx(2.5)


async def test_each_request_gets_the_next_capture_and_the_last_one_for_ever() -> None:
    source = ReplaySource(CAPTURE, CAPTURE._replace(body=b"uvwxyz"))
    firsts = [(await received(source))[0][1] for _ in range(3)]
    assert firsts == [b"ab", b"uv", b"uv"]


async def test_it_takes_names_and_is_public(tmp_path: Path) -> None:
    save(CAPTURE._replace(name=str(tmp_path / "a")))
    source = oggstream.ReplaySource(tmp_path / "a")
    assert isinstance(source, oggstream.Source)
    assert repr(source) == f"ReplaySource({str(tmp_path / 'a')!r})"
    assert (await received(source))[0] == (1.0, b"ab")
    with pytest.raises(CaptureError):
        oggstream.ReplaySource(tmp_path / "b")
    with pytest.raises(CaptureError, match="name at least one"):
        oggstream.ReplaySource()


def test_what_is_learnt_is_kept_by_host_model_and_voice() -> None:
    assert identity(CAPTURE) == "speech.example:8443|m|v"
    assert ReplaySource(CAPTURE).traits.identity_for(SpeechOptions(voice="other")) == "speech.example:8443|m|v"
    assert identity(Capture("a", b"", [])) == "capture||"
