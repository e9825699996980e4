"""The protocol without a socket: any events in any order, and their effect."""

from __future__ import annotations

import json
import tracemalloc
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from oggstream.errors import OggStreamError, SourceBrokenError, SourceError
from oggstream.sources.http.redaction import Secrets
from oggstream.sources.realtime import pending_response
from oggstream.sources.realtime.coding import AudioCoding
from oggstream.sources.realtime.dialect import Dialect
from oggstream.sources.realtime.failures import LONGEST_FIELD
from oggstream.sources.realtime.messages import CANCELLING, PIECE, SETTING_UP, Event, Setup
from oggstream.sources.realtime.pending_response import CHUNK_BYTES, MOST_PARTS, PendingResponse
from oggstream.sources.realtime.protocol import RealtimeProtocol
from oggstream.sources.sockets.messages import LONGEST_MESSAGE, parse_message

SETUP = Setup("model", "coral", None, AudioCoding())
NAMES = st.sampled_from(["resp_1", "resp_2", "piece", "", "other"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NAMES
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
COMPLAINTS = ["unknown session.type", "unknown response.input", "unknown response.modalities", "unsupported voice"]
KINDS = sorted(RealtimeProtocol("", Secrets(), SETUP)._handlers)
AUDIO = b64encode(b"\1\2\3").decode()


def events() -> st.SearchStrategy[Any]:
    """Events of known kinds whose fields are right, or anything."""
    response = st.fixed_dictionaries(
        {},
        optional={
            "id": NAMES | ANYTHING,
            "status": st.sampled_from(["completed", "failed", "cancelled", "incomplete"]) | ANYTHING,
            "status_details": ANYTHING | st.fixed_dictionaries({"error": ANYTHING}),
            "metadata": st.just({PIECE: "piece"}) | ANYTHING,
            "audio": st.fixed_dictionaries({"output": st.fixed_dictionaries({"format": ANYTHING})}) | ANYTHING,
        },
    )
    error = st.fixed_dictionaries(
        {},
        optional={
            "code": st.sampled_from(["session_expired", "conversation_already_has_active_response"]) | ANYTHING,
            "event_id": st.sampled_from([SETTING_UP, CANCELLING, "piece"]) | ANYTHING,
            "message": ANYTHING | st.sampled_from(COMPLAINTS),
            "param": ANYTHING | st.sampled_from(COMPLAINTS),
        },
    )
    return st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS) | ANYTHING},
        optional={
            "response": response | ANYTHING,
            "response_id": NAMES | ANYTHING,
            "session": response | ANYTHING,
            "delta": st.just(AUDIO) | ANYTHING,
            "transcript": ANYTHING,
            "error": error | ANYTHING,
            "rate_limits": ANYTHING,
        },
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events() | ANYTHING, max_size=8), st.booleans(), st.booleans())
def test_no_event_raises_anything_and_a_lost_connection_ends_every_piece(
    received: list[Any], beta: bool, in_conversation: bool
) -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP, Dialect(beta, in_conversation))
    pieces = [PendingResponse("One."), PendingResponse("Two.")]
    pieces[0].id = "piece"
    for piece in pieces:
        protocol.ask(piece)
    for event in received:
        for answer in protocol.receive(event):
            assert json.dumps(answer)
    protocol.drop(pieces[1])
    protocol.connection_lost(1006, "")
    assert protocol.idle
    assert isinstance(protocol.failure, OggStreamError)
    assert pieces[0].ended


def started(*texts: str) -> tuple[RealtimeProtocol, list[PendingResponse]]:
    """A protocol in which each text is being spoken by a response of its own."""
    protocol = RealtimeProtocol("http://here", Secrets(["hunter22"]), SETUP)
    pieces = [PendingResponse(text) for text in texts]
    for index, piece in enumerate(pieces):
        protocol.ask(piece)
        response = {"id": f"resp_{index}", "metadata": {PIECE: piece.id}}
        assert protocol.receive({"type": "response.created", "response": response}) == []
    return protocol, pieces


