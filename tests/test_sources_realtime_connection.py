"""The socket between speeches: a dead one is noticed, a living one is kept; which form of the API is spoken on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.realtime import connection
from oggstream.sources.realtime.realtime_source import RealtimeSource
from realtime_service import (
    PCM,
    Behaviour,
    BetaService,
    Service,
    Talk,
    one_after_another,
    realtime_service,
    speaking,
    text_of,
    until,
)

OPTIONS = SpeechOptions(voice="marin")


@asynccontextmanager
async def talking(behave: Behaviour, **settings: Any) -> AsyncIterator[tuple[RealtimeSource, Service]]:
    async with realtime_service(behave) as service:
        source = RealtimeSource(base_url=service.base, trust_env=False, **settings)
        try:
            yield source, service
        finally:
            await source.aclose()


async def spoken(source: RealtimeSource, text: str = "Hello.") -> bytes:
    async with source.open(text, OPTIONS) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


# A connection that was idle.


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.sockets.connection.TRUSTED_SECONDS", -1.0)
    monkeypatch.setattr("oggstream.sources.sockets.connection.PONG_SECONDS", 0.1)
    monkeypatch.setattr("oggstream.sources.http.retries.FIRST_DELAY", 60.0)


async def speaking_on(talk: Talk) -> None:
    while True:
        await talk.say(await talk.asked())


async def deaf_after_one(talk: Talk) -> None:
    """Speak once, then read nothing any more, as behind a router that has forgotten the connection."""
    await talk.hello()
    await talk.say(await talk.asked())
    assert talk.socket._writer is not None
    talk.socket._writer.transport.pause_reading()
    await asyncio.sleep(60)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("max_retries", [0, 2])
async def test_a_kept_connection_that_swallows_everything_is_replaced_and_the_text_asked_for_once_more(
    max_retries: int,
) -> None:
    async with talking(one_after_another(deaf_after_one, speaking), max_retries=max_retries) as (source, service):
        assert await spoken(source, "One.") == PCM
        seen: list[events.Event] = []
        with events.using(events.Recorder(lambda: 0.0, 0.0, seen.append)):
            assert await spoken(source, "Two.") == PCM
        assert [text_of(asked) for asked in service.received("response.create")] == ["One.", "Two."]
        (retrying,) = (event for event in seen if isinstance(event, events.Retrying))
        assert retrying.delay == 0.0
        assert "does not answer on a connection that was idle" in retrying.reason


@pytest.mark.usefixtures("_impatient")
async def test_several_texts_on_a_dead_connection_share_its_successor() -> None:
    async with talking(one_after_another(deaf_after_one, speaking)) as (source, service):
        await spoken(source)
        assert await asyncio.gather(*(spoken(source) for _ in range(3))) == [PCM] * 3
        assert len(service.talks) == 2
        assert len(service.received("response.create")) == 4


@pytest.mark.usefixtures("_impatient")
async def test_a_kept_connection_that_answers_its_ping_may_take_its_time_to_speak() -> None:
    async def slow(talk: Talk) -> None:
        await talk.hello()
        await talk.say(await talk.asked())
        answering = asyncio.create_task(talk.asked())  # while it waits, its side answers pings
        asked = await answering
        reading = asyncio.create_task(talk.next("nothing"))
        await asyncio.sleep(0.3)
        await talk.say(asked)
        await reading

    async with talking(slow) as (source, service):
        await spoken(source)
        assert await spoken(source) == PCM
        assert len(service.talks) == 1


@pytest.mark.usefixtures("_impatient")
async def test_a_connection_that_dies_in_mid_speech_is_not_asked_again() -> None:
    async def half(talk: Talk) -> None:
        await talk.hello()
        await talk.say(await talk.asked())
        await talk.audio(await talk.created(await talk.asked()))
        assert talk.socket._writer is not None
        talk.socket._writer.transport.pause_reading()
        await asyncio.sleep(60)

    async with talking(half) as (source, service):
        await spoken(source)
        async with source.open("Two.", OPTIONS) as stream:
            assert await anext(stream) == PCM
            waiting = asyncio.create_task(anext(stream))
            await asyncio.sleep(0.2)
            assert not waiting.done()  # its audio came after the ping: it is the engine that bounds this wait
            waiting.cancel()
        assert len(service.received("response.create")) == 2


@pytest.mark.usefixtures("_impatient")
async def test_warming_replaces_a_kept_connection_that_is_dead() -> None:
    async with talking(one_after_another(deaf_after_one, speaking)) as (source, service):
        await spoken(source)
        await source.warm(OPTIONS)
        await until(lambda: len(service.talks) == 2)
        assert await spoken(source) == PCM
        assert len(service.received("response.create")) == 2


@pytest.mark.usefixtures("_impatient")
async def test_a_service_that_is_at_work_may_be_slow_to_answer() -> None:
    async def absorbed(talk: Talk) -> None:
        await talk.hello()
        first = await talk.asked()
        await asyncio.sleep(0.4)  # as a server does that synthesises in its event loop: it reads nothing meanwhile
        await talk.say(first)
        await speaking_on(talk)

    async with talking(absorbed) as (source, service):
        await source.warm(OPTIONS)
        one = asyncio.create_task(spoken(source, "One."))
        await until(lambda: bool(service.received("response.create")))
        assert await spoken(source, "Two.") == PCM
        assert await one == PCM
        assert len(service.talks) == 1
        assert len(service.received("response.create")) == 2


async def test_a_connection_that_was_just_used_gets_no_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("aiohttp.ClientWebSocketResponse.ping", never)
    async with talking(speaking) as (source, _):
        await spoken(source)
        assert await spoken(source) == PCM


async def test_a_service_that_pings_is_answered() -> None:
    async def asking(talk: Talk) -> None:
        await talk.hello()
        asked = await talk.asked()
        await talk.socket.ping(b"there?")
        message = await talk.socket.receive()
        assert message.type.name == "PONG", message
        await talk.say(asked)
        await talk.next("nothing")

    async with realtime_service(asking, autoping=False) as service:
        source = RealtimeSource(base_url=service.base, trust_env=False)
        assert await spoken(source) == PCM
        await source.aclose()


async def test_a_connection_that_is_idle_for_several_heartbeats_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.sockets.handshake.HEARTBEAT", 0.4)
    async with talking(speaking) as (source, service):
        await spoken(source)
        await asyncio.sleep(1.3)
        assert await spoken(source) == PCM
        assert len(service.talks) == 1


# The forms of the API.


@pytest.mark.parametrize("strict", [True, False])
async def test_a_service_that_greets_in_the_form_of_the_beta_is_spoken_to_in_it(strict: bool) -> None:
    service = BetaService(strict=strict)
    async with talking(service) as (source, _):
        assert await spoken(source) == BetaService.PCM
    assert service.voices == ["marin"]


async def test_a_service_of_the_beta_that_does_not_greet_is_spoken_to_in_its_form_after_its_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "GREETING_SECONDS", 0.01)
    service = BetaService(strict=True, greets=False)
    async with talking(service) as (source, there):
        assert await spoken(source) == BetaService.PCM
        assert len(there.received("session.update")) == 2
        for kept in source._pool()._kept:
            kept.retire()
        assert await spoken(source) == BetaService.PCM
        assert len(there.received("session.update")) == 3  # what was learnt holds for the next connection
    assert service.voices == ["marin", "marin"]


async def test_a_service_that_knows_neither_form_is_named() -> None:
    async def other(talk: Talk) -> None:
        while True:
            update = await talk.next("session.update")
            name = "modalities" if "modalities" in update["session"] else "type"
            await talk.error("unknown_parameter", f"Unknown parameter: 'session.{name}'.", event_id=update["event_id"])

    async with talking(other) as (source, _):
        with pytest.raises(errors.SourceError, match="knows neither OpenAI's Realtime API nor the form"):
            await spoken(source)
