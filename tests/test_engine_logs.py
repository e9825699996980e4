"""What is logged of a speech."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress

import pytest

import oggstream
from oggstream.engine import loading
from oggstream.errors import AuthenticationError, ServerError, SourceError
from oggstream.sinks.null_sink import NullSink
from scripted import ScriptedSource, every, pages, spoken
from speech_server import answering, openai_error, serving, speaking

KEY = "sk-planted-0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [
        f"{record.name}: {record.getMessage()}"
        for record in caplog.records
        if record.levelno == level and record.name.startswith("oggstream")
    ]


@pytest.mark.looptime
async def test_info_has_a_line_for_each_request_and_each_speech(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await oggstream.play_stream("Hi", source=ScriptedSource(every(0.1, pages(spoken(1.0)))), sink=NullSink())
    request, speech = lines(caplog, logging.INFO)
    assert re.fullmatch(
        r"oggstream\.requests: speech \d+: .*, 2 characters as auto, answered in \d\.\d{3} s, id req-1", request
    )
    assert re.fullmatch(
        r"oggstream\.speech: speech \d+: .* to null: 1\.00 s of sound, the first after \d\.\d{3} s, "
        r"\d requests, 0 stalls, 0 holes; complete",
        speech,
    )


@pytest.mark.looptime
async def test_frames_and_packets_have_their_lines_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async for _ in oggstream.stream_frames("Hi", source=ScriptedSource([(0, spoken(1.0))])):
        pass
    assert [line.rpartition(": ")[2] for line in lines(caplog, logging.INFO)][1:] == [
        "1.00 s of sound received in 1 pieces; complete"
    ]


@pytest.mark.looptime
async def test_debug_has_the_events_without_the_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await oggstream.play_stream("A secret.", source=ScriptedSource([(0, spoken(1.0))]), sink=NullSink())
    told = "\n".join(lines(caplog, logging.DEBUG))
    assert "Started" in told
    assert "SegmentEnded, index 0, 9 characters" in told
    assert "body of ogg complete" in told
    assert "secret" not in caplog.text


@pytest.mark.looptime
async def test_a_failure_a_stop_and_what_is_done_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceError):
        await oggstream.play_stream("Hi", source=ScriptedSource([(0, SourceError("gone"))]), sink=NullSink())
    assert any(line.endswith("request of 2 characters failed: gone") for line in lines(caplog, logging.INFO))
    assert any(line.endswith("failed: gone") and "oggstream.speech" in line for line in lines(caplog, logging.INFO))
    assert any("because: gone" in line for line in lines(caplog, logging.DEBUG))
    caplog.clear()
    async with oggstream.Player(source=ScriptedSource([(0, spoken(5.0))]), sink=NullSink()) as player:
        _ = player.say("Hi")
        await asyncio.sleep(1)
        await player.stop()
    assert lines(caplog, logging.INFO)[-1].endswith("stopped")


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_no_key_and_no_text_is_logged(caplog: pytest.LogCaptureFixture, status: int) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(answering(openai_error(status, KEY)) if status != 200 else speaking(spoken(0.2))) as service:
        source = oggstream.OpenAISource(base_url=f"{service.origin}/{KEY}/v1?key={KEY}", api_key=KEY, max_retries=0)
        with suppress(AuthenticationError, ServerError):
            await oggstream.play_stream("A secret.", source=source, sink=NullSink())
        await source.aclose()
    ours = lines(caplog, logging.INFO) + lines(caplog, logging.DEBUG)
    assert any("oggstream.requests" in line for line in ours)
    assert not [line for line in ours if KEY in line or "secret" in line]


@pytest.mark.looptime
async def test_without_a_listener_nothing_is_made(caplog: pytest.LogCaptureFixture) -> None:
    await oggstream.play_stream("Hi", source=ScriptedSource([(0, spoken(0.5))]), sink=NullSink())
    assert not caplog.records
