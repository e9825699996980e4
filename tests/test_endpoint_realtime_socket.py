"""The Realtime endpoint: OpenAI's events over a real WebSocket, and OpenAI's own client at the other end."""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from oggstream.endpoint import (
    realtime_messages as requests,
    realtime_socket as realtime,
    server as server_module,
    speaker,
)
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import ServerError
from oggstream.events import Event as Report, Recorder, Transcribed, Warned, using
from oggstream.options import SpeechOptions
from oggstream.sources.realtime.realtime_source import RealtimeSource
from oggstream.voice.synthesis import synthesize
from patience import PATIENCE

KEY = "a-key-of-this-server"
TEXT = "The quick brown fox."
LONG = "The quick brown fox jumps over the lazy dog. " * 40
Event = dict[str, Any]


class Client:
    """One session, as a program without any library speaks it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"type": kind, **fields}))

    async def next(self, *kinds: str) -> Event:
        """The next event of one of these kinds; any other but a few is passed over."""
        while True:
            message = await self.socket.receive()
            assert message.type is aiohttp.WSMsgType.TEXT, message
            event: Event = json.loads(message.data)
            assert event["event_id"]
            if event["type"] in kinds:
                return event

    async def ask(self, text: str | None = TEXT, **fields: Any) -> Event:
        given = {} if text is None else {"input": [message_of(text)]}
        await self.send("response.create", event_id="mine", response={"conversation": "none", **given, **fields})
        return await self.next("response.created", "error")

    async def rest(self) -> list[Event]:
        """All events up to the end of a response."""
        received: list[Event] = []
        while not received or received[-1]["type"] != "response.done":
            received.append(json.loads((await self.socket.receive()).data))
        return received


def message_of(text: str) -> Event:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def audio_of(received: list[Event]) -> bytes:
    deltas = [event["delta"] for event in received if event["type"] == "response.output_audio.delta"]
    return b"".join(map(b64decode, deltas))


@asynccontextmanager
async def session(*, key: str | None = None, **settings: Any) -> AsyncIterator[Client]:
    server = SpeechServer(key=key, **settings)
    await server.start()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.ws_connect(f"{server.base_url}/realtime?model=gpt-realtime-2.1-mini") as socket,
        ):
            yield Client(socket)
    finally:
        await server.stop()
    async with asyncio.timeout(PATIENCE):
        while any(thread.name == "oggstream-voice" for thread in threading.enumerate()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def size(text: str, **settings: Any) -> Any:
    """About so many bytes of PCM are ``text``, by which it is known: no two times are quite the same."""
    return pytest.approx(sum([len(part) async for part in synthesize(text, format="pcm", **settings)]), rel=0.05)


async def test_a_session_begins_with_how_it_stands() -> None:
    async with session() as client:
        created = (await client.next("session.created"))["session"]
        assert created["model"] == "gpt-realtime-2.1-mini"
        assert created["audio"]["output"] == {
            "format": {"type": "audio/pcm", "rate": 24000},
            "voice": "alloy",
            "speed": 1.0,
        }


async def test_a_response_comes_as_audio_and_transcript_from_created_to_done() -> None:
    async with session() as client:
        created = (await client.ask(metadata={"mine": "1"}))["response"]
        assert created["metadata"] == {"mine": "1"}
        assert created["conversation_id"] is None
        received = await client.rest()
        kinds = [event["type"] for event in received]
        assert kinds[:2] == ["response.output_item.added", "response.content_part.added"]
        assert kinds[2] == "response.output_audio.delta"
        assert kinds[-5:] == [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        assert {event["response_id"] for event in received[:-1]} == {created["id"]}
        done = received[-1]["response"]
        assert (done["id"], done["status"]) == (created["id"], "completed")
        words = [event["delta"] for event in received if event["type"] == "response.output_audio_transcript.delta"]
        assert "".join(words) == received[-4]["transcript"] == TEXT
        assert len(audio_of(received)) == await size(TEXT)


async def test_voice_and_speed_are_taken_from_the_session() -> None:
    async with session() as client:
        await client.send("session.update", session={"audio": {"output": {"voice": "onyx", "speed": 1.5}}})
        output = (await client.next("session.updated"))["session"]["audio"]["output"]
        assert (output["voice"], output["speed"]) == ("onyx", 1.5)
        await client.ask()
        assert len(audio_of(await client.rest())) == await size(TEXT, voice="onyx", speed=1.5)


async def test_a_response_may_name_the_voice_before_the_session_has_spoken_and_not_another_after() -> None:
    async with session() as client:
        await client.ask(audio={"output": {"voice": {"id": "onyx"}}})
        assert len(audio_of(await client.rest())) == await size(TEXT, voice="onyx")
        refused = await client.ask(audio={"output": {"voice": "nova"}})
        assert refused["error"]["code"] == "cannot_update_voice"
        await client.send("session.update", session={"audio": {"output": {"voice": "nova"}}})
        assert (await client.next("error"))["error"]["code"] == "cannot_update_voice"


async def test_a_conversation_answers_the_last_message_of_the_user_and_keeps_what_it_said() -> None:
    async with session() as client:
        for text in ("Not this.", TEXT):
            await client.send("conversation.item.create", item=message_of(text))
        await client.send("response.create")
        created = await client.next("response.created")
        assert created["response"]["conversation_id"].startswith("conv_")
        received = await client.rest()
        assert received[-1]["response"]["output"][0]["content"][0]["transcript"] == TEXT
        assert "conversation.item.done" in [event["type"] for event in received]


async def test_a_conversation_has_one_response_at_a_time_and_others_may_be_outside_it() -> None:
    async with session() as client:
        await client.send("conversation.item.create", item=message_of(LONG))
        await client.send("response.create")
        first = (await client.next("response.created"))["response"]["id"]
        await client.send("response.create", event_id="again")
        error = (await client.next("error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "again")
        outside = (await client.ask())["response"]["id"]
        done = [(await client.next("response.done"))["response"] for _ in range(2)]
        assert {response["id"] for response in done} == {first, outside}


@pytest.mark.parametrize("named", [True, False])
async def test_a_cancelled_response_says_so_and_nothing_more(named: bool) -> None:
    async with session() as client:
        await client.send("conversation.item.create", item=message_of(LONG))
        await client.send("response.create")
        name = (await client.next("response.created"))["response"]["id"]
        await client.next("response.output_audio.delta")
        await client.send("response.cancel", **({"response_id": name} if named else {}))
        received = await client.rest()
        done = received[-1]["response"]
        assert (done["id"], done["status"]) == (name, "cancelled")
        assert done["status_details"]["reason"] == "client_cancelled"
        assert len(audio_of(received)) < 2_000_000
        await client.ask()
        assert len(audio_of(await client.rest())) == await size(TEXT)


async def test_cancelling_what_is_not_there_leaves_the_session_as_it_is() -> None:
    async with session() as client:
        await client.send("response.cancel", response_id="resp_nobody")
        assert (await client.next("error"))["error"]["code"] == "response_cancel_not_active"
        await client.ask()
        assert (await client.rest())[-1]["response"]["status"] == "completed"


async def test_an_item_can_be_deleted() -> None:
    async with session() as client:
        await client.send("conversation.item.create", item={**message_of(TEXT), "id": "mine"})
        assert (await client.next("conversation.item.added"))["item"]["id"] == "mine"
        await client.send("conversation.item.delete", item_id="mine")
        assert (await client.next("conversation.item.deleted"))["item_id"] == "mine"
        await client.send("conversation.item.delete", item_id="mine")
        assert (await client.next("error"))["error"]["param"] == "item_id"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("{", "could not parse"),
        ("[]", "Missing required parameter: 'type'"),
        ('{"type": "session.end"}', "Supported values here are: 'session.update'"),
        ('{"type": "session.update", "session": 1}', "Invalid type for 'session'"),
        ('{"type": "session.update", "session": {"type": "transcription"}}', "'realtime'"),
        ('{"type": "session.update", "session": {"output_modalities": ["text"]}}', "only speaks"),
        ('{"type": "session.update", "session": {"audio": {"output": {"voice": 3}}}}', "3"),
        ('{"type": "session.update", "session": {"audio": {"output": {"speed": 1.6}}}}', "from 0.25 to 1.5"),
        ('{"type": "session.update", "session": {"audio": {"output": {"speed": true}}}}', "from 0.25 to 1.5"),
        ('{"type": "session.update", "session": {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}}', "pcmu"),
        ('{"type": "response.create"}', "There is no text to speak"),
        ('{"type": "response.create", "response": {"conversation": "other"}}', "'auto', 'none'"),
        ('{"type": "response.create", "response": {"input": [1, {"content": [2]}]}}', "There is no text to speak"),
        ('{"type": "conversation.item.create", "item": {"type": "function_call"}}', "'message'"),
    ],
)
async def test_what_cannot_be_served_is_refused_and_the_session_goes_on(sent: str, words: str) -> None:
    async with session() as client:
        await client.socket.send_str(sent)
        assert words in (await client.next("error"))["error"]["message"]
        await client.ask()
        assert (await client.rest())[-1]["response"]["status"] == "completed"


@pytest.mark.parametrize("kind", ["input_audio_buffer.append", "input_audio_buffer.clear", "output_audio_buffer.clear"])
async def test_what_is_for_ears_is_passed_over_in_silence(kind: str) -> None:
    async with session() as client:
        await client.send(kind, audio="AAAA")
        await client.send("conversation.item.create", item=message_of(TEXT))
        assert (await client.next("conversation.item.added", "error"))["type"] == "conversation.item.added"


async def test_an_item_can_be_retrieved_and_truncated() -> None:
    async with session() as client:
        await client.send("conversation.item.create", item={**message_of(TEXT), "id": "mine"})
        await client.send("conversation.item.retrieve", item_id="mine")
        assert (await client.next("conversation.item.retrieved"))["item"]["id"] == "mine"
        await client.send("conversation.item.truncate", item_id="mine", content_index=0, audio_end_ms=70)
        told = await client.next("conversation.item.truncated")
        assert (told["item_id"], told["audio_end_ms"]) == ("mine", 70)
        await client.send("conversation.item.truncate", item_id="other")
        assert (await client.next("error"))["error"]["param"] == "item_id"


async def test_an_event_that_is_too_long_ends_the_session() -> None:
    async with session() as client:
        await client.socket.send_str("x" * (realtime.MAX_EVENT_BYTES + 1))
        await client.next("session.created")
        assert (await client.socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert client.socket.close_code == 1009


async def test_responses_are_made_in_turn_with_those_of_the_other_endpoint() -> None:
    async with session(jobs=1, queue=0) as client:
        await client.ask(LONG)
        await client.ask(TEXT)
        statuses: dict[str, Any] = {}
        while len(statuses) < 2:
            response = (await client.next("response.done"))["response"]
            statuses[response["status"]] = response["status_details"]
        assert statuses["completed"] is None
        assert statuses["failed"]["error"]["code"] == "rate_limit_exceeded"


async def test_responses_at_once_are_bounded() -> None:
    async with session() as client:
        answers = [await client.ask(LONG) for _ in range(realtime.MAX_RESPONSES + 1)]
        assert [answer["type"] for answer in answers] == ["response.created"] * realtime.MAX_RESPONSES + ["error"]
        assert answers[-1]["error"]["code"] == "rate_limit_exceeded"


async def test_a_voice_that_fails_is_a_response_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object, **__: object) -> AsyncIterator[bytes]:
        raise ServerError("the service is gone")
        yield b""

    async with session() as client:
        monkeypatch.setattr(speaker, "stream_bytes", failing)
        await client.ask()
        details = (await client.rest())[-1]["response"]["status_details"]
        assert details["error"] == {"type": "server_error", "code": None, "message": "the service is gone"}


async def test_a_session_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime, "SESSION_SECONDS", 0.05)
    async with session() as client:
        assert (await client.next("error"))["error"]["code"] == "session_expired"
        message = await client.socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_a_client_that_leaves_or_a_server_that_stops_ends_what_is_being_said() -> None:
    async with session() as client:
        await client.ask(LONG)
        await client.next("response.output_audio.delta")
        await client.socket.close()
    async with session() as client:
        await client.ask(LONG)
        await client.next("response.output_audio.delta")


async def test_a_client_that_takes_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(realtime, "UNREAD_SECONDS", 0.1)
    async with session() as client:
        for _ in range(4):
            await client.ask(LONG)
        async with asyncio.timeout(PATIENCE):
            while "a client reads no further" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        while (message := await client.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_a_server_that_stops_does_not_wait_for_a_client_that_takes_nothing() -> None:
    server = SpeechServer()
    await server.start()
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.base_url}/realtime") as socket:
        client = Client(socket)
        for _ in range(4):
            await client.ask(LONG)
        await asyncio.sleep(0.3)  # it fills what lies between
        async with asyncio.timeout(PATIENCE):
            await server.stop()


@pytest.mark.parametrize("given", [None, "another-key"])
async def test_nobody_comes_in_without_the_key(given: str | None) -> None:
    server = SpeechServer(key=KEY)
    await server.start()
    headers = {"Authorization": f"Bearer {given}"} if given else {}
    async with aiohttp.ClientSession(headers=headers) as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(f"{server.base_url}/realtime")
        assert caught.value.status == 401
    await server.stop()


async def test_a_plain_request_is_told_that_this_is_a_websocket() -> None:
    server = SpeechServer()
    await server.start()
    async with aiohttp.ClientSession() as http, http.get(f"{server.base_url}/realtime") as response:
        assert response.status == 426
        assert "error" in await response.json()
    await server.stop()


async def test_the_source_reads_from_it_word_for_word_and_several_texts_at_once() -> None:
    seen: list[Report] = []
    server = SpeechServer(key=KEY)
    await server.start()
    source = RealtimeSource(base_url=server.base_url, api_key=KEY, trust_env=False)

    async def spoken(text: str) -> bytes:
        async with source.open(text, SpeechOptions(voice="nova")) as stream:
            return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])

    texts = [TEXT, "And then it rests.", "For 12 days."]
    with using(Recorder(lambda: 0.0, 0.0, seen.append)):
        bodies = await asyncio.gather(*map(spoken, texts))
    assert [len(body) for body in bodies] == [await size(text, voice="nova") for text in texts]
    assert {event.spoken for event in seen if isinstance(event, Transcribed)} == set(texts)
    assert not [event for event in seen if isinstance(event, Warned)]
    await source.aclose()
    await server.stop()


async def test_openais_own_client_speaks_with_it() -> None:
    openai = pytest.importorskip("openai")
    pytest.importorskip("websockets", reason="openai's extra `realtime` is not installed")
    server = SpeechServer(key=KEY)
    await server.start()
    async with (
        openai.AsyncOpenAI(base_url=server.base_url, api_key=KEY) as client,
        client.realtime.connect(model="gpt-realtime-2.1-mini") as connection,
    ):
        await connection.session.update(session={"type": "realtime", "audio": {"output": {"voice": "cedar"}}})
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT}]}
        )
        await connection.response.create()
        audio, transcript = b"", ""
        async for event in connection:
            assert event.type != "error", event
            if event.type == "response.output_audio.delta":
                audio += b64decode(event.delta)
            elif event.type == "response.output_audio_transcript.done":
                transcript = event.transcript
            elif event.type == "response.done":
                assert event.response.status == "completed"
                break
    await server.stop()
    assert transcript == TEXT
    assert len(audio) == await size(TEXT, voice="cedar")


def test_a_conversation_keeps_a_bounded_number_of_bytes() -> None:
    items: list[Event] = []
    for number in range(300):
        items = requests.bounded([*items, {"id": f"{number}", "text": "x" * 10_000}])
    assert len(json.dumps(items)) <= requests.MAX_CONVERSATION_BYTES * 1.01
    assert items[-1]["id"] == "299"
    assert len(requests.bounded([{"id": "x"}] * 5000)) == requests.MAX_ITEMS


async def test_an_item_that_is_too_long_is_refused_and_the_session_goes_on() -> None:
    async with session() as client:
        await client.send("conversation.item.create", item=message_of("x" * 100_000))
        assert (await client.next("error"))["error"]["code"] == "string_above_max_length"
        await client.ask()
        assert (await client.rest())[-1]["response"]["status"] == "completed"


async def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST_SESSIONS", 1)
    async with session() as client, aiohttp.ClientSession() as http:
        await client.next("session.created")
        host, port = client.socket.get_extra_info("peername")
        url = f"http://{host}:{port}/v1/realtime"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
            await http.ws_connect(url)
        await client.socket.close()
        async with asyncio.timeout(PATIENCE), http.ws_connect(url) as again:
            assert (await again.receive_json())["type"] == "session.created"
