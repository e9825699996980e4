"""Speaking into a room over a WebSocket: text while it is written, and packets that were made elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oggstream.endpoint.live import speaking_socket
from rooms import LONG, ROOM, SOUND, binary, live_source, messages, serving, source
from speech_server import until


def texts_of(speech: Any) -> str:
    return " ".join(speech.texts)


async def test_pieces_of_text_are_one_speech_until_its_end() -> None:
    speech = source()
    async with serving(speech) as served, served.speaking() as socket:
        for piece in ("Hello ", "there, ", "kitchen."):
            await socket.send_str(piece)
        await socket.send_json({"type": "end"})
        begin, end = await messages(socket)
    assert begin == {"type": "begin", "speech": end["speech"]}
    assert end["report"]["completed"]
    assert texts_of(speech) == "Hello there, kitchen."


async def test_text_is_spoken_while_it_is_written() -> None:
    speech = source()
    async with serving(speech) as served, served.speaking() as socket:
        await socket.send_json({"type": "text", "text": "This is the first sentence of all. And here"})
        await until(lambda: speech.texts)
        assert texts_of(speech).startswith("This is the first")


async def test_what_was_written_is_said_though_the_writer_goes() -> None:
    speech = source()
    async with serving(speech) as served:
        async with served.speaking() as socket:
            await socket.send_str("Hello.")
            await messages(socket, "begin")
        await until(lambda: speech.texts == ["Hello."])
        room = served.room()
        await until(lambda: not room.speaking)


async def test_a_text_may_say_how_it_is_to_be_spoken_and_interrupt() -> None:
    speech = live_source()
    async with serving(speech) as served, served.speaking() as socket:
        await socket.send_str("One.")
        await socket.send_json({"type": "begin", "voice": "anna", "interrupt": True})
        await socket.send_str("Two.")
        await socket.send_json({"type": "end"})
        found = await messages(socket)
        stopped = found[-1]["report"]["stopped"]
        await socket.send_json({"type": "stop"})
        heard = (await messages(socket, "stopped"))[-1]["heard"]
    assert stopped
    assert set(heard) == {"text", "chars", "seconds", "exact"}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"type": "sing"}, "type"),
        ({"type": "text"}, "text"),
        ({"type": "text", "text": 1}, "text"),
    ],
)
async def test_a_message_that_is_none_is_an_error_and_no_end(message: dict[str, object], param: str) -> None:
    async with serving() as served, served.speaking() as socket:
        await socket.send_json(message)
        error = (await messages(socket, "error"))[-1]["error"]
        assert error["param"] == param
        await socket.send_str("Hello.")
        await messages(socket, "begin")


async def test_how_a_text_cannot_be_spoken_is_told_with_its_first_piece() -> None:
    async with serving() as served, served.speaking() as socket:
        await socket.send_json({"type": "begin", "speed": 9})
        await socket.send_str("Hello.")
        assert (await messages(socket, "error"))[-1]["error"]["param"] == "speed"


async def test_a_text_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking_socket, "LONGEST_TEXT", 10)
    async with serving() as served, served.speaking() as socket:
        await socket.send_str("Hello.")
        await socket.send_str("Hello there.")
        assert (await messages(socket, "error"))[-1]["error"]["code"] == "string_above_max_length"


async def test_packets_are_handed_on_as_they_are() -> None:
    async with serving() as served, served.listening() as listener, served.speaking() as socket:
        await socket.send_json({"type": "begin", "channels": 1})
        for packet in binary(SOUND):
            await socket.send_bytes(packet)
        await socket.send_json({"type": "word", "text": "Hello", "start": 0, "end": 5, "sample": 0})
        await socket.send_json({"type": "end"})
        found = await messages(listener)
    assert [message for message in found if isinstance(message, bytes)] == binary(SOUND)
    assert any(isinstance(message, dict) and message.get("text") == "Hello" for message in found)


async def test_packets_may_be_flushed_even_when_all_have_come() -> None:
    async with serving() as served, served.listening() as listener, served.speaking() as socket:
        for packet in binary(SOUND):
            await socket.send_bytes(packet)
        await socket.send_json({"type": "end"})
        await messages(listener)
        await socket.send_json({"type": "flush"})
        flushed = (await messages(listener, "flush"))[-1]
    assert flushed["heard"] < 0.4 * 48000


async def test_text_waits_for_packets_and_packets_for_text() -> None:
    async with serving() as served, served.listening() as listener:
        async with served.say():
            pass
        async with served.speaking() as socket:
            for packet in binary(SOUND):
                await socket.send_bytes(packet)
            await socket.send_json({"type": "end"})
        async with served.say():
            pass
        order = [(await messages(listener, kind))[-1] for kind in ("begin", "end") * 3]
    numbers = [message["speech"] for message in order]
    assert numbers[::2] == numbers[1::2]
    assert len(set(numbers)) == 3


async def test_delete_interrupts_packets_too_and_drops_those_that_follow() -> None:
    async with serving() as served, served.listening() as listener, served.speaking() as socket:
        packets = binary(LONG)
        for packet in packets[:50]:
            await socket.send_bytes(packet)
        await messages(listener, "begin")
        async with served.client.delete(ROOM) as answer:
            assert answer.status == 200
        await messages(listener, "flush")
        for packet in packets[50:100]:
            await socket.send_bytes(packet)
        await socket.send_json({"type": "end"})
        await socket.send_str("Hello.")
        assert (await messages(listener, "begin"))[0]["type"] == "begin"


@pytest.mark.parametrize("packet", [b"", b"\x00\x00\x00\x00\x03", b"\xff\xff\x00\x00\xf8\xff\xfe"])
async def test_what_is_no_packet_is_an_error(packet: bytes) -> None:
    async with serving() as served, served.speaking() as socket:
        await socket.send_bytes(packet)
        assert (await messages(socket, "error"))[-1]["error"]["code"] == "invalid_value"


async def test_a_word_that_is_none_is_an_error() -> None:
    async with serving() as served, served.speaking() as socket:
        await socket.send_bytes(binary(SOUND)[0])
        await socket.send_str(json.dumps({"type": "word", "text": "Hello", "start": "0"}))
        assert (await messages(socket, "error"))[-1]["error"]["param"] == "start"
