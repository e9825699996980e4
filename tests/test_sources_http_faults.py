from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from oggstream import errors
from oggstream.sources.http.faults import Place, Said, body_error, connection_error, http_error, read_body
from oggstream.sources.http.redaction import Secrets


def said(value: object, content_type: str = "application/json") -> Said:
    return read_body(json.dumps(value).encode(), content_type)


def test_openais_error_gives_its_message_and_code() -> None:
    error = {"message": "The model `x` does not exist", "type": "invalid_request_error", "code": "model_not_found"}
    assert said({"error": error}) == ("The model `x` does not exist", "model_not_found")


@pytest.mark.parametrize("names", [("code", "type"), ("type", "code")])
def test_quota_is_known_by_code_or_type(names: tuple[str, str]) -> None:
    assert said({"error": {"message": "", names[0]: "insufficient_quota", names[1]: "requests"}}).quota


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": {"message": "no such voice"}}, "no such voice"),
        ({"detail": {"code": 7}}, '{"code": 7}'),
        (
            {"detail": [{"loc": ["body", "speed"], "msg": "too fast"}, {"loc": ["body"], "msg": "no"}, "odd"]},
            "speed: too fast; no; odd",
        ),
        ({"detail": [{"loc": None, "msg": None}]}, "None"),
        ({"message": "try later"}, "try later"),
        ({"msg": "try later"}, "try later"),
        ({"error": "overloaded"}, "overloaded"),
        ({"error": {"error": "deep"}}, "deep"),
        ({"status": 3}, '{"status": 3}'),
        ([1, 2], "[1, 2]"),
    ],
)
def test_other_shapes_of_json_give_their_message(body: object, message: str) -> None:
    assert said(body).message == message


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"", "text/plain", ""),
        (b"  \n", "", ""),
        (b"<html><title>502\n Bad  Gateway</title>", "text/html", 'an HTML page titled "502 Bad Gateway"'),
        (b"<!DOCTYPE html><h1>no", "", "an HTML page"),
        (b"<h1>no", "text/html; charset=utf-8", "an HTML page"),
        (b"upstream\tis\r\ndown", "text/plain", "upstream is down"),
        (b"{broken", "application/json", "{broken"),
        (b"[" * 100_000, "application/json", "[" * 297 + "..."),
        (b"\xff\xfb\x90\x00", "audio/mpeg", "4 bytes of audio/mpeg"),
        (b"\x00\x01", "", "2 bytes of something that is no text"),
        (b"bad \x1b[31mcolour", "text/plain", "bad [31mcolour"),
    ],
)
def test_bodies_that_are_no_json_are_named_or_quoted(body: bytes, content_type: str, message: str) -> None:
    assert read_body(body, content_type).message == message


def test_long_message_is_cut() -> None:
    message = read_body(b"word " * 500, "text/plain").message
    assert len(message) <= 300
    assert message.endswith("...")


@given(
    st.binary(max_size=300)
    | st.text().map(str.encode)
    | st.builds(
        json.dumps,
        st.recursive(
            st.none() | st.booleans() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(st.sampled_from(["error", "detail", "message", "msg", "loc", "code", "type"]), inner)
            ),
        ),
    ).map(str.encode)
)
def test_any_body_gives_one_bounded_printable_line(body: bytes) -> None:
    message = read_body(body, "").message
    assert len(message) <= 330
    assert message.isprintable()


def test_advice_replaces_the_usual_one() -> None:
    error = http_error(401, Said("no."), "http://host", Secrets(), advice="do that")
    assert str(error) == "http://host answered HTTP 401 (Unauthorized): no; do that"


def test_refusal_without_advice_ends_with_what_was_said() -> None:
    assert str(http_error(418, Said("tea"), "http://host", Secrets(), advice="")).endswith("(I'm a Teapot): tea")


def test_exceptions_that_are_not_of_the_network_are_not_translated() -> None:
    place = Place("http://host", None, 5)
    assert connection_error(KeyError(), place, Secrets()) is None
    assert body_error(KeyError(), place, None) is None
    assert isinstance(connection_error(OSError(), place, Secrets()), errors.SourceConnectionError)


def test_request_id_that_echoes_a_key_or_controls_a_terminal_is_cleaned() -> None:
    secrets = Secrets(["wonderland-secret-1865"])
    error = http_error(500, Said(""), "http://h", secrets, request_id="req\x1b[31m-wonderland-secret-1865")
    assert error.request_id is not None
    assert error.request_id.isprintable()
    assert "wonderland" not in error.request_id
