"""The Realtime source against a correct service, and against faulty ones."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.realtime import connection as realtime_connection
from oggstream.sources.realtime.messages import READING
from oggstream.sources.realtime.pending_response import CHUNK_BYTES
from oggstream.sources.realtime.realtime_source import MODEL, RealtimeSource
from oggstream.sources.source import Source
from realtime_service import (
    PCM,
    Behaviour,
    ClosedError,
    Service,
    Talk,
    one_after_another,
    piece_of,
    realtime_service,
    speaking,
    text_of,
    until,
)

KEY = "sk-a-very-secret-key"
PLAIN = SpeechOptions()


@asynccontextmanager
async def talking(behave: Behaviour = speaking, **settings: Any) -> AsyncIterator[tuple[RealtimeSource, Service]]:
    refusals = settings.pop("refusals", None)
    async with realtime_service(behave, refusals=refusals) as service:
        source = RealtimeSource(base_url=service.base, api_key=KEY, trust_env=False, **settings)
        try:
            yield source, service
        finally:
            await source.aclose()
            await until(lambda: service.open == 0)


async def spoken(source: RealtimeSource, text: str = "Hello.", options: SpeechOptions = PLAIN) -> bytes:
    async with source.open(text, options) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


@pytest.fixture
def seen() -> list[events.Event]:
    """What was reported; a context variable of a fixture does not reach the test, hence `noting`."""
    return []


def noting(seen: list[events.Event]) -> Any:
    return events.using(events.Recorder(lambda: 0.0, 0.0, seen.append))


def of(kind: type[events.Event], seen: list[events.Event]) -> list[Any]:
    return [event for event in seen if type(event) is kind]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.http.retries.FIRST_DELAY", 0.001)


async def test_a_text_comes_as_pcm_with_its_rate_and_the_name_of_the_response() -> None:
    async with talking() as (source, _), source.open("Hello.", PLAIN) as stream:
        assert stream.content_type == "audio/pcm;rate=24000"
        assert stream.request_id == "resp_1_1"
        assert b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)]) == PCM


async def test_the_handshake_names_model_and_key_and_no_body() -> None:
    async with talking() as (source, service):
        await spoken(source)
        request = service.requests[0]
        assert request.query["model"] == MODEL
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert "Content-Type" not in request.headers


async def test_the_session_is_set_up_for_voice_speed_and_pcm_with_nobody_listened_to() -> None:
    async with talking() as (source, service):
        await spoken(source, options=SpeechOptions(voice="marin", speed=1.25))
        session = service.received("session.update")[0]["session"]
        assert session == {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {
                "input": {"turn_detection": None},
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.25},
            },
        }


async def test_a_piece_is_asked_for_outside_the_conversation_to_be_read_in_the_manner_wished() -> None:
    async with talking() as (source, service):
        await spoken(source, "Read me.", SpeechOptions(instructions="Whisper."))
        asked = service.received("response.create")[0]
        assert asked["response"]["conversation"] == "none"
        assert text_of(asked) == "Read me."
        assert asked["response"]["instructions"] == f"{READING}\nManner of speaking: Whisper."
        assert asked["event_id"] == piece_of(asked)


async def test_one_connection_serves_one_text_after_another() -> None:
    async with talking() as (source, service):
        for _ in range(3):
            assert await spoken(source) == PCM
        assert len(service.talks) == 1


async def test_warming_opens_and_sets_up_the_connection_that_the_first_text_uses() -> None:
    async with talking() as (source, service):
        await source.warm()
        assert len(service.received("session.update")) == 1
        assert await spoken(source) == PCM
        assert len(service.talks) == 1
        assert len(service.received("session.update")) == 1


async def test_a_warm_connection_that_has_not_spoken_takes_another_voice() -> None:
    async with talking() as (source, service):
        await source.warm()
        await spoken(source, options=SpeechOptions(voice="marin"))
        voices = [event["session"]["audio"]["output"]["voice"] for event in service.received("session.update")]
        assert voices == ["coral", "marin"]
        assert len(service.talks) == 1


async def test_a_speed_changes_between_texts_on_the_same_connection_and_a_voice_does_not() -> None:
    async with talking() as (source, service):
        await spoken(source)
        await spoken(source, options=SpeechOptions(speed=0.5))
        assert len(service.talks) == 1
        await spoken(source, options=SpeechOptions(voice="marin", speed=0.5))
        assert len(service.talks) == 2
        await spoken(source, options=SpeechOptions(speed=0.5))
        assert len(service.talks) == 2


async def test_connections_for_many_voices_are_kept_to_a_few() -> None:
    async with talking() as (source, service):
        for voice in ("alloy", "ash", "ballad", "cedar", "coral", "echo"):
            await spoken(source, options=SpeechOptions(voice=voice))
        assert len(service.talks) == 6
        await until(lambda: service.open == 4)


async def test_warming_never_fails() -> None:
    source = RealtimeSource(base_url="http://127.0.0.1:1/v1", api_key=KEY)
    await source.warm()
    await source.warm(SpeechOptions(speed=4))
    await source.aclose()


async def test_warming_a_service_that_says_nothing_ends_with_the_time_to_connect() -> None:
    async def silent(talk: Talk) -> None:
        await talk.next("nothing")

    async with talking(silent, connect_timeout=0.05) as (source, _):
        await source.warm()


async def test_several_texts_at_once_are_told_apart_when_their_audio_comes_mixed() -> None:
    async def mixing(talk: Talk) -> None:
        await talk.hello()
        first, second = await talk.asked(), await talk.asked()
        b, a = await talk.created(second), await talk.created(first)
        for index in range(3):
            await talk.audio(a, bytes([1, index]))
            await talk.audio(b, bytes([2, index]))
        await talk.done(b)
        await talk.done(a)
        await talk.next("nothing")

    async with talking(mixing) as (source, _):
        one, two = await asyncio.gather(spoken(source, "One."), spoken(source, "Two."))
        assert (one, two) == (bytes([1, 0, 1, 1, 1, 2]), bytes([2, 0, 2, 1, 2, 2]))


async def test_a_service_that_gives_no_metadata_back_is_believed_in_its_order() -> None:
    async def forgetful(talk: Talk) -> None:
        await talk.hello()
        for pcm in (b"\1\1", b"\2\2"):
            await talk.asked()
            await talk.send("response.created", response={"id": f"r{pcm[0]}"})
            await talk.audio(f"r{pcm[0]}", pcm)
            await talk.done(f"r{pcm[0]}")
        await talk.next("nothing")

    async with talking(forgetful) as (source, _):
        assert await spoken(source) == b"\1\1"
        assert await spoken(source) == b"\2\2"


async def test_the_names_of_the_beta_are_understood() -> None:
    async def old(talk: Talk) -> None:
        await talk.send("session.created", session={"output_audio_format": "g711_ulaw"})
        name = await talk.created(await talk.asked())
        await talk.send("response.audio.delta", response_id=name, delta=b64encode(b"\xff\x80").decode())
        await talk.send("response.audio_transcript.delta", response_id=name, delta="Hel")
        await talk.send("response.audio_transcript.done", response_id=name, transcript="Hello!")
        await talk.done(name)
        await talk.next("nothing")

    async with talking(old) as (source, _), source.open("Hello.", PLAIN) as stream:
        assert stream.content_type == "audio/pcm;rate=8000"
        assert [chunk async for chunk in stream if isinstance(chunk, bytes)] == [b"\0\0\x7c\x7d"]


async def test_a_service_that_makes_one_response_at_a_time_is_asked_again_when_it_is_free() -> None:
    async def narrow(talk: Talk) -> None:
        await talk.hello()
        first, second = await talk.asked(), await talk.asked()
        name = await talk.created(first)
        code = "conversation_already_has_active_response"
        await talk.error(code, "Wait.", event_id=second["event_id"])
        await talk.audio(name, b"\1\1")
        await talk.done(name)
        again = await talk.asked()
        assert piece_of(again) == piece_of(second)
        await talk.say(again, b"\2\2")
        await talk.next("nothing")

    async with talking(narrow) as (source, _):
        one, two = await asyncio.gather(spoken(source, "One."), spoken(source, "Two."))
        assert (one, two) == (b"\1\1", b"\2\2")


async def test_closing_early_cancels_the_response_and_what_still_comes_is_dropped() -> None:
    async def going_on(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        await talk.audio(name)
        cancel = await talk.next("response.cancel")
        assert cancel["response_id"] == name
        await talk.audio(name, b"\7\7")
        await talk.done(name, "cancelled", reason="client_cancelled")
        await talk.error("response_cancel_not_active", event_id=cancel["event_id"])
        await talk.say(await talk.asked(), b"\1\1")
        await talk.next("nothing")

    async with talking(going_on) as (source, service):
        async with source.open("Hello.", PLAIN) as stream:
            await anext(stream)
        assert await spoken(source) == b"\1\1"
        assert len(service.talks) == 1


async def test_a_speech_that_has_ended_is_not_cancelled() -> None:
    async with talking() as (source, service):
        await spoken(source)
        await spoken(source)
        assert service.received("response.cancel") == []


async def test_cancelled_before_the_response_has_a_name_it_is_cancelled_as_soon_as_it_has_one() -> None:
    go_on = asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.hello()
        asked = await talk.asked()
        await go_on.wait()
        name = await talk.created(asked)
        assert (await talk.next("response.cancel"))["response_id"] == name
        await talk.done(name, "cancelled")
        await talk.say(await talk.asked())
        await talk.next("nothing")

    async with talking(slow) as (source, service):
        task = asyncio.create_task(spoken(source))
        await until(lambda: bool(service.talks and service.received("response.create")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await until(lambda: bool(service.received("response.cancel")))
        assert await spoken(source) == PCM


async def test_cancelled_while_it_connects_it_leaves_nothing() -> None:
    async def hanging(_talk: Talk) -> None:
        raise AssertionError

    async with talking(hanging) as (source, service):
        task = asyncio.create_task(spoken(source))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert service.talks == []


@pytest.mark.parametrize("cut", range(1, 60))
async def test_cancelled_after_any_number_of_steps_it_leaves_a_source_that_speaks(cut: int) -> None:
    async with talking() as (source, _):
        task = asyncio.create_task(spoken(source))
        for _ in range(cut):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await spoken(source) == PCM


async def test_closing_the_source_closes_the_socket_and_a_later_text_opens_another() -> None:
    async with talking() as (source, service):
        await spoken(source)
        await source.aclose()
        await until(lambda: service.open == 0)
        await source.aclose()
        assert await spoken(source) == PCM
        assert len(service.talks) == 2


async def test_closing_the_source_while_it_connects_leaves_nothing() -> None:
    go_on = asyncio.Event()
    async with realtime_service(before=go_on.wait) as service:
        source = RealtimeSource(base_url=service.base, trust_env=False, max_retries=0)
        task = asyncio.create_task(spoken(source))
        await until(lambda: bool(service.requests))
        await source._pool().aclose()
        go_on.set()
        with pytest.raises(errors.SourceBrokenError, match="was closed"):
            await task
        await until(lambda: service.open == 0)
        await source.aclose()


async def test_a_service_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.sockets.connection._SEND_SECONDS", 0.05)

    async def deaf(talk: Talk) -> None:
        await talk.hello()
        await talk.audio(await talk.created(await talk.asked()))
        assert talk.socket._writer is not None
        talk.socket._writer.transport.pause_reading()
        await asyncio.sleep(5)

    async with realtime_service(deaf) as service:
        source = RealtimeSource(base_url=service.base, trust_env=False, max_retries=0)
        async with source.open("Hello.", PLAIN) as stream:
            assert await anext(stream) == PCM
            await asyncio.sleep(0.02)
            style = SpeechOptions(instructions="x" * (16 << 20))
            with pytest.raises(errors.SourceBrokenError, match="does not take what is sent"):
                await spoken(source, options=style)
            with pytest.raises(errors.SourceBrokenError, match="broke off in mid-speech"):
                await anext(stream)
        await source.aclose()


async def test_closing_the_source_in_mid_speech_breaks_it_off() -> None:
    async def endless(talk: Talk) -> None:
        await talk.hello()
        await talk.audio(await talk.created(await talk.asked()))
        await talk.next("nothing")

    async with talking(endless) as (source, _), source.open("Hello.", PLAIN) as stream:
        assert await anext(stream) == PCM
        await source.aclose()
        with pytest.raises(errors.SourceBrokenError, match="was closed"):
            await anext(stream)


# What the service says that it spoke.


async def test_the_transcript_is_reported_beside_the_text(seen: list[events.Event]) -> None:
    async with talking() as (source, _):
        with noting(seen):
            await spoken(source, "Hello, there!")
    assert of(events.Transcribed, seen) == [events.Transcribed(0.0, "Hello, there!", "Hello, there!")]
    assert of(events.Warned, seen) == []


async def test_a_service_that_rewords_is_warned_about(seen: list[events.Event]) -> None:
    async def rewording(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        await talk.audio(name)
        for words in ("I can", "not go", " there."):
            await talk.words(name, words)
        await talk.done(name)
        await talk.next("nothing")

    async with talking(rewording) as (source, _):
        with noting(seen):
            async with source.open("I can't go there.", PLAIN) as stream:
                async for _ in stream:
                    pass
                assert await anext(stream, None) is None  # told once
    assert [event.spoken for event in of(events.Transcribed, seen)] == ["I cannot go there."]
    (warned,) = of(events.Warned, seen)
    assert warned.message == 'the service did not read word for word: it said "cannot" for "can\'t"'


async def test_a_request_is_reported_when_it_is_out_and_when_the_service_names_it(seen: list[events.Event]) -> None:
    async with talking() as (source, _):
        with noting(seen):
            await spoken(source)
    kinds = [type(event).__name__ for event in seen]
    assert kinds == ["RequestSent", "ResponseStarted", "Transcribed"]
    assert of(events.RequestSent, seen)[0].characters == 6
    assert of(events.ResponseStarted, seen)[0].request_id == "resp_1_1"


# Frames that are odd.


async def test_a_frame_that_ends_within_a_sample_is_completed_by_the_next() -> None:
    async def odd(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        for part in (b"\1", b"\2\3\4\5", b"", b"\6\7"):
            await talk.audio(name, part)
        await talk.done(name)
        await talk.next("nothing")

    async with talking(odd) as (source, _):
        async with source.open("Hello.", PLAIN) as stream:
            chunks = [chunk async for chunk in stream if isinstance(chunk, bytes)]
        assert chunks == [b"\1\2\3\4", b"\5\6"]


@pytest.mark.parametrize("delta", ["no base64!", "AAA", "\u00e9", 7, None, [1], {"a": 1}])
async def test_what_is_not_base64_ends_the_speech_and_what_came_before_is_kept(delta: object) -> None:
    async def garbling(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        await talk.audio(name)
        await talk.send("response.output_audio.delta", response_id=name, delta=delta)
        assert (await talk.next("response.cancel"))["response_id"] == name
        await speaking_on(talk)

    async with talking(garbling) as (source, service):
        async with source.open("Hello.", PLAIN) as stream:
            assert await anext(stream) == PCM
            with pytest.raises(errors.FormatError, match="audio that is not base64") as caught:
                await anext(stream)
        assert caught.value.request_id == "resp_1_1"
        assert await spoken(source) == PCM
        assert len(service.talks) == 1


async def speaking_on(talk: Talk) -> None:
    while True:
        await talk.say(await talk.asked())


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        ("{", "what is no JSON"),
        ("[" * 10_000, "what is no JSON"),
        ("[" * 100_000, "a message of more than 50000 values"),
        ("x" * (8 << 20) + "y", "a message of more than 8 MB"),
    ],
)
async def test_a_message_that_cannot_be_read_ends_the_connection_with_a_clear_word(frame: str, what: str) -> None:
    async def garbling(talk: Talk) -> None:
        await talk.hello()
        await talk.audio(await talk.created(await talk.asked()))
        await talk.socket.send_str(frame)
        await talk.next("nothing")

    async with talking(one_after_another(garbling, speaking)) as (source, service):
        async with source.open("Hello.", PLAIN) as stream:
            assert await anext(stream) == PCM
            with pytest.raises(errors.SourceBrokenError, match=what):
                await anext(stream)
        await until(lambda: service.open == 0)
        assert await spoken(source) == PCM


async def test_a_hundred_megabytes_in_one_event_are_not_taken_in() -> None:
    async def huge(talk: Talk) -> None:
        await talk.hello()
        await talk.asked()
        await talk.socket.send_str('{"type": "' + "x" * (100 << 20))

    async with talking(huge) as (source, _):
        with pytest.raises(
            errors.FormatError, match=r"more than 8 MB; check that it speaks OpenAI's Realtime protocol"
        ):
            await spoken(source)


async def test_a_hundred_megabytes_in_fragments_are_not_taken_in() -> None:
    async def huge(talk: Talk) -> None:
        await talk.hello()
        await talk.asked()
        assert talk.socket._writer is not None
        for index in range(100):
            frame = struct.pack(">BBQ", 0 if index else 1, 127, 1 << 20) + b" " * (1 << 20)
            talk.socket._writer.transport.write(frame)
            await asyncio.sleep(0)
        await talk.next("nothing")

    async with talking(huge) as (source, _):
        with pytest.raises(errors.FormatError, match="more than 8 MB"):
            await spoken(source)


async def test_frames_that_are_no_websockets_are_called_so() -> None:
    async def raw(talk: Talk) -> None:
        await talk.hello()
        await talk.asked()
        assert talk.socket._writer is not None
        talk.socket._writer.transport.write(b"\xff\xff\xff\xff")
        await talk.next("nothing")

    async with talking(raw) as (source, _):
        with pytest.raises(errors.FormatError, match="frames that are no WebSocket's"):
            await spoken(source)


async def test_unknown_events_odd_shapes_and_binary_frames_are_passed_by() -> None:
    async def chatty(talk: Talk) -> None:
        await talk.hello()
        asked = await talk.asked()
        name = await talk.created(asked)
        await talk.socket.send_bytes(b"\0\1\2")
        kinds: list[Any] = [7, "response.created", "response.done"]
        odd: list[Any] = [None, 1, "text", [], {}, *({"type": kind} for kind in kinds)]
        for one in odd:
            await talk.socket.send_str(json.dumps(one))
        await talk.send("rate_limits.updated", rate_limits="none")
        await talk.send("response.output_audio.delta", response_id="somebody_else", delta="AAAA")
        await talk.send("response.output_audio.delta", response_id=[1], delta="AAAA")
        await talk.send("session.updated", session=[])
        await talk.send("tomorrow.invented", response_id=name)
        await talk.audio(name)
        await talk.done(name)
        await talk.next("nothing")

    async with talking(chatty) as (source, _):
        assert await spoken(source) == PCM


async def test_more_speech_than_any_text_has_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.realtime.pending_response.UNREAD_BYTES", 3 * (len(PCM) + CHUNK_BYTES))

    async def endless(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        for _ in range(4):
            await talk.audio(name)
        await talk.next("response.cancel")

    async with talking(endless) as (source, service), source.open("Hello.", PLAIN) as stream:
        await until(lambda: bool(service.received("response.cancel")))
        assert [await anext(stream) for _ in range(3)] == [PCM] * 3
        with pytest.raises(errors.FormatError, match="ahead of what was heard"):
            await anext(stream)


@pytest.mark.parametrize("where", ["session", "response"])
async def test_another_rate_than_asked_for_is_taken_from_what_the_service_says(where: str) -> None:
    output = {"format": {"type": "audio/pcm", "rate": 16000}}

    async def slower(talk: Talk) -> None:
        await talk.hello(**(output if where == "session" else {}))
        fields: dict[str, Any] = {"audio": {"output": output}} if where == "response" else {}
        name = await talk.created(await talk.asked(), **fields)
        await talk.audio(name)
        await talk.done(name)
        await talk.next("nothing")

    async with talking(slower) as (source, _), source.open("Hello.", PLAIN) as stream:
        assert stream.content_type == "audio/pcm;rate=16000"


@pytest.mark.parametrize(
    "told", [{"type": "audio/opus"}, {"type": "audio/pcm", "rate": 0}, {"type": "audio/pcm", "rate": "fast"}]
)
async def test_a_coding_that_cannot_be_played_is_refused_and_the_response_cancelled(told: dict[str, Any]) -> None:
    async def other(talk: Talk) -> None:
        await talk.hello(format=told)
        await talk.created(await talk.asked())
        await talk.next("response.cancel")
        await talk.next("nothing")

    async with talking(other) as (source, service):
        with pytest.raises(errors.FormatError, match="cannot be played; ask it for audio/pcm"):
            await spoken(source)
        await until(lambda: bool(service.received("response.cancel")))


@pytest.mark.parametrize(("coding", "kind"), [("pcmu", "audio/pcmu"), ("pcma", "audio/pcma")])
async def test_g711_is_asked_for_and_expanded(coding: str, kind: str) -> None:
    async with talking(coding=coding) as (source, service), source.open("Hello.", PLAIN) as stream:
        assert stream.content_type == "audio/pcm;rate=8000"
        assert len(b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])) == 2 * len(PCM)
        assert service.received("session.update")[0]["session"]["audio"]["output"]["format"] == {"type": kind}


# What goes wrong before any audio, and is asked for again.


@pytest.mark.parametrize("stage", ["connected", "set up", "asked", "created"])
@pytest.mark.parametrize("how", ["closed", "aborted"])
async def test_a_socket_closed_before_any_audio_is_opened_anew(stage: str, how: str, seen: list[events.Event]) -> None:
    async def closing(talk: Talk) -> None:
        if stage != "connected":
            await talk.hello()
        if stage in ("asked", "created"):
            asked = await talk.asked()
        if stage == "created":
            await talk.created(asked)
        if how == "aborted":
            talk.abort()

    async with talking(one_after_another(closing, speaking)) as (source, service):
        with noting(seen):
            assert await spoken(source) == PCM
        assert len(service.talks) == 2
    assert len(of(events.Retrying, seen)) == 1


@pytest.mark.parametrize("how", ["closed", "aborted"])
async def test_a_socket_closed_in_mid_speech_breaks_off_after_what_came_and_is_not_repeated(how: str) -> None:
    async def closing(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        await talk.audio(name)
        await talk.words(name, "Hel")
        await asyncio.sleep(0.02)
        if how == "aborted":
            talk.abort()

    async with talking(one_after_another(closing, speaking)) as (source, service):
        async with source.open("Hello.", PLAIN) as stream:
            await until(lambda: service.open == 0)
            assert await anext(stream) == PCM
            with pytest.raises(errors.SourceBrokenError, match="broke off in mid-speech") as caught:
                await anext(stream)
        assert caught.value.request_id == "resp_1_1"
        assert len(service.talks) == 1


async def test_closed_after_the_end_of_the_speech_nothing_is_missing() -> None:
    async def brief(talk: Talk) -> None:
        await talk.hello()
        await talk.say(await talk.asked())

    async with talking(brief) as (source, service):
        async with source.open("Hello.", PLAIN) as stream:
            await until(lambda: service.open == 0)
            assert [chunk async for chunk in stream if isinstance(chunk, bytes)] == [PCM]
        assert await spoken(source) == PCM
        assert len(service.talks) == 2


async def test_a_kept_connection_that_closes_with_the_request_is_replaced_without_delay(
    seen: list[events.Event],
) -> None:
    async def once(talk: Talk) -> None:
        await talk.hello()
        await talk.say(await talk.asked())
        await talk.asked()
        talk.abort()

    async with talking(one_after_another(once, speaking)) as (source, _):
        await spoken(source)
        with noting(seen):
            assert await spoken(source) == PCM
    assert [event.delay for event in of(events.Retrying, seen)] == [0.0]


async def test_retries_end() -> None:
    async def closing(talk: Talk) -> None:
        await talk.socket.close(code=1011, message=b"keepalive ping timeout")

    async with talking(closing, max_retries=1) as (source, service):
        with pytest.raises(errors.SourceBrokenError, match=r"closed the connection \(1011 keepalive ping timeout\)"):
            await spoken(source)
        assert len(service.talks) == 2


async def test_a_session_that_expires_loses_nothing_that_is_queued(seen: list[events.Event]) -> None:
    async def expiring(talk: Talk) -> None:
        await talk.hello()
        first = await talk.asked()
        await talk.asked()
        name = await talk.created(first)
        await talk.audio(name, b"\1\1")
        await talk.done(name)
        await talk.error("session_expired", "Your session hit the maximum duration of 60 minutes.")
        await talk.socket.close(code=1001)

    async with talking(one_after_another(expiring, speaking)) as (source, service):
        with noting(seen):
            one, two = await asyncio.gather(spoken(source, "One."), spoken(source, "Two."))
        assert (one, two) == (b"\1\1", PCM)
        assert len(service.talks) == 2
    (retry,) = of(events.Retrying, seen)
    assert retry.delay == 0.0
    assert "60 minutes" in retry.reason


async def test_a_connection_is_replaced_before_its_session_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking() as (source, service):
        await spoken(source)
        monkeypatch.setattr(realtime_connection, "LONGEST_USE", 0.0)
        await spoken(source)
        assert len(service.talks) == 2
        await until(lambda: service.open == 1)


@pytest.mark.parametrize(("minutes", "talks"), [(30, 2), (60, 1), (1.5, 1), (-5, 1), (None, 1)])
async def test_an_earlier_expiry_is_believed_unless_the_clocks_disagree(minutes: float | None, talks: int) -> None:
    async def expiring(talk: Talk) -> None:
        expires = None if minutes is None else int(time.time() + 60 * minutes)
        await talk.send("session.created", session={"expires_at": expires})
        await speaking_on(talk)

    async with talking(expiring) as (source, service):
        await spoken(source)
        kept = source._pool()._kept[0]
        kept._opened = (kept._opened[0] - 1790, kept._opened[1])  # half an hour later
        await spoken(source)
        assert len(service.talks) == talks


async def test_a_rate_limit_waits_as_long_as_the_service_says(seen: list[events.Event]) -> None:
    async def limited(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        error = {"code": "rate_limit_exceeded", "message": "Slow down. Please try again in 4ms.", "type": "tokens"}
        await talk.done(name, "failed", error=error)
        await speaking_on(talk)

    async with talking(limited) as (source, service):
        with noting(seen):
            assert await spoken(source) == PCM
        assert len(service.talks) == 1
    assert [event.delay for event in of(events.Retrying, seen)] == [0.004]


async def test_a_rate_limit_on_a_kept_connection_waits_too(seen: list[events.Event]) -> None:
    async def limited(talk: Talk) -> None:
        await talk.hello()
        await talk.say(await talk.asked())
        asked = await talk.asked()
        await talk.error("rate_limit_exceeded", "Please try again in 0.002s.", event_id=asked["event_id"])
        await speaking_on(talk)

    async with talking(limited) as (source, _):
        await spoken(source)
        with noting(seen):
            assert await spoken(source) == PCM
    assert [event.delay for event in of(events.Retrying, seen)] == [0.002]


async def test_a_rate_limit_without_a_word_on_when_takes_it_from_the_limits(seen: list[events.Event]) -> None:
    async def limited(talk: Talk) -> None:
        await talk.hello()
        limits = [{"name": "requests", "remaining": 3, "reset_seconds": 9.0}]
        spent = {"name": "tokens", "remaining": 0, "reset_seconds": 0.003}
        await talk.send("rate_limits.updated", rate_limits=[*limits, spent])
        asked = await talk.asked()
        await talk.error("rate_limit_exceeded", "Too fast.", event_id=asked["event_id"])
        await speaking_on(talk)

    async with talking(limited) as (source, _):
        with noting(seen):
            assert await spoken(source) == PCM
    assert [event.delay for event in of(events.Retrying, seen)] == [0.003]


async def test_a_rate_limit_of_minutes_is_told_at_once() -> None:
    async def limited(talk: Talk) -> None:
        await talk.hello()
        asked = await talk.asked()
        message = "Rate limit reached. Please try again in 7m."
        await talk.error("rate_limit_exceeded", message, event_id=asked["event_id"])
        await talk.next("nothing")

    async with talking(limited) as (source, service):
        with pytest.raises(errors.RateLimitError, match=r"try again in 7m; wait a while"):
            await spoken(source)
        assert len(service.received("response.create")) == 1


# What is refused for good.


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_quota", errors.QuotaError),
        ("invalid_api_key", errors.AuthenticationError),
        ("model_not_found", errors.NotFoundError),
        ("invalid_value", errors.RequestRefusedError),
        (None, errors.RequestRefusedError),
    ],
)
@pytest.mark.parametrize("way", ["error", "failed", "nobody's", "before it closes", "reason", "set-up"])
async def test_a_refusal_is_named_whatever_way_it_comes(
    way: str, code: str | None, kind: type[errors.SourceError]
) -> None:
    async def refusing(talk: Talk) -> None:
        if way == "set-up":
            update = await talk.next("session.update")
            await talk.error(code, event_id=update["event_id"])
            await talk.next("nothing")
        if way == "before it closes":
            await talk.error(code)
            return
        if way == "reason":
            await talk.socket.close(code=4000, message=f"invalid_request_error.{code}".encode())
            return
        await talk.hello()
        asked = await talk.asked()
        if way == "error":
            await talk.error(code, event_id=asked["event_id"])
        elif way == "nobody's":
            await talk.error(code)
        else:
            error = {"type": "invalid_request_error", "code": code, "message": "It does not work."}
            await talk.done(await talk.created(asked), "failed", error=error)
        await talk.next("nothing")

    expected = kind
    if way == "reason" and kind is errors.RequestRefusedError:
        expected = errors.SourceBrokenError  # nobody knows what it means
    async with talking(refusing, max_retries=0) as (source, _):
        with pytest.raises(expected) as caught:
            await spoken(source)
        assert type(caught.value) is expected


async def test_a_failure_of_the_service_is_tried_again_and_told_in_the_end() -> None:
    async def failing(talk: Talk) -> None:
        await talk.hello()
        while True:
            asked = await talk.asked()
            await talk.done(await talk.created(asked), "failed")

    async with talking(failing) as (source, service):
        with pytest.raises(errors.ServerError, match="the speech failed; the service failed, try again later"):
            await spoken(source)
        assert len(service.received("response.create")) == 3


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ("incomplete", "max_output_tokens", "too long for the model"),
        ("incomplete", "content_filter", "safety filter"),
        ("cancelled", "turn_detected", "turn_detected; try again"),
        ("exploded", None, "ended the speech as 'exploded'"),
    ],
)
async def test_a_speech_that_ends_early_is_told_after_what_came(status: str, reason: str | None, words: str) -> None:
    async def early(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        await talk.audio(name)
        await talk.done(name, status, reason=reason)
        await talk.next("nothing")

    async with talking(early) as (source, _), source.open("Hello.", PLAIN) as stream:
        assert await anext(stream) == PCM
        with pytest.raises(errors.SourceBrokenError, match=words) as caught:
            await anext(stream)
        assert caught.value.request_id == "resp_1_1"


async def test_an_answer_without_speech_is_no_speech() -> None:
    async def mute(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        await talk.words(name, "I would rather not.")
        await talk.done(name)
        await talk.next("nothing")

    async with talking(mute) as (source, _):
        with pytest.raises(errors.NoAudioError, match=r"answered without speech: 'I would rather not\.'"):
            await spoken(source)


# The handshake.


def refusal(status: int, code: str | None = None, **headers: str) -> web.Response:
    error = {"message": f"Not with {KEY}.", "type": "invalid_request_error", "param": None, "code": code}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"error": error}, status=status, headers={"x-request-id": "req_7", **names})


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (401, None, errors.AuthenticationError, r"HTTP 401 \(Unauthorized\): Not with \*\*\*; check the API key"),
        (403, None, errors.AccessError, "the key may not do this"),
        (404, None, errors.NotFoundError, "check that the service has OpenAI's Realtime API and this model"),
        (429, "insufficient_quota", errors.QuotaError, "add credit"),
        (400, None, errors.RequestRefusedError, "HTTP 400"),
    ],
)
async def test_a_handshake_refused_for_good_says_why(
    status: int, code: str | None, kind: type[errors.SourceError], words: str
) -> None:
    async with talking(refusals=[refusal(status, code)]) as (source, service):
        with pytest.raises(kind, match=words) as caught:
            await spoken(source)
        assert len(service.requests) == 1
        assert (caught.value.status, caught.value.request_id) == (status, "req_7")
        assert KEY not in str(caught.value)


async def test_a_handshake_refused_for_now_is_tried_again(seen: list[events.Event]) -> None:
    refusals = [refusal(503, retry_after_ms="2"), refusal(429, "rate_limit_exceeded", retry_after_ms="3")]
    async with talking(refusals=refusals) as (source, _):
        with noting(seen):
            assert await spoken(source) == PCM
    assert [event.delay for event in of(events.Retrying, seen)] == [0.002, 0.003]


async def test_a_server_that_opens_no_websocket_is_called_so() -> None:
    async with talking(refusals=[web.Response(text="hello")]) as (source, _):
        with pytest.raises(errors.SourceError, match=r"opens no WebSocket \(HTTP 200\)"):
            await spoken(source)


async def test_nobody_there_is_no_connection() -> None:
    source = RealtimeSource(base_url="http://127.0.0.1:1/v1", api_key=KEY, max_retries=0)
    with pytest.raises(errors.SourceConnectionError, match="connection refused"):
        await spoken(source)
    await source.aclose()


@pytest.mark.parametrize("base", ["nonsense", "ftp://host/v1", "http://", "ws://a b/v1"])
async def test_a_url_that_cannot_be_is_refused(base: str) -> None:
    with pytest.raises(errors.ConfigError, match="unusable URL"):
        await spoken(RealtimeSource(base_url=base, api_key=KEY))


async def test_a_websocket_url_and_a_query_are_taken_as_they_are() -> None:
    async with realtime_service() as service:
        base = service.base.replace("http://", "ws://user:pass-word@") + "?api-version=1"
        source = RealtimeSource(base_url=base, model="a model/&", trust_env=False)
        assert await spoken(source) == PCM
        request = service.requests[0]
        assert dict(request.query) == {"api-version": "1", "model": "a model/&"}
        assert request.headers["Authorization"].startswith("Basic ")
        assert "pass-word" not in repr(source)
        await source.aclose()


async def test_a_key_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="look for a line break"):
        await spoken(RealtimeSource(base_url="http://127.0.0.1:1/v1", api_key="two\nlines"))


# What is asked for.


async def test_openai_itself_wants_a_key_and_one_of_its_voices() -> None:
    with pytest.raises(errors.ConfigError, match="needs an API key"):
        await spoken(RealtimeSource())
    with pytest.raises(errors.UsageError, match="no voice 'onyx': use one of alloy"):
        await spoken(RealtimeSource(api_key=KEY, voice="onyx"))


@pytest.mark.parametrize(
    "options", [SpeechOptions(speed=1.6), SpeechOptions(format="opus"), SpeechOptions(format="wav")]
)
async def test_what_the_api_does_not_have_is_refused(options: SpeechOptions) -> None:
    async with talking() as (source, service):
        with pytest.raises(errors.UsageError, match="Realtime API"):
            await spoken(source, options=options)
        assert service.requests == []


@pytest.mark.parametrize("text", ["", " \n", "x" * 4097, "\ud800"])
async def test_a_text_that_cannot_be_spoken_is_refused(text: str) -> None:
    with pytest.raises(errors.TextError):
        await spoken(RealtimeSource(base_url="http://127.0.0.1:1/v1"), text)


def test_an_unknown_coding_is_refused() -> None:
    with pytest.raises(errors.UsageError, match="use one of pcm, pcmu, pcma"):
        RealtimeSource(coding="mp3")


def test_the_environment_is_that_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://here.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    source = RealtimeSource()
    assert repr(source) == "RealtimeSource('https://here.example/v1/realtime')"
    assert source._handshake.headers == {"Authorization": f"Bearer {KEY}", "OpenAI-Organization": "org-1"}


def test_it_is_a_source_and_its_identity_holds_no_credential() -> None:
    source = RealtimeSource(base_url="https://user:pass@Host.example:8443/v1?key=abcdef", voice={"id": "voice_1"})
    assert isinstance(source, Source)
    assert source.traits.identity_for(PLAIN) == f"host.example:8443|{MODEL}|voice_1"
    assert source.traits.identity_for(SpeechOptions(voice="marin", model="other")) == "host.example:8443|other|marin"


async def test_several_loops_have_connections_of_their_own() -> None:
    async with realtime_service() as service:
        source = RealtimeSource(base_url=service.base, trust_env=False)

        async def elsewhere() -> bytes:
            try:
                return await spoken(source)
            finally:
                await source.aclose()

        assert await spoken(source) == PCM
        assert await asyncio.to_thread(asyncio.run, elsewhere()) == PCM
        assert await spoken(source) == PCM
        assert len(service.talks) == 2
        await source.aclose()


async def test_a_service_that_stops_answering_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.sockets.handshake.HEARTBEAT", 0.05)

    async def deaf(talk: Talk) -> None:
        await talk.hello()
        await talk.asked()
        await asyncio.sleep(5)

    async with realtime_service(deaf) as service:
        source = RealtimeSource(base_url=service.base, trust_env=False, max_retries=0)
        with pytest.raises(errors.SourceBrokenError, match="it does not answer any more"):
            await spoken(source)
        await source.aclose()


async def test_a_slow_reader_of_one_text_does_not_hold_up_another() -> None:
    async with talking() as (source, _), source.open("One.", PLAIN) as first:
        assert await spoken(source, "Two.") == PCM
        assert [chunk async for chunk in first] == [PCM]


async def test_leaving_the_iteration_of_a_generator_closes_the_speech() -> None:
    async def endless(talk: Talk) -> None:
        await talk.hello()
        name = await talk.created(await talk.asked())
        await talk.audio(name)
        await talk.next("response.cancel")
        raise ClosedError

    async with talking(endless) as (source, service):

        async def chunks() -> AsyncIterator[bytes]:
            async with source.open("Hello.", PLAIN) as stream:
                async for chunk in stream:
                    assert isinstance(chunk, bytes)
                    yield chunk

        async with aclosing(chunks()) as speech:  # type: ignore[type-var]
            assert await anext(speech) == PCM
        await until(lambda: bool(service.received("response.cancel")))


# A line that is cut, wherever it is cut.

STEPS = 9


async def cut_after(talk: Talk, count: int, how: str) -> None:
    """Serve one text in `STEPS` steps, of which only the first ``count`` are taken before the line is cut."""
    asked: dict[str, Any] = {}
    name = f"resp_{talk.number}"

    async def ask() -> None:
        asked.update(await talk.asked())

    steps: list[Callable[[], Awaitable[object]]] = [
        talk.hello,
        ask,
        lambda: talk.created(asked, response_id=name),
        lambda: talk.words(name, "Hel"),
        lambda: talk.audio(name, b"\1\1"),
        lambda: talk.words(name, "lo."),
        lambda: talk.audio(name, b"\2\2"),
        lambda: talk.send("response.output_audio.done", response_id=name),
        lambda: talk.done(name),
    ]
    assert len(steps) == STEPS
    for step in steps[:count]:
        await step()
    await asyncio.sleep(0.005)  # for what was written to go out
    if how == "aborted":
        talk.abort()


@pytest.mark.parametrize("count", range(STEPS + 1))
@pytest.mark.parametrize("how", ["closed", "aborted"])
async def test_cut_after_any_event_a_text_is_heard_whole_or_broken_off_and_never_twice(count: int, how: str) -> None:
    async def cut(talk: Talk) -> None:
        await cut_after(talk, count, how)

    async def whole(talk: Talk) -> None:
        await cut_after(talk, STEPS, "left open")
        await talk.next("nothing")

    async with talking(one_after_another(cut, whole)) as (source, service):
        heard = b""
        try:
            async with source.open("Hello.", PLAIN) as stream:
                async for chunk in stream:
                    assert isinstance(chunk, bytes)
                    heard += chunk
        except errors.SourceBrokenError:
            assert heard in (b"\1\1", b"\1\1\2\2")
            assert 5 <= count < STEPS
        else:
            assert heard == b"\1\1\2\2"
        assert len(service.talks) == (2 if count < 5 else 1)


async def test_warming_a_service_that_refuses_says_nothing_and_the_first_text_says_why() -> None:
    async def refusing(talk: Talk) -> None:
        update = await talk.next("session.update")
        await talk.error("invalid_api_key", event_id=update["event_id"])
        await talk.next("nothing")

    async with talking(refusing) as (source, service):
        await source.warm()
        assert len(service.talks) == 1
        with pytest.raises(errors.AuthenticationError):
            await spoken(source)


async def test_a_cancellation_that_the_service_does_not_take_is_left_at_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.sockets.connection._SEND_SECONDS", 0.02)

    async def endless(talk: Talk) -> None:
        await talk.hello()
        await talk.audio(await talk.created(await talk.asked()))
        await talk.next("nothing")

    async def never(*_: object) -> None:
        await asyncio.sleep(60)

    async with talking(one_after_another(endless, speaking)) as (source, _):
        async with source.open("Hello.", PLAIN) as stream:
            assert await anext(stream) == PCM
            monkeypatch.setattr("aiohttp.ClientWebSocketResponse.send_str", never)
        monkeypatch.undo()
        assert await spoken(source) == PCM


async def test_a_kept_connection_that_takes_no_other_set_up_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.sockets.connection._SEND_SECONDS", 0.02)
    async with talking() as (source, service):
        await spoken(source)
        send = source._pool()._kept[0]._socket

        async def never(*_: object) -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(send, "send_str", never)
        assert await spoken(source, options=SpeechOptions(speed=1.5)) == PCM
        assert len(service.talks) == 2
