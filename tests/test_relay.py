"""A text of one piece is sent on as its answer comes; what takes more than that is left to the engine."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Any

import pytest

from contexts import ContextService
from oggstream.errors import AuthenticationError, RequestRefusedError, SourceBrokenError, SourceTimeoutError
from oggstream.history import History
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.relay import relay_of
from oggstream.sources.traits import SourceTraits
from scripted import ScriptedSource, every, pages, spoken

pytestmark = pytest.mark.looptime
BODY = spoken(1.0, packets_per_page=5)
SPEECH = SpeechOptions()


def service(*arrivals: Any, **traits: Any) -> ScriptedSource:
    source = ScriptedSource(arrivals or every(0.1, pages(BODY)))
    source.traits = SourceTraits(**{"name": "service", "identity": "x", **traits})
    return source


def options(**fields: Any) -> PlaybackOptions:
    return PlaybackOptions(**{"history": History(None), **fields})


def packets(body: bytes) -> list[AudioPacket]:
    reader = OpusReader()
    return [item for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


async def relayed(source: Any, chosen: PlaybackOptions | None = None) -> tuple[bool, list[tuple[float, bytes]]]:
    """Whether it was relayed, and the parts with their times."""
    relay = relay_of("Hello.", source, chosen or options(), SPEECH)
    assert relay is not None
    clock = asyncio.get_running_loop().time
    parts: list[tuple[float, bytes]] = []

    async def send(part: bytes) -> None:
        parts.append((clock(), part))

    return await relay.send(send), parts


async def test_each_page_is_sent_as_it_comes_and_all_packets_are_those_of_the_service() -> None:
    done, parts = await relayed(service())
    assert done
    assert packets(b"".join(part for _, part in parts)) == packets(BODY)
    steps = [round(later[0] - earlier[0], 3) for earlier, later in pairwise(parts)]
    assert set(steps[:-1]) == {0.1}


async def test_of_much_that_comes_at_once_the_first_packets_go_ahead() -> None:
    _, parts = await relayed(service((0, BODY)))
    assert len(packets(parts[0][1])) == 6


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        (service(whole=True), {}),
        (service(nearby=True), {}),
        (service(formats=("wav", "opus")), {}),
        (service(longest_text=3), {}),
        (ContextService(lambda _number, _text: [BODY]), {}),
        (service(), {"hedge": 0.05}),
        (service(), {"history": "/nowhere/history.json"}),
        (service(), {"speakable": True}),
    ],
)
async def test_what_takes_more_than_one_request_for_opus_is_left_to_the_engine(source: Any, fields: Any) -> None:
    assert relay_of("Hello.", source, options(**fields), SPEECH) is None


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (SourceBrokenError("gone"), True),
        (RequestRefusedError("no such response_format", status=400), True),
        (AuthenticationError("no key", status=401), False),
    ],
)
async def test_what_another_request_may_mend_is_left_to_the_engine_and_the_rest_raised(
    error: Exception, left: bool
) -> None:
    source = service((0, error), formats=("opus", "wav"))
    if not left:
        with pytest.raises(type(error)):
            await relayed(source)
        return
    assert await relayed(source) == (False, [])


async def test_a_source_that_has_no_opus_is_asked_by_the_engine_from_then_on() -> None:
    source = service((0, RequestRefusedError("no such response_format", status=400)), formats=("opus", "wav"))
    await relayed(source)
    assert relay_of("Hello.", source, options(), SPEECH) is None


async def test_what_breaks_behind_its_first_sound_is_raised_with_what_came() -> None:
    source = service(*every(0.1, pages(BODY)[:5]), (0.1, SourceBrokenError("gone")))
    relay = relay_of("Hello.", source, options(), SPEECH)
    assert relay is not None
    sent: list[bytes] = []

    async def send(part: bytes) -> None:
        sent.append(part)

    with pytest.raises(SourceBrokenError):
        await relay.send(send)
    assert len(packets(b"".join(sent))) == 15


async def test_its_waits_have_the_limits_of_the_options() -> None:
    source = service((0, pages(BODY)[0]), (100, b""))
    with pytest.raises(SourceTimeoutError, match="before any audio"):
        await relayed(source, options(first_byte_timeout=5))
    assert asyncio.get_running_loop().time() == pytest.approx(5, abs=0.1)


async def test_who_is_cancelled_or_cannot_send_closes_the_response() -> None:
    source = service()
    relay = relay_of("Hello.", source, options(), SPEECH)
    assert relay is not None

    async def broken(_part: bytes) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await relay.send(broken)
    assert source.closed == 1
    task = asyncio.create_task(relayed(source))
    await asyncio.sleep(0.15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed == 2


async def test_events_are_told_as_of_any_speech(caplog: pytest.LogCaptureFixture) -> None:
    relay = relay_of("Hello.", service(), options(), SPEECH)
    assert relay is not None
    seen: list[str] = []

    async def send(_part: bytes) -> None:
        pass

    with caplog.at_level(logging.INFO):
        await relay.send(send, lambda event: seen.append(type(event).__name__))
    assert [name for name in seen if name in ("RequestSent", "FirstByte", "FirstPacket")] == [
        "RequestSent",
        "FirstByte",
        "FirstPacket",
    ]
    assert "answered in" in caplog.text