def delta(index: int = 0) -> Event:
    return {"type": "response.output_audio.delta", "response_id": f"resp_{index}", "delta": AUDIO}


async def test_a_second_error_does_not_replace_the_first() -> None:
    protocol, (piece,) = started("One.")
    error = {"type": "invalid_request_error", "message": "No, hunter22.", "event_id": SETTING_UP}
    protocol.receive({"type": "error", "error": error})
    protocol.connection_lost(1000, "bye")
    with pytest.raises(SourceError, match=r"http://here refused: No, \*\*\*"):
        await piece.wait_audio()


async def test_pieces_that_were_heard_break_off_and_the_others_may_be_asked_for_again() -> None:
    protocol, (heard, waiting) = started("One.", "Two.")
    protocol.receive(delta(0))
    protocol.receive({"type": "error", "error": {"code": "session_expired", "message": "Over."}})
    assert (heard.retry_headers, waiting.retry_headers) == (None, {})
    assert await heard.next_chunk() == b"\1\2"
    with pytest.raises(SourceBrokenError, match="broke off in mid-speech"):
        await heard.next_chunk()


def test_a_response_told_twice_is_no_other_pieces() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    pieces = [PendingResponse("One."), PendingResponse("Two.")]
    for piece in pieces:
        protocol.ask(piece)
    for _ in range(2):
        protocol.receive({"type": "response.created", "response": {"id": "resp_1"}})
    assert [piece.response_id for piece in pieces] == ["resp_1", None]
    protocol.connection_lost(1006, "")
    assert all(piece.ended for piece in pieces)


def test_a_forgotten_piece_gets_nothing_more() -> None:
    protocol, (piece,) = started("One.")
    (cancel,) = protocol.drop(piece)
    assert (cancel["type"], cancel["response_id"]) == ("response.cancel", "resp_0")
    assert protocol.receive(delta()) == []
    assert not piece.has_audio
    assert protocol.drop(piece) == []


def test_a_piece_that_waits_for_its_turn_can_be_forgotten() -> None:
    protocol, (first,) = started("One.")
    second = PendingResponse("Two.")
    protocol.ask(second)
    error = {"code": "conversation_already_has_active_response", "event_id": second.id}
    protocol.receive({"type": "error", "error": error})
    assert protocol.drop(second) == []
    done = {"type": "response.done", "response": {"id": "resp_0", "status": "completed"}}
    assert protocol.receive(done) == []
    assert first.ended
    assert protocol.idle


def test_a_service_that_is_busy_with_what_nobody_knows_is_asked_again_later() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    piece = PendingResponse("One.")
    protocol.ask(piece)
    error = {"code": "conversation_already_has_active_response", "event_id": piece.id}
    protocol.receive({"type": "error", "error": error})
    assert piece.retry_headers == {}


def test_an_error_about_a_cancellation_concerns_nobody() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    piece = PendingResponse("One.")
    protocol.ask(piece)
    protocol.receive({"type": "error", "error": {"code": "response_cancel_not_active", "message": "None."}})
    protocol.receive({"type": "error", "error": {"code": "anything", "event_id": CANCELLING}})
    assert not piece.ended


def test_a_response_that_fails_before_it_is_created_ends_its_piece() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    piece = PendingResponse("One.")
    protocol.ask(piece)
    response = {"id": "resp_1", "status": "failed", "metadata": {PIECE: piece.id}}
    protocol.receive({"type": "response.done", "response": response})
    assert piece.ended
    assert piece.retry_headers == {}


async def test_an_error_of_long_ago_does_not_explain_a_connection_that_closes() -> None:
    protocol, (first,) = started("One.")
    protocol.receive({"type": "error", "error": {"code": "invalid_api_key", "message": "Old."}})
    second = PendingResponse("Two.")
    protocol.ask(second)
    protocol.receive({"type": "response.created", "response": {"id": "resp_9", "metadata": {PIECE: second.id}}})
    protocol.connection_lost(1000, "bye")
    for piece in (first, second):
        with pytest.raises(SourceBrokenError, match="1000 bye"):
            await piece.next_chunk()


