"""The protocol without a socket: any events in any order, and what is left of them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from oggstream.errors import OggStreamError, SourceBrokenError, SourceError
from oggstream.sources.http.redaction import Secrets
from oggstream.sources.realtime.dialogue import Dialogue, Event
from oggstream.sources.realtime.messages import CANCELLING, PIECE, SETTING_UP, Coding
from oggstream.sources.realtime.pending import Piece

NAMES = st.sampled_from(["resp_1", "resp_2", "piece", "", "other"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NAMES
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
KINDS = sorted(Dialogue("", Secrets(), Coding())._handlers)
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
            "message": ANYTHING,
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
@given(st.lists(events() | ANYTHING, max_size=8))
def test_no_event_raises_anything_and_a_lost_connection_ends_every_piece(received: list[Any]) -> None:
    dialogue = Dialogue("http://here", Secrets(), Coding())
    pieces = [Piece("One."), Piece("Two.")]
    pieces[0].id = "piece"
    for piece in pieces:
        dialogue.ask(piece)
    for event in received:
        for answer in dialogue.receive(event):
            assert json.dumps(answer)
    dialogue.forget(pieces[1])
    dialogue.lost(1006, "")
    assert dialogue.idle
    assert isinstance(dialogue.failure, OggStreamError)
    assert pieces[0].ended


def started(*texts: str) -> tuple[Dialogue, list[Piece]]:
    """A dialogue in which each text is being spoken by a response of its own."""
    dialogue = Dialogue("http://here", Secrets(["hunter22"]), Coding())
    pieces = [Piece(text) for text in texts]
    for index, piece in enumerate(pieces):
        dialogue.ask(piece)
        response = {"id": f"resp_{index}", "metadata": {PIECE: piece.id}}
        assert dialogue.receive({"type": "response.created", "response": response}) == []
    return dialogue, pieces


def delta(index: int = 0) -> Event:
    return {"type": "response.output_audio.delta", "response_id": f"resp_{index}", "delta": AUDIO}


async def test_a_second_error_does_not_replace_the_first() -> None:
    dialogue, (piece,) = started("One.")
    error = {"type": "invalid_request_error", "message": "No, hunter22.", "event_id": SETTING_UP}
    dialogue.receive({"type": "error", "error": error})
    dialogue.lost(1000, "bye")
    with pytest.raises(SourceError, match=r"http://here refused: No, \*\*\*"):
        await piece.sounding()


async def test_pieces_that_were_heard_break_off_and_the_others_may_be_asked_for_again() -> None:
    dialogue, (heard, waiting) = started("One.", "Two.")
    dialogue.receive(delta(0))
    dialogue.receive({"type": "error", "error": {"code": "session_expired", "message": "Over."}})
    assert (heard.again, waiting.again) == (None, {})
    assert await heard.take() == b"\1\2"
    with pytest.raises(SourceBrokenError, match="broke off in mid-speech"):
        await heard.take()


def test_a_response_told_twice_is_no_other_pieces() -> None:
    dialogue = Dialogue("http://here", Secrets(), Coding())
    pieces = [Piece("One."), Piece("Two.")]
    for piece in pieces:
        dialogue.ask(piece)
    for _ in range(2):
        dialogue.receive({"type": "response.created", "response": {"id": "resp_1"}})
    assert [piece.response_id for piece in pieces] == ["resp_1", None]
    dialogue.lost(1006, "")
    assert all(piece.ended for piece in pieces)


def test_a_forgotten_piece_gets_nothing_more() -> None:
    dialogue, (piece,) = started("One.")
    (cancel,) = dialogue.forget(piece)
    assert (cancel["type"], cancel["response_id"]) == ("response.cancel", "resp_0")
    assert dialogue.receive(delta()) == []
    assert not piece.heard
    assert dialogue.forget(piece) == []


def test_a_piece_that_waits_for_its_turn_can_be_forgotten() -> None:
    dialogue, (first,) = started("One.")
    second = Piece("Two.")
    dialogue.ask(second)
    error = {"code": "conversation_already_has_active_response", "event_id": second.id}
    dialogue.receive({"type": "error", "error": error})
    assert dialogue.forget(second) == []
    done = {"type": "response.done", "response": {"id": "resp_0", "status": "completed"}}
    assert dialogue.receive(done) == []
    assert first.ended
    assert dialogue.idle


def test_a_service_that_is_busy_with_what_nobody_knows_is_asked_again_later() -> None:
    dialogue = Dialogue("http://here", Secrets(), Coding())
    piece = Piece("One.")
    dialogue.ask(piece)
    error = {"code": "conversation_already_has_active_response", "event_id": piece.id}
    dialogue.receive({"type": "error", "error": error})
    assert piece.again == {}


def test_an_error_about_a_cancellation_concerns_nobody() -> None:
    dialogue = Dialogue("http://here", Secrets(), Coding())
    piece = Piece("One.")
    dialogue.ask(piece)
    dialogue.receive({"type": "error", "error": {"code": "response_cancel_not_active", "message": "None."}})
    dialogue.receive({"type": "error", "error": {"code": "anything", "event_id": CANCELLING}})
    assert not piece.ended


def test_a_response_that_fails_before_it_is_created_ends_its_piece() -> None:
    dialogue = Dialogue("http://here", Secrets(), Coding())
    piece = Piece("One.")
    dialogue.ask(piece)
    response = {"id": "resp_1", "status": "failed", "metadata": {PIECE: piece.id}}
    dialogue.receive({"type": "response.done", "response": response})
    assert piece.ended
    assert piece.again == {}


async def test_an_error_of_long_ago_does_not_explain_a_connection_that_closes() -> None:
    dialogue, (first,) = started("One.")
    dialogue.receive({"type": "error", "error": {"code": "invalid_api_key", "message": "Old."}})
    second = Piece("Two.")
    dialogue.ask(second)
    dialogue.receive({"type": "response.created", "response": {"id": "resp_9", "metadata": {PIECE: second.id}}})
    dialogue.lost(1000, "bye")
    for piece in (first, second):
        with pytest.raises(SourceBrokenError, match="1000 bye"):
            await piece.take()


async def test_a_transcript_is_kept_up_to_a_bound() -> None:
    piece = Piece("One.")
    piece.write_down(("a", "0"), "x" * 60_000)
    piece.write_down(("a", "0"), "y" * 60_000)
    piece.write_down(("b", "0"), "z")
    piece.write_down(("b", "0"), None)
    assert piece.spoken == "x" * 60_000 + " z"
