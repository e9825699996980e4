"""What the speech services on sockets have in common: the truth of their voice, their records and their faults."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from patience import PATIENCE
from socket_services import service as faulty
from socket_services.service import STRANGER, Event, Faults, SocketService, Talk
from socket_services.speaking import OpusStream, bursts, characters, decoded, opus, speak

TEXT = "One small step, then another."


class Plain(SocketService):
    """The simplest: a message is spoken as it comes, and "stop" stops it."""

    async def received(self, talk: Talk, event: Event) -> None:
        if event.get("stop"):
            talk.cancel(event["name"])
        else:
            talk.then(event["name"], self._say(talk, event["name"], event["text"]))

    async def _say(self, talk: Talk, name: str, text: str) -> None:
        async for sound, words in talk.paced(self.speak(text)):
            told = [[word.text, word.start] for word in words]
            await talk.send({"name": name, "audio": b64encode(sound).decode(), "words": told})
        await talk.send({"name": name, "done": True})

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        await talk.send({"name": name, "error": message})


@asynccontextmanager
async def connected(service: SocketService) -> AsyncIterator[ClientWebSocketResponse]:
    async with ClientSession() as session, session.ws_connect(service.url) as socket:
        yield socket


async def said(socket: ClientWebSocketResponse, name: str) -> tuple[bytes, list[str]]:
    """The audio and the words for the context ``name``."""
    pcm, words = b"", []
    async with asyncio.timeout(PATIENCE):
        while not (event := json.loads(await socket.receive_str())).get("done"):
            if event["name"] == name:
                pcm += b64decode(event["audio"])
                words += [word for word, _ in event["words"]]
    return pcm, words


async def ended(socket: ClientWebSocketResponse) -> WSMsgType:
    """How the next message that is no audio ends the connection."""
    async with asyncio.timeout(PATIENCE):
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            pass
    return message.type


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
def test_the_words_of_the_voice_are_where_it_says_to_the_sample(rate: int) -> None:
    speech = speak(TEXT, rate)
    assert [word.text for word in speech.words] == TEXT.split()
    assert bursts(speech.pcm, rate) == [(word.start, word.end) for word in speech.words]


def test_the_characters_of_a_word_share_its_time_and_spaces_fill_the_gaps() -> None:
    told = characters(speak("No way").words)
    assert "".join(each.text for each in told) == "No way"
    assert all(before.end == pytest.approx(after.start) for before, after in pairwise(told))


def test_as_opus_the_words_are_where_they_were() -> None:
    speech = speak(TEXT)
    heard = decoded(opus(speech))
    assert len(heard) == len(speech.pcm)
    for (start, end), word in zip(bursts(heard), speech.words, strict=True):
        assert (start, end) == pytest.approx((word.start, word.end), abs=0.004)


def test_a_stream_of_opus_is_the_same_in_whatever_parts_it_was_fed() -> None:
    speech = speak(TEXT)
    stream = OpusStream()
    parts = [stream.feed(speech.pcm[at : at + 700]) for at in range(0, len(speech.pcm), 700)]
    assert b"".join([*parts, stream.finish()]) == opus(speech)


async def test_a_service_speaks_in_messages_and_keeps_a_record() -> None:
    async with Plain(chunk=0.25).running() as service:
        async with connected(service) as socket:
            await socket.send_json({"name": "a", "text": TEXT})
            pcm, words = await said(socket, "a")
        assert (pcm, words) == (speak(TEXT).pcm, TEXT.split())
        assert service.handshakes == 1
        assert service.said == [speak(TEXT)]
        assert [name for _, name in service.began] == ["a"]
        assert [event["text"] for _, event in service.talks[0].received] == [TEXT]
        assert len(service.talks[0].sent) == -(-speak(TEXT).seconds // 0.25) + 1


async def test_work_of_one_context_is_done_in_order_and_cancelled_together() -> None:
    async with Plain(pace=5).running() as service:
        async with connected(service) as socket:
            for name, text in (("a", "never heard"), ("a", "neither"), ("b", "one"), ("b", "two")):
                await socket.send_json({"name": name, "text": text})
            await socket.send_json({"name": "a", "stop": True})
            assert [(await said(socket, "b"))[1] for _ in "12"] == [["one"], ["two"]]
        assert [name for _, name in service.cancelled] == ["a"]
        assert [speech.text for speech in service.said] in (["one", "two"], ["never heard", "one", "two"])


async def test_audio_comes_at_the_pace_and_after_the_delay() -> None:
    async with Plain(pace=4, delay=0.1).running() as service:
        async with connected(service) as socket:
            await socket.send_json({"name": "a", "text": TEXT})
            await said(socket, "a")
        talk = service.talks[0]
        assert service.began[0][0] - talk.received[0][0] >= 0.1
        assert talk.sent[-1][0] - talk.sent[0][0] >= (speak(TEXT).seconds - 2 * service.chunk) / 4


async def test_a_fault_closes_the_connection_with_its_code_and_reason() -> None:
    async with Plain(close=(1008, "quota"), after=2).running() as service:
        async with connected(service) as socket:
            await socket.send_json({"name": "a", "text": TEXT})
            assert await ended(socket) is WSMsgType.CLOSE
            assert socket.close_code == 1008
        assert len(service.talks[0].sent) == 2


async def test_a_fault_drops_the_line() -> None:
    async with Plain(drop=True).running() as service, connected(service) as socket:
        await socket.send_json({"name": "a", "text": TEXT})
        assert await ended(socket) in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert socket.close_code == 1006


async def test_a_fault_is_told_in_the_words_of_the_service() -> None:
    async with Plain(error="no credit").running() as service, connected(service) as socket:
        await socket.send_json({"name": "a", "text": TEXT})
        assert json.loads(await socket.receive_str()) == {"name": "a", "error": "no credit"}


@pytest.mark.parametrize("fault", [Faults(hang=True), Faults(never_done=True)], ids=["hang", "never_done"])
async def test_a_service_that_says_no_more_is_ended_with_its_connection(fault: Faults) -> None:
    service = Plain()
    service.faults = fault
    async with service.running() as service:
        async with connected(service) as socket:
            await socket.send_json({"name": "a", "text": "one"})
            await socket.send_json({"name": "b", "stop": True})
            async with asyncio.timeout(PATIENCE):
                while not service.cancelled:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.002)
            assert service.open == 1
        assert not any("done" in event for _, event in service.talks[0].sent)


async def test_audio_comes_as_a_binary_message_where_text_is_promised() -> None:
    async with Plain(swapped=True).running() as service, connected(service) as socket:
        await socket.send_json({"name": "a", "text": "one"})
        assert (await socket.receive()).type is WSMsgType.BINARY


async def test_what_is_said_to_another_context_comes_first() -> None:
    async with Plain(stray=True).running() as service:
        async with connected(service) as socket:
            await socket.send_json({"name": "a", "text": "one"})
            names = [json.loads(await socket.receive_str())["name"] for _ in range(4)]
        assert names == [STRANGER, "a", STRANGER, "a"]


@pytest.mark.parametrize(
    ("twist", "told"),
    [
        (faulty.out_of_order, [("two.", 0.28), ("one", 0.04)]),
        (faulty.beyond_the_audio, [("one", 1000.04), ("two.", 1000.28)]),
        (faulty.in_other_units, [("one", 40.0), ("two.", 280.0)]),
        (faulty.spelt_otherwise, [("ONE", 0.04), ("TWO", 0.28)]),
        (faulty.left_out, []),
    ],
)
async def test_wrong_words_are_told_while_the_record_has_the_true_ones(
    twist: faulty.Twist, told: list[tuple[str, float]]
) -> None:
    service = Plain(words=twist)
    assert [(word.text, word.start) for word in service.speak("one two.").words] == told
    assert service.said[0].words == speak("one two.").words