async def test_a_transcript_is_kept_up_to_a_bound() -> None:
    piece = PendingResponse("One.")
    piece.add_transcript(("a", "0"), "x" * 8_000)
    piece.add_transcript(("a", "0"), "y" * 8_000)
    piece.add_transcript(("b", "0"), "z")
    piece.add_transcript(("b", "0"), None)
    assert piece.transcript == "x" * 8_000 + " z"


# The forms of the API.


def refusing(param: str, event_id: str | None) -> Event:
    message = f"Unknown parameter: '{param}'."
    return {"type": "error", "error": {"code": "unknown_parameter", "message": message, "event_id": event_id}}


def test_a_set_up_that_a_service_of_the_beta_refuses_is_said_again_in_its_form_and_so_is_what_was_asked() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    piece = PendingResponse("One.")
    protocol.ask(piece)
    (again,) = protocol.receive(refusing("session.type", SETTING_UP))
    assert again["session"]["modalities"] == ["text", "audio"]
    assert again["session"]["voice"] == "coral"
    (again,) = protocol.receive(refusing("response.output_modalities", piece.id))
    assert again["response"]["modalities"] == ["text", "audio"]
    assert again["response"]["metadata"] == {PIECE: piece.id}
    assert not piece.ended


def test_a_set_up_refused_in_both_forms_says_so() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    piece = PendingResponse("One.")
    protocol.ask(piece)
    assert len(protocol.receive(refusing("session.audio", SETTING_UP))) == 1
    assert protocol.receive(refusing("session.modalities", SETTING_UP)) == []
    assert "knows neither OpenAI's Realtime API nor the form that it had in its beta" in str(protocol.failure)
    assert piece.ended


@pytest.mark.parametrize("beta", [False, True])
def test_a_service_that_cannot_be_told_not_to_listen_is_not_told(beta: bool) -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP, Dialect(beta))
    param = "session.turn_detection" if beta else "session.audio.input"
    (again,) = protocol.receive(refusing(param, SETTING_UP))
    assert "turn_detection" not in json.dumps(again)
    assert ("modalities" in again["session"]) == beta
    assert "coral" in json.dumps(again)


def test_a_refused_voice_is_no_question_of_form() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    error = {
        "code": "invalid_value",
        "message": "Unsupported voice 'coral' in session.audio.output.voice.",
        "param": "session.audio.output.voice",
        "event_id": SETTING_UP,
    }
    assert protocol.receive({"type": "error", "error": error}) == []
    assert "Unsupported voice 'coral'" in str(protocol.failure)
    assert str(protocol.failure).endswith("name a voice of this service with --voice (voice=)")


def test_an_error_without_an_event_that_speaks_of_the_session_is_about_the_set_up() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    piece = PendingResponse("One.")
    protocol.ask(piece)
    (again,) = protocol.receive(refusing("session.output_modalities", None))
    assert again["type"] == "session.update"
    assert not piece.ended


@pytest.mark.parametrize("param", ["response.input", "response.conversation", "response.metadata"])
def test_a_service_that_knows_no_input_of_a_response_gets_texts_through_the_conversation_one_by_one(param: str) -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP)
    pieces = [PendingResponse("One."), PendingResponse("Two.")]
    for piece in pieces:
        protocol.ask(piece)
    item, create = protocol.receive(refusing(param, pieces[0].id))
    assert item["item"]["content"][0]["text"] == "One."
    assert set(create["response"]) == {"output_modalities", "instructions"}
    assert protocol.receive(refusing(param, pieces[1].id)) == []  # waits for its turn
    protocol.receive({"type": "response.created", "response": {"id": "resp_0"}})
    protocol.receive(delta(0))
    done = {"id": "resp_0", "status": "completed", "output": [{"id": "item_7"}]}
    answers = protocol.receive({"type": "response.done", "response": done})
    assert [answer["type"] for answer in answers] == [
        "conversation.item.delete",
        "conversation.item.delete",
        "conversation.item.create",
        "response.create",
    ]
    assert [answer["item_id"] for answer in answers[:2]] == [item["item"]["id"], "item_7"]
    assert pieces[0].ended
    assert not pieces[1].ended


