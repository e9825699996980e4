"""Bodies of requests, read by parsers that are not ours."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import UsageError
from oggstream.sources.services.bodies import request_body
from oggstream.sources.services.table import Service

ODD = 'a "b" & c=d\r\n--oggstream\r\n; ü \u2028 {x}'


def mine(**entries: Any) -> Service:
    return Service(name="mine", base_url="http://host", **entries)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_form_of_several_parts_holds_any_text(text: str) -> None:
    service = mine(multipart={"text": "{text}", "rate": 24000, "quick": True, "voice": "{voice}"})
    body = request_body(service, {"text": text + ODD})
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    parts: Any = message_from_bytes(head + (body.content or b"")).get_payload()
    values = {part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True) for part in parts}
    lines = "\n".join((text + ODD).splitlines())
    assert values.pop("text").decode().splitlines() == lines.splitlines()
    assert values == {"rate": b"24000", "quick": b"true"}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_form_holds_any_text(text: str) -> None:
    body = request_body(
        mine(form={"text": "{text}", "speed": "{speed}", "voice": "{voice}"}), {"text": text, "speed": 1.5}
    )
    assert body.content_type == "application/x-www-form-urlencoded"
    assert parse_qsl((body.content or b"").decode(), keep_blank_values=True) == [("text", text), ("speed", "1.5")]


def test_a_request_may_have_no_body() -> None:
    assert request_body(mine(path="/{text}"), {"text": "a"}) == ("", None)


def test_a_value_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="'mine' cannot be used: its json is none"):
        request_body(mine(json={"a": float("nan")}), {})
