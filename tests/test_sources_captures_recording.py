"""Recording the answers of a source."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from oggstream.errors import OutputError, SourceBrokenError, SourceError
from oggstream.events import Event, Recorder, RequestSent, emit, using
from oggstream.options import SpeechOptions
from oggstream.sources.captures.capture import ARRIVALS, load
from oggstream.sources.captures.recording import RecordingSource
from oggstream.sources.openai_source import OpenAISource
from scripted import Arrival, ScriptedSource
from speech_server import serving, speaking

OPUS = b"OggS" + bytes(23) + b"\x01\x13OpusHead"


async def drained(source: Any, text: str = "Hi.", **options: Any) -> bytes:
    async with source.open(text, SpeechOptions(**options)) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


def recording(folder: Path, arrivals: Iterable[Arrival], **options: Any) -> RecordingSource:
    return RecordingSource(ScriptedSource(arrivals, **options), folder / "a")


@pytest.mark.looptime
async def test_bytes_and_times_are_kept_as_they_come(tmp_path: Path) -> None:
    source = recording(tmp_path, [(0.5, OPUS), (0.75, b"more")], headers_after=0.25)
    await asyncio.sleep(3)
    assert await drained(source, voice="nova", speed=1.5) == OPUS + b"more"
    capture = load(tmp_path / "a")
    assert capture.body == OPUS + b"more"
    assert capture.arrivals == [(0.5, len(OPUS)), (0.75, 4)]
    assert (capture.answered, capture.ended, capture.broken) == (0.25, 0.75, None)
    assert capture.request == {"input": "Hi.", "voice": "nova", "speed": 1.5}
    assert (capture.url, capture.status, capture.content_type) == (None, None, "audio/ogg")
    assert source.names == [str(tmp_path / "a")]
    assert source.traits.name == "scripted"


@pytest.mark.looptime
async def test_times_count_from_the_last_request_that_was_sent(tmp_path: Path) -> None:
    class Retrying(ScriptedSource):
        def open(self, text: str, options: SpeechOptions) -> Any:
            inner = super().open(text, options)

            class Opening:
                async def __aenter__(self) -> Any:
                    emit(RequestSent, characters=1)
                    await asyncio.sleep(2)
                    return await inner.__aenter__()

                async def __aexit__(self, *_: object) -> None:
                    await inner.__aexit__(None, None, None)

            return Opening()

    await drained(RecordingSource(Retrying([(0.5, OPUS)]), tmp_path / "a"))
    assert load(tmp_path / "a").arrivals[0][0] == 0.5


@pytest.mark.looptime
async def test_the_session_gets_its_events_all_the_same(tmp_path: Path) -> None:
    events: list[Event] = []
    loop = asyncio.get_running_loop()
    with using(Recorder(loop.time, loop.time(), events.append)):
        await drained(recording(tmp_path, [(0.5, OPUS)]))
    assert [type(event).__name__ for event in events] == ["RequestSent", "ResponseStarted"]


@pytest.mark.looptime
async def test_several_requests_are_numbered_from_one(tmp_path: Path) -> None:
    source = recording(tmp_path, [(0.5, OPUS)])
    await drained(source, "One.")
    await drained(source, "Two.")
    async with asyncio.TaskGroup() as group:
        group.create_task(drained(source, "Three."))
        group.create_task(drained(source, "Four."))
    assert source.names == [str(tmp_path / f"a-{n}") for n in (1, 2, 3, 4)]
    assert [load(name).text for name in source.names] == ["One.", "Two.", "Three.", "Four."]
    assert len(list(tmp_path.iterdir())) == 8


@pytest.mark.looptime
async def test_two_requests_at_once_are_numbered_too(tmp_path: Path) -> None:
    source = recording(tmp_path, [(0.5, OPUS)])
    async with asyncio.TaskGroup() as group:
        group.create_task(drained(source, "One."))
        group.create_task(drained(source, "Two."))
    assert [load(name).text for name in source.names] == ["One.", "Two."]
    assert min(path.name for path in tmp_path.iterdir()) == f"a-1{ARRIVALS}"


@pytest.mark.looptime
async def test_an_answer_that_breaks_off_is_kept_with_the_reason(tmp_path: Path) -> None:
    source = recording(tmp_path, [(0.5, OPUS), (0.75, SourceBrokenError("cut, key sk-abcdefgh12345"))])
    with pytest.raises(SourceBrokenError):
        await drained(source)
    capture = load(tmp_path / "a")
    assert capture.body == OPUS
    assert capture.ended == 0.75
    assert capture.broken == "cut, key ***"


@pytest.mark.looptime
async def test_what_came_before_cancelling_is_kept(tmp_path: Path) -> None:
    source = recording(tmp_path, [(0.5, OPUS), (99, b"late")])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await drained(source)
    assert load(tmp_path / "a").body == OPUS


@pytest.mark.looptime
async def test_an_answer_without_a_byte_leaves_nothing(tmp_path: Path) -> None:
    source = recording(tmp_path, [(0.5, SourceError("no"))])
    with pytest.raises(SourceError):
        await drained(source)
    await drained(recording(tmp_path, []))
    assert not list(tmp_path.iterdir())
    assert source.names == []


@pytest.mark.looptime
async def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    inner = ScriptedSource([(0.5, OPUS)])
    for name in (tmp_path / "none" / "a", f"{tmp_path}/"):
        with pytest.raises(OutputError):
            await drained(RecordingSource(inner, name))
    assert not inner.opened


async def test_of_an_exchange_over_http_all_is_kept_but_credentials(tmp_path: Path) -> None:
    key = "sk-live-0123456789abcdef"
    headers = {"X-Request-ID": "r-7", "X-Api-Key": key, "Server": f"echo {key}", "Set-Cookie": "session=0123456789"}
    async with serving(speaking(OPUS, headers=headers)) as service:
        inner = OpenAISource(base_url=f"{service.base}?api-key={key}", api_key=key)
        source = RecordingSource(inner, tmp_path / "a")
        await source.warm()
        try:
            await drained(source, f"Say {key}.", instructions="calm")
        finally:
            await source.aclose()
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.encode() not in everything
    assert b"Bearer" not in everything
    capture = load(tmp_path / "a")
    assert capture.status == 200
    assert capture.url is not None
    assert capture.url.startswith("http://127.0.0.1")
    assert "?" not in capture.url
    assert capture.request["response_format"] == "opus"
    assert capture.request["instructions"] == "calm"
    kept = {name.lower() for name in capture.headers}
    assert {"x-request-id", "content-type", "server"} <= kept
    assert not kept & {"x-api-key", "set-cookie"}
    first = json.loads((tmp_path / f"a{ARRIVALS}").read_text().splitlines()[0])
    assert {"capture", "url", "status", "headers", "request", "recorded_at"} <= set(first)
