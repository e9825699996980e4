"""How speech goes over a WebSocket."""

from __future__ import annotations

import json

import pytest

from oggstream.errors import FormatError
from oggstream.sinks.live.live_item import Flushed, LivePacket, SpeechBegun, SpeechEnded, WordHeard
from oggstream.sinks.live.packet_messages import Places, fields_of, frame, message_of, packet_of

PACKET = LivePacket(b"\xf8\xff\xfe", 960, 312, 7, number=4, position=100)


def test_a_packet_is_a_binary_message_behind_its_two_trims() -> None:
    assert message_of(PACKET) == b"\x38\x01\x07\x00\xf8\xff\xfe"


def test_a_packet_that_is_read_again_is_the_same() -> None:
    message = message_of(PACKET)
    assert isinstance(message, bytes)
    assert packet_of(message, 100) == (PACKET.data, 100, 960, 312, 7)


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (SpeechBegun(4, 1), {"type": "begin", "speech": 4, "channels": 1}),
        (SpeechEnded(4), {"type": "end", "speech": 4}),
        (Flushed(4, 960), {"type": "flush", "speech": 4, "heard": 960}),
        (
            WordHeard(4, "Hello", 0, 5, 480),
            {"type": "word", "speech": 4, "text": "Hello", "start": 0, "end": 5, "sample": 480},
        ),
    ],
)
def test_all_else_is_json_with_a_type(item: SpeechBegun | WordHeard, fields: dict[str, object]) -> None:
    assert json.loads(message_of(item)) == fields


def test_where_a_packet_is_not_the_next_one_its_position_is_told() -> None:
    places = Places()
    first, second = PACKET._replace(position=0), PACKET._replace(position=641)
    unheard = PACKET._replace(trim_start=960, trim_end=0, position=7)
    assert [places.before(item) for item in (SpeechBegun(4, 1), first, unheard, second)] == [None] * 4
    told = places.before(PACKET._replace(position=5000, lost=2))
    assert told is not None
    assert json.loads(told) == {"type": "position", "speech": 4, "sample": 5000, "lost": 2}
    assert [places.before(item) for item in (SpeechBegun(5, 1), first)] == [None] * 2


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "two counts"),
        (b"\x00\x00\x00\x00", "two counts"),
        (b"\x00\x00\x00\x00\x03", "no Opus packet"),
        (b"\x00\x00\x00\x00\xf8" + b"x" * 61440, "no Opus packet"),
        (b"\xc0\x03\x01\x00\xf8\xff\xfe", "of a packet of 960 samples 960 \\+ 1 cannot be dropped"),
    ],
)
def test_what_is_no_packet_is_refused(message: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        packet_of(message, 0)


@pytest.mark.parametrize("message", ["Hello.", "[1]", '{"text": "no type"}', '{"type": 1}', "[" * 100_000])
def test_a_text_that_is_no_object_with_a_type_has_no_fields(message: str) -> None:
    assert fields_of(message) is None


@pytest.mark.parametrize(
    ("message", "head"),
    [
        ("é", b"\x81\x02"),
        (b"x" * 125, b"\x82\x7d"),
        (b"x" * 126, b"\x82\x7e\x00\x7e"),
        (b"x" * 65535, b"\x82\x7e\xff\xff"),
    ],
)
def test_a_frame_is_that_of_a_server(message: str | bytes, head: bytes) -> None:
    body = message.encode() if isinstance(message, str) else message
    assert frame(message) == head + body