def test_a_piece_that_waits_in_a_conversation_follows_one_that_is_refused() -> None:
    protocol = RealtimeProtocol("http://here", Secrets(), SETUP, Dialect(in_conversation=True))
    first, second = PendingResponse("One."), PendingResponse("Two.")
    assert len(protocol.ask(first)) == 2
    assert protocol.ask(second) == []
    error = {"code": "invalid_value", "message": "No.", "event_id": first.id}
    answers = protocol.receive({"type": "error", "error": error})
    assert first.ended
    assert answers[0]["item"]["content"][0]["text"] == "Two."


def test_a_delta_without_the_name_of_its_response_is_that_of_the_only_one() -> None:
    protocol, (piece,) = started("One.")
    protocol.receive({"type": "response.audio.delta", "delta": AUDIO})
    assert piece.has_audio


def test_parts_of_a_transcript_are_bounded_in_number() -> None:
    piece = PendingResponse("One.")
    for number in range(1000):
        piece.add_transcript((str(number), "0"), "")
    assert len(piece._transcripts) == MOST_PARTS


@pytest.mark.parametrize("size", [1, 2, 4])
def test_an_error_of_any_length_is_bounded_before_it_is_searched(size: int) -> None:
    protocol, (piece,) = started("One.")
    error = {"code": "nobody", "message": "sk-" * (size << 17), "param": ["x" * 1000] * 100, "other": "y" * 100_000}
    protocol.receive({"type": "error", "error": error, "event_id": None})
    assert len(json.dumps(protocol._last_error)) < 3 * LONGEST_FIELD
    protocol.connection_lost(1000, "")
    assert len(str(protocol.failure)) < 600
    assert piece.ended


def peak_of(event: str) -> int:
    """Bytes that are taken at most while an event is read."""
    tracemalloc.start()
    try:
        with suppress(ValueError):
            parse_message(event)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "unit", ["[],", "{},", '{"a":0},', '"\u00e9",', "1.5,", "[[],[]],", '"\\ud83d\\ude00",', '"\U0001f600"'], ids=ascii
)
def test_what_an_event_takes_in_memory_is_bounded_whatever_it_holds(unit: str) -> None:
    sizes = [1 << 18, 1 << 19, 1 << 20, LONGEST_MESSAGE // 4]
    events = ['{"type":"x","a":[' + unit * (size // len(unit)) + "0]}" for size in sizes]
    assert max(map(peak_of, events)) < 24 << 20


def test_the_longest_audio_event_is_read() -> None:
    event = json.dumps({"type": "response.audio.delta", "delta": "A" * (LONGEST_MESSAGE - 100)})
    assert peak_of(event) < 2 * LONGEST_MESSAGE
    assert parse_message(event)


def test_samples_that_come_one_by_one_and_are_not_read_are_bounded_by_what_they_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pending_response, "UNREAD_BYTES", 1 << 20)
    protocol, (piece,) = started("One.")
    tracemalloc.start()
    for _ in range((1 << 20) // CHUNK_BYTES):
        protocol.receive(delta())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
    assert piece.ended


@pytest.mark.parametrize("end", ["done", "refused"])
def test_a_service_busy_with_what_was_cancelled_is_asked_again_when_that_has_ended(end: str) -> None:
    protocol, (first,) = started("One.")
    (cancel,) = protocol.drop(first)
    second = PendingResponse("Two.")
    protocol.ask(second)
    busy = {"code": "conversation_already_has_active_response", "event_id": second.id}
    assert protocol.receive({"type": "error", "error": busy}) == []
    assert not second.ended
    done = {"type": "response.done", "response": {"id": "resp_0", "status": "cancelled"}}
    refused = {"type": "error", "error": {"code": "response_cancel_not_active", "event_id": cancel["event_id"]}}
    (again,) = protocol.receive(done if end == "done" else refused)
    assert again["event_id"] == second.id
