from __future__ import annotations

import json
from typing import Any

import pytest

from oggstream.sinks.telephone.messages import (
    CARRIERS,
    LARGEST_MESSAGE,
    Began,
    HungUp,
    MediaStream,
    Other,
    Played,
    Sound,
)
from telephone import BEGINNINGS

NAMES = [carrier.name for carrier in CARRIERS]


def begun(carrier: str) -> MediaStream:
    stream = MediaStream()
    assert isinstance(stream.read(json.dumps(BEGINNINGS[carrier])), Began)
    return stream


@pytest.mark.parametrize("name", NAMES)
def test_the_first_message_says_which_carrier_it_is_and_how_its_sound_comes(name: str) -> None:
    began = MediaStream().read(json.dumps(BEGINNINGS[name]))
    assert isinstance(began, Began)
    assert began.carrier.name == name
    assert began.encoding in ("audio/x-mulaw", "PCMU")
    assert began.rate == 8000


SENT: list[tuple[str, list[dict[str, Any]]]] = [
    (
        "twilio",
        [
            {"event": "media", "streamSid": "MZ1", "media": {"payload": "/38="}},
            {"event": "mark", "streamSid": "MZ1", "mark": {"name": "m"}},
            {"event": "clear", "streamSid": "MZ1"},
        ],
    ),
    (
        "telnyx",
        [
            {"event": "media", "media": {"payload": "/38="}},
            {"event": "mark", "mark": {"name": "m"}},
            {"event": "clear"},
        ],
    ),
    (
        "plivo",
        [
            {
                "event": "playAudio",
                "streamId": "S1",
                "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": "/38="},
            },
            {"event": "checkpoint", "streamId": "S1", "name": "m"},
            {"event": "clearAudio", "streamId": "S1"},
        ],
    ),
]


@pytest.mark.parametrize(("name", "expected"), SENT, ids=NAMES)
def test_sound_marks_and_clear_are_written_as_the_carrier_wants_them(name: str, expected: list[dict[str, Any]]) -> None:
    stream = begun(name)
    assert [json.loads(text) for text in (stream.play(b"\xff\x7f"), stream.mark("m"), stream.clear())] == expected


READ: list[tuple[str, dict[str, Any], object]] = [
    (
        "twilio",
        {"event": "media", "streamSid": "MZ1", "media": {"track": "inbound", "payload": "/38="}},
        Sound(b"\xff\x7f"),
    ),
    ("twilio", {"event": "mark", "streamSid": "MZ1", "sequenceNumber": "4", "mark": {"name": "m"}}, Played("m")),
    ("twilio", {"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}}, HungUp()),
    ("telnyx", {"event": "media", "stream_id": "S-1", "media": {"payload": "/38="}}, Sound(b"\xff\x7f")),
    ("telnyx", {"event": "mark", "stream_id": "S-1", "mark": {"name": "m"}}, Played("m")),
    ("telnyx", {"event": "stop", "stream_id": "S-1"}, HungUp()),
    ("plivo", {"event": "media", "streamId": "S1", "media": {"payload": "/38="}}, Sound(b"\xff\x7f")),
    ("plivo", {"event": "playedStream", "streamId": "S1", "name": "m"}, Played("m")),
]


@pytest.mark.parametrize(("name", "message", "expected"), READ)
def test_what_comes_is_read_as_the_carrier_writes_it(name: str, message: dict[str, Any], expected: object) -> None:
    assert begun(name).read(json.dumps(message)) == expected


def test_what_is_neither_sound_nor_a_mark_is_handed_on() -> None:
    stream = begun("twilio")
    messages: list[dict[str, Any]] = [
        {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "1"}},
        {"event": "error", "payload": {"code": 100002}},
        {"event": "media", "media": {"track": "outbound", "payload": "/38="}},
    ]
    assert [stream.read(json.dumps(message)) for message in messages] == [Other(message) for message in messages]
    assert not stream.damaged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[1]",
        "[" * 100_000,
        "{}",
        '{"event": "media"}',
        '{"event": "media", "media": {"payload": "%%%"}}',
        '{"event": "media", "media": {"payload": 7}}',
        '{"event": "media", "media": ["payload"]}',
        '{"event": "mark", "mark": {}}',
        '{"event": "mark", "mark": "m"}',
        '{"event": "start"}',
        '{"event": "start", "start": {"streamless": 1}}',
        '{"event": "start", "start": {"streamSid": "MZ1", "mediaFormat": {"sampleRate": "fast"}}}',
        '{"event": "start", "start": {"streamSid": "MZ1", "mediaFormat": [1]}}',
        f'{{"event": "media", "media": {{"payload": "{"A" * LARGEST_MESSAGE}"}}}}',
    ],
)
def test_a_message_that_is_none_is_counted_and_passed_over(text: str) -> None:
    stream = begun("twilio")
    assert stream.read(text) is None
    assert stream.damaged == 1
    assert stream.read('{"event": "stop"}') == HungUp()
