"""Valid requests for speech, and OpenAI's answers to invalid ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.endpoint.speech_request import RefusedError, SpeechRequest, parse


def request(**fields: Any) -> bytes:
    return json.dumps({"model": "tts-1", "input": "Hello.", "voice": "nova", **fields}).encode()


def refusal(body: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse(body)
    return caught.value


def test_all_that_can_be_said_is_read() -> None:
    body = request(instructions="Kindly.", speed=2, response_format="wav", stream_format="sse")
    assert parse(body) == SpeechRequest("Hello.", "nova", 2.0, "wav", "sse", "Kindly.", "tts-1")
    assert parse(request(language="pt-BR", strict=True))[-2:] == ("pt-BR", True)


def test_only_the_text_is_needed() -> None:
    wanted = SpeechRequest("Hello.", None, None, "mp3", "audio")
    assert parse(b'{"input": "Hello."}') == wanted
    nothing = dict.fromkeys(("model", "voice", "instructions", "speed", "response_format", "stream_format"))
    assert parse(request(**nothing)) == wanted


@pytest.mark.parametrize("voice", ["echo", {"id": "echo"}, " echo "])
def test_a_voice_may_be_a_name_or_an_id(voice: object) -> None:
    assert parse(request(voice=voice)).voice == "echo"


def test_empty_fields_count_as_absent_and_capitals_as_small_letters() -> None:
    empty = dict.fromkeys(("model", "voice", "instructions", "response_format", "stream_format", "language"), "")
    assert parse(request(**empty)) == SpeechRequest("Hello.")
    assert parse(request(response_format="WAV")).format == "wav"


def test_any_voice_and_any_length_are_read() -> None:
    wanted = parse(request(voice="af_sky", input="x" * 50_000))
    assert (wanted.voice, len(wanted.text)) == ("af_sky", 50_000)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    error = refusal(body)
    assert (error.status, error.kind, error.param) == (400, "invalid_request_error", None)
    assert "could not parse the JSON" in str(error)


@pytest.mark.parametrize(("body", "kind"), [(b"[]", "an array"), (b"null", "null"), (b"3", "a number")])
def test_json_that_is_no_object_is_refused(body: bytes, kind: str) -> None:
    assert f"got {kind} instead" in str(refusal(body))


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"input": None}, "input", "missing_required_parameter"),
        ({"input": ""}, "input", "string_below_min_length"),
        ({"input": " \n"}, "input", "string_below_min_length"),
        ({"input": 3}, "input", "invalid_type"),
        ({"model": []}, "model", "invalid_type"),
        ({"instructions": True}, "instructions", "invalid_type"),
        ({"voice": 3}, "voice", "invalid_type"),
        ({"voice": {"id": {}}}, "voice", "invalid_type"),
        ({"speed": "fast"}, "speed", "invalid_type"),
        ({"speed": True}, "speed", "invalid_type"),
        ({"speed": 0.2}, "speed", "decimal_below_min_value"),
        ({"speed": 4.1}, "speed", "decimal_above_max_value"),
        ({"speed": float("nan")}, "speed", "decimal_above_max_value"),
        ({"response_format": "ogg"}, "response_format", "invalid_value"),
        ({"language": 3}, "language", "invalid_type"),
        ({"language": "German, please"}, "language", "invalid_value"),
        ({"stream_format": "websocket"}, "stream_format", "invalid_value"),
    ],
)
def test_each_fault_names_its_parameter_and_code(fields: dict[str, Any], param: str, code: str) -> None:
    error = refusal(request(**fields))
    assert json.loads(error.as_json()) == {
        "error": {"message": str(error), "type": "invalid_request_error", "param": param, "code": code}
    }
    assert error.status == 400


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    assert str(refusal(request(response_format="ogg"))).endswith(
        "Supported values for 'response_format' are: 'mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'."
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["model", "input", "voice", "instructions", "speed", "response_format", "stream_format", "language"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values) | json_values)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        assert parse(json.dumps(value).encode()).text.strip()
    except RefusedError as error:
        json.loads(error.as_json())
