"""Valid requests for speech, and OpenAI's answers to invalid ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.endpoint.speech_request import MAX_CHARACTERS, RefusedError, SpeechRequest, parse


def request(**fields: Any) -> bytes:
    return json.dumps({"model": "tts-1", "input": "Hello.", "voice": "nova", **fields}).encode()


def refusal(body: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse(body)
    return caught.value


def test_all_that_can_be_said_is_read() -> None:
    body = request(instructions="Kindly.", speed=2, response_format="wav", stream_format="sse", language="pt-BR")
    assert parse(body) == SpeechRequest("Hello.", "nova", 2.0, "wav", "sse", "pt-BR")


def test_only_the_text_is_needed() -> None:
    wanted = SpeechRequest("Hello.", "alloy", 1.0, "opus", "audio")
    assert parse(b'{"input": "Hello."}') == wanted
    nothing = dict.fromkeys(("model", "voice", "instructions", "speed", "response_format", "stream_format", "language"))
    assert parse(request(**nothing)) == wanted


def test_a_custom_voice_may_be_one_of_ours() -> None:
    assert parse(request(voice={"id": "echo"})).voice == "echo"


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
        ({"input": "x" * 4097}, "input", "string_above_max_length"),
        ({"input": 3}, "input", "invalid_type"),
        ({"model": []}, "model", "invalid_type"),
        ({"instructions": True}, "instructions", "invalid_type"),
        ({"voice": "nobody"}, "voice", "invalid_value"),
        ({"voice": {"id": "voice_1"}}, "voice", "invalid_value"),
        ({"voice": {"id": {}}}, "voice", "invalid_type"),
        ({"speed": "fast"}, "speed", "invalid_type"),
        ({"speed": True}, "speed", "invalid_type"),
        ({"speed": 0.2}, "speed", "decimal_below_min_value"),
        ({"speed": 4.1}, "speed", "decimal_above_max_value"),
        ({"speed": float("nan")}, "speed", "decimal_above_max_value"),
        ({"response_format": "mp3"}, "response_format", "invalid_value"),
        ({"stream_format": "websocket"}, "stream_format", "invalid_value"),
        ({"language": "German, please"}, "language", "invalid_value"),
        ({"language": 3}, "language", "invalid_type"),
    ],
)
def test_each_fault_names_its_parameter_and_code(fields: dict[str, Any], param: str, code: str) -> None:
    error = refusal(request(**fields))
    assert json.loads(error.as_json()) == {
        "error": {"message": str(error), "type": "invalid_request_error", "param": param, "code": code}
    }
    assert error.status == 400


def test_mp3_is_refused_with_the_formats_there_are() -> None:
    assert str(refusal(request(response_format="mp3"))).endswith(
        "Supported values for 'response_format' are: 'opus', 'wav', 'pcm'."
    )


def test_the_longest_text_passes() -> None:
    assert len(parse(request(input="x" * MAX_CHARACTERS)).text) == MAX_CHARACTERS


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
