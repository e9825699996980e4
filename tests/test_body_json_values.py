"""JSON with audio: consecutive values, and strings that are never parsed."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bodies import b64, every, joined, outcome, pieces, read, tone, wav
from oggstream.body.body_reader import BodyReader
from oggstream.body.json_values import MAX_SKELETON, Value, ValueReader
from oggstream.body.sse import MAX_EVENT
from oggstream.errors import FormatError, QuotaError, WrongContainerError

TONE = tone()
PCM = TONE.tobytes()
SOUND = (TONE / 32768).astype(np.float32)
JSON = "application/json"
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    values=st.lists(st.dictionaries(st.text(max_size=5), JUNK, max_size=4), max_size=5),
    between=st.sampled_from(["\n", "", ",\n", " \r\n", "\x1e"]),
    cuts=st.lists(st.integers(1, 300), max_size=8),
    indent=st.sampled_from([None, 2]),
)
def test_values_in_a_row_are_taken_apart_whatever_the_pieces(
    values: list[dict[str, Any]], between: str, cuts: list[int], indent: int | None
) -> None:
    body = between.join(json.dumps(value, indent=indent) for value in values).encode()
    reader = ValueReader()
    found = [event for piece in pieces(body, cuts) for event in reader.feed(piece)]
    assert [json.loads(event.data) for event in found] == values
    assert all(body.startswith(event.data, event.offset) for event in found)
    assert reader.finish() is None


def test_an_array_is_its_members_and_a_rest_is_told() -> None:
    reader = ValueReader()
    assert [event.data for event in reader.feed(b'[{"a": "]}\\""}, {"b": [1]}\n]')] == [
        b'{"a": "]}\\""}',
        b'{"b": [1]}',
    ]
    assert reader.finish() is None
    reader.feed(b'{"c": "}')
    rest = reader.finish()
    assert rest is not None
    assert rest.data == b'{"c": "}'


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("bad", [b'{"a": "x', b'{"a": [{"b": 1', b'{"a": "\\"', b"{", b'{"a": 1}}'])
def test_a_line_that_breaks_off_ends_before_the_next(bad: bytes, size: int) -> None:
    reader = ValueReader(lines=True)
    body = b'{"a": 1}\n' + bad + b'\n{"b": [{"c": "}"}]}\n{"d": 2}'
    found = [event for at in range(0, len(body), size) for event in reader.feed(body[at : at + size])]
    assert [event.data for event in (found[0], *found[-2:])] == [b'{"a": 1}', b'{"b": [{"c": "}"}]}', b'{"d": 2}']
    assert b"".join(event.data.strip() for event in found[1:-2]) == bad
    assert reader.finish() is None


@pytest.mark.parametrize("size", [0, 1, 4094, 4095, 4096, 5000, 100_000])
def test_a_long_string_is_what_it_is(size: int) -> None:
    text = "A" * size
    value = Value(json.dumps({"a": [text], "b": "\n"}).encode())
    assert value.text(value.fields["a"][0]) == text.encode()
    assert value.text(value.fields["b"]) == b"\n"


@pytest.mark.parametrize("data", [b'{"a": "' + b"A" * 9000, b'{"a": "' + b"A" * 9000 + b'"', b"{]", b'{"a": "\\'])
def test_what_is_no_json_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Value(data)


def test_a_value_too_long_without_its_strings_is_an_error() -> None:
    with pytest.raises(ValueError, match="too long"):
        Value(b'{"a": [' + b"0," * (MAX_SKELETON // 2) + b"0]}")
    assert Value(b'{"a": "' + b"0" * MAX_SKELETON + b'"}').fields


SPELLINGS: list[Any] = [
    lambda audio: {"audio": audio},
    lambda audio: {"audioContent": audio},
    lambda audio: {"audio_base64": audio, "alignment": {"characters": ["a"], "character_start_times_seconds": [0.0]}},
    lambda audio: {"audio": {"data": audio, "id": "x"}},
    lambda audio: {"candidates": [{"content": {"parts": [{"text": "x"}, {"inlineData": {"data": audio}}]}}]},
    lambda audio: {"choices": [{"message": {"content": None, "audio": {"data": audio, "transcript": "a"}}}]},
    lambda audio: {"status": "ok", "result": {"audio_data": audio}},
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("kind", [JSON, "audio/mpeg", "application/octet-stream", ""])
def test_json_around_a_body_is_unwrapped(spelling: Any, indent: int | None, kind: str) -> None:
    body = json.dumps(spelling(b64(wav(PCM))), indent=indent).encode()
    for step in (1, 1000, 1_000_000):
        reader, items = read(body, every(step, body), content_type=kind)
        assert np.array_equal(joined(items), SOUND)
        assert reader.complete
        assert reader.stats.bytes == len(body)


@pytest.mark.parametrize("before", [b"", b'{"type": "start"}\n', b'{"usage": {"audio": 3}}\n'])
def test_lines_of_json_are_unwrapped(before: bytes) -> None:
    body = before + b"".join(
        json.dumps({"audio": b64(PCM[at : at + 999])}).encode() + b"\n" for at in range(0, 4800, 999)
    )
    reader, items = read(body, every(77, body), content_type="application/x-ndjson", format="pcm:24000")
    assert np.array_equal(joined(items), SOUND)
    assert reader.complete


@pytest.mark.parametrize(
    "beside",
    [
        {"sample_rate": 16000},
        {"sampleRate": "16000", "format": "pcm"},
        {"audio_config": {"sample_rate": 16000}},
        {"mimeType": "audio/L16;codec=pcm;rate=16000"},
    ],
)
def test_what_stands_beside_the_audio_counts(beside: dict[str, object]) -> None:
    body = json.dumps({"audio": b64(PCM), **beside}).encode()
    reader, items = read(body, content_type=JSON)
    assert np.array_equal(joined(items), SOUND)
    assert reader.announced == (1, 16000)


@pytest.mark.parametrize(
    "value",
    [
        {"error": {"message": "no such voice"}},
        {"detail": [{"msg": "no such voice"}]},
        {"message": "no such voice", "data": "none"},
        {"message": "no such voice", "audio": "https://example.org/speech.mp3"},
        {"message": "no such voice", "data": None},
    ],
)
@pytest.mark.parametrize("kind", [JSON, "audio/pcm", "audio/ogg"])
@pytest.mark.parametrize("step", [1, 1000])
def test_json_without_audio_is_named_with_its_message(value: dict[str, object], kind: str, step: int) -> None:
    body = json.dumps(value).encode()
    says = (
        r"ended its answer before any audio: it may not have this voice or format \(the body is JSON \(no such voice\)"
    )
    with pytest.raises(WrongContainerError, match=says):
        read(body, every(step, body), content_type=kind, format="pcm")


def test_what_the_account_has_not_is_told_as_such() -> None:
    with pytest.raises(QuotaError):
        read(b'{"error": {"message": "no credit", "code": "insufficient_quota"}}', content_type=JSON)


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(1, 400), max_size=6))
def test_any_bytes_behind_a_brace_give_the_same_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    for body in (b"{" + data, b'{"audio": "' + b64(data).encode() + b'"}', b"[" + data):
        assert outcome(body, cuts, content_type=JSON, format="pcm") == outcome(body, content_type=JSON, format="pcm")


@pytest.mark.parametrize(
    "make",
    [
        lambda size: b"data:a\n" * (size // 7),
        lambda size: b'data: {"a":[' + b"{}," * (size // 3) + b"{}]}\n\n",
        lambda size: b'data: {"a":' + b'{"a":' * (size // 5) + b"\n\n",
        lambda size: b'data: {"a":"' + b'\\"' * (size // 2) + b"\n\n",
        lambda size: b'{"a":[' + b'"",' * (size // 3) + b'""]}',
        lambda size: b'{"audio":"' + b64(wav(bytes(size * 3 // 4))).encode() + b'"}',
        lambda size: b"{}\n" * (size // 30),
    ],
)
def test_memory_is_bounded_whatever_an_event_holds(make: Any) -> None:
    body = make(MAX_EVENT // 6)
    reader = BodyReader(format="wav")
    tracemalloc.start()
    try:
        for at in range(0, len(body), 65536):
            reader.feed(body[at : at + 65536])
            while reader.pending:
                reader.feed(b"")
        reader.finish()
    except FormatError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40 << 20
