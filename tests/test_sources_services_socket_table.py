"""The table of a socket: what makes no sense in it is told by its name."""

from __future__ import annotations

from typing import Any

import pytest

from oggstream.errors import UsageError
from oggstream.sources.services.socket_table import Socket
from oggstream.sources.services.table import Service

LEAST: dict[str, Any] = {"text": {"say": "{text}"}, "audio": {"at": "audio"}, "flushed": {"type": "flushed"}}


def service(**entries: Any) -> Service:
    return Service(name="mine", base_url="https://there", socket={**LEAST, **entries})


def test_one_message_sign_or_place_needs_no_list() -> None:
    socket = service(context="id", every={"id": "{context}"}).socket
    assert isinstance(socket, Socket)
    assert socket.text == [{"id": "{context}", "say": "{text}"}]
    assert socket.flushed == [{"type": "flushed"}]
    assert socket.context == ("id",)


def test_a_service_without_a_request_has_the_socket_only() -> None:
    assert not service().over_http
    assert service().over_socket().formats == service().formats


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"text": ()}, "socket.text is missing"),
        ({"text": {"say": "hello"}}, "socket.text has no field {text}"),
        ({"text": {"say": "{text} {who}"}}, r"has the field \{who\}"),
        ({"text": 5}, "socket.text is neither a table nor a list of tables"),
        ({"flushed": ()}, "socket.flushed is missing"),
        ({"pieces": "marks"}, "socket.pieces is one of flushed, characters, contexts"),
        ({"pieces": "characters"}, "told by characters, but socket.words tells none"),
        ({"pieces": "contexts"}, "socket.done is missing"),
        ({"audio": {}}, "socket.audio.at is missing"),
        ({"audio": {"at": "a", "as": "morse"}}, "socket.audio.as is one of base64, hex, binary"),
        ({"audio": {"at": "a", "place": "b"}}, "socket.audio has no entry 'place'"),
        ({"words": {"text": "w"}}, "neither where text nor where start is"),
        ({"words": {"text": "w", "start": "s", "unit": "min"}}, "socket.words.unit is one of s, ms"),
        ({"contexts": 0}, "socket.contexts must be positive"),
        ({"cut": True}, "socket.cut is no number"),
        ({"path": "there"}, "socket.path begins with /"),
        ({"codes": {"1008": 200}}, "statuses of HTTP from 400 to 599"),
        ({"shape": "round"}, "socket has no entry 'shape'"),
    ],
)
def test_what_makes_no_sense_is_told_with_the_name_of_the_service(entries: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        service(**entries)
    assert "the service 'mine' cannot be used" in str(caught.value)
