"""Contexts and pieces on one socket, by the tables of services: what is sent, and who gets what comes."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from functools import partial
from typing import Any

import pytest

from oggstream import errors
from oggstream.annotations import Word
from oggstream.sources.http.redaction import Secrets
from oggstream.sources.services.socket_table import Socket
from oggstream.sources.services.table import service
from oggstream.sources.sockets import protocol as protocol_module, spoken_piece
from oggstream.sources.sockets.contexts import Speech
from oggstream.sources.sockets.protocol import QUIET_SECONDS, SocketProtocol
from oggstream.sources.sockets.sound import SampleSound
from oggstream.sources.sockets.spoken_piece import SpokenPiece

FIELDS = {"voice": "v", "model": "m", "rate": 24000, "format": "pcm_s16le"}
TENTH = bytes(4800)  # of a second at 24 kHz


def socket_of(name: str) -> Socket:
    found = service(name).socket
    assert isinstance(found, Socket)
    return found


class Talk:
    """A connection to a service, with one speech on it."""

    def __init__(self, name: str) -> None:
        self.protocol = SocketProtocol(
            socket_of(name), "wss://there", Secrets(["secret-key-123"]), lambda *_: None, partial(SampleSound, 24000)
        )
        self.speech = Speech(FIELDS)
        self.protocol.enter(self.speech)

    def ask(self, text: str) -> tuple[SpokenPiece, list[dict[str, Any]]]:
        piece = SpokenPiece(text)
        return piece, self.protocol.ask(self.speech, piece)

    def says(self, *messages: dict[str, Any] | bytes) -> None:
        for message in messages:
            if isinstance(message, bytes):
                self.protocol.receive_binary(message)
            else:
                self.protocol.receive(message)


async def items_of(piece: SpokenPiece) -> list[Any]:
    """All that came of a piece that has ended."""
    assert piece.ended
    found = []
    async with asyncio.timeout(1):
        while (item := await piece.next_item()) is not None:
            found.append(item)
    return found


def chunk(context: str, number: int, data: bytes = TENTH) -> dict[str, Any]:
    return {"type": "chunk", "context_id": context, "flush_id": number, "data": b64encode(data).decode()}


def flushed(context: str, number: int) -> dict[str, Any]:
    return {"type": "flush_done", "context_id": context, "flush_id": number, "flush_done": True}


async def test_pieces_are_flushed_into_one_context_and_end_with_their_mark() -> None:
    talk = Talk("cartesia")
    first, sent = talk.ask("One.")
    context = sent[0]["context_id"]
    assert [message["transcript"] for message in sent] == ["One. ", ""]
    assert [message.get("flush") for message in sent] == [None, True]
    second, more = talk.ask("Two.")
    assert {message["context_id"] for message in more} == {context}
    talk.says(chunk(context, 1, b"aa"), chunk(context, 1, b"b"), flushed(context, 1), chunk(context, 2, b"bcc"))
    assert await items_of(first) == [b"aa"]
    assert not second.ended
    talk.says(flushed(context, 2))
    assert await items_of(second) == [b"bbcc"]  # the sample that was begun is not lost


async def test_the_end_of_a_speech_is_told_once_it_is_known_and_ends_its_last_piece() -> None:
    talk = Talk("cartesia")
    piece, sent = talk.ask("One.")
    context = sent[0]["context_id"]
    (end,) = talk.protocol.finish(talk.speech)
    assert (end["context_id"], end["continue"], end["transcript"]) == (context, False, "")
    talk.says(chunk(context, 1, b"aa"), {"type": "done", "context_id": context})
    assert await items_of(piece) == [b"aa"]
    assert talk.protocol.idle
    assert talk.protocol.free


async def test_what_is_asked_for_behind_the_end_is_a_context_of_its_own() -> None:
    talk = Talk("cartesia")
    _, sent = talk.ask("One.")
    talk.protocol.finish(talk.speech)
    _, again = talk.ask("Two.")
    assert again[0]["context_id"] != sent[0]["context_id"]
    assert again[-1]["continue"] is False


async def test_words_count_from_the_start_of_the_context_and_become_words_of_their_piece() -> None:
    talk = Talk("cartesia")
    first, sent = talk.ask("One word.")
    context = sent[0]["context_id"]
    second, _ = talk.ask("Another.")
    times = {"words": ["One", "word."], "start": [0.0, 0.04], "end": [0.04, 0.1]}
    later = {"words": ["Another."], "start": [0.12], "end": [0.19]}
    talk.says(
        chunk(context, 1),
        {"type": "timestamps", "context_id": context, "flush_id": 1, "word_timestamps": times},
        {"type": "timestamps", "context_id": context, "flush_id": 2, "word_timestamps": later},  # before its sound
        flushed(context, 1),
        chunk(context, 2),
        flushed(context, 2),
    )
    words = [item for item in await items_of(first) if isinstance(item, Word)]
    assert [(word.text, word.start, word.end) for word in words] == [("One", 0, 3), ("word", 4, 8)]
    assert [(word.start_sample, word.end_sample) for word in words] == [(0, 1920), (1920, 4800)]
    (word,) = [item for item in await items_of(second) if isinstance(item, Word)]
    assert (word.start_sample, word.end_sample) == (960, 4320)


async def test_a_context_is_cancelled_in_place_and_its_late_sound_is_dropped_and_counted() -> None:
    talk = Talk("cartesia")
    _, sent = talk.ask("One.")
    context = sent[0]["context_id"]
    assert talk.protocol.leave(talk.speech) == [{"context_id": context, "cancel": True}]
    talk.says(chunk(context, 1), chunk("of-nobody", 1))
    assert talk.protocol.dropped == 2
    assert talk.protocol.usable
    assert talk.protocol.free


async def test_speeches_share_a_socket_where_contexts_have_names_and_their_sound_is_told_apart() -> None:
    talk = Talk("cartesia")
    piece, sent = talk.ask("One.")
    assert talk.protocol.free
    other = Speech(FIELDS)
    talk.protocol.enter(other)
    theirs = SpokenPiece("Two.")
    there = talk.protocol.ask(other, theirs)[0]["context_id"]
    talk.says(chunk(there, 1, b"bb"), chunk(sent[0]["context_id"], 1, b"aa"), flushed(there, 1))
    talk.says(flushed(sent[0]["context_id"], 1))
    assert (await items_of(piece), await items_of(theirs)) == ([b"aa"], [b"bb"])


async def test_without_names_of_contexts_a_socket_has_room_for_one_speech() -> None:
    talk = Talk("deepgram")
    piece, sent = talk.ask("One.")
    assert sent == [{"type": "Speak", "text": "One. "}, {"type": "Flush"}]
    assert not talk.protocol.free
    talk.says(b"aa", {"type": "Flushed", "sequence_id": 1})
    assert await items_of(piece) == [b"aa"]
    assert not talk.protocol.free
    assert talk.protocol.finish(talk.speech) == []
    talk.says({"type": "Metadata"})
    assert talk.protocol.free


async def test_without_names_what_comes_before_a_cancellation_is_confirmed_is_of_the_cancelled_one() -> None:
    talk = Talk("deepgram")
    talk.ask("One.")
    assert talk.protocol.leave(talk.speech) == [{"type": "Clear"}]
    talk.speech = Speech(FIELDS)
    talk.protocol.enter(talk.speech)
    piece, _ = talk.ask("Two.")
    talk.says(b"late", {"type": "Cleared", "sequence_id": 1}, b"bb", {"type": "Flushed", "sequence_id": 2})
    assert await items_of(piece) == [b"bb"]
    assert talk.protocol.dropped == 1


async def test_a_service_that_never_confirms_a_cancellation_gets_nothing_more() -> None:
    talk = Talk("deepgram")
    talk.ask("One.")
    talk.protocol.leave(talk.speech)
    piece, _ = talk.ask("Two.")
    talk.protocol.now = due = talk.protocol.next_due or 0.0
    assert due == protocol_module.CANCEL_SECONDS
    talk.protocol.due()
    with pytest.raises(errors.SourceBrokenError, match="does not say that it has cancelled"):
        await piece.next_item()


async def test_a_service_that_never_says_done_is_asked_to_end_and_then_taken_to_have_ended() -> None:
    talk = Talk("cartesia")
    piece, sent = talk.ask("One.")
    talk.says(chunk(sent[0]["context_id"], 1, TENTH * 4))
    talk.protocol.now = talk.protocol.next_due or 0.0
    assert talk.protocol.now == QUIET_SECONDS
    (end,) = talk.protocol.due()
    assert end["continue"] is False
    assert not piece.ended
    talk.protocol.now = talk.protocol.next_due or 0.0
    assert talk.protocol.due() == []
    assert await items_of(piece) == [TENTH * 4]


@pytest.mark.parametrize(
    ("message", "kind", "says"),
    [
        (
            {"message": "Invalid API key: secret-key-123", "status_code": 401},
            errors.AuthenticationError,
            r"key: \*\*\*",
        ),
        ({"message": "You have no credits left", "status_code": 402}, errors.QuotaError, "add credit"),
        ({"message": "no credit left", "status_code": 400}, errors.QuotaError, "add credit"),
        ({"message": "the load balancer is down", "status_code": 503}, errors.ServerError, "try again later"),
        ({"title": "Too many", "error_code": "concurrency_limited"}, errors.RateLimitError, "wait a while"),
        ({"title": "Voice not found"}, errors.NotFoundError, "Voice not found"),
        ({"message": "It is broken", "status_code": 503}, errors.ServerError, "try again later"),
    ],
)
async def test_a_refusal_is_one_clear_line_without_credentials(
    message: dict[str, Any], kind: type[Exception], says: str
) -> None:
    talk = Talk("cartesia")
    piece, sent = talk.ask("One.")
    talk.says({"type": "error", "context_id": sent[0]["context_id"], **message})
    with pytest.raises(kind, match=says) as caught:
        await piece.next_item()
    assert "secret-key-123" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert talk.protocol.usable  # for other contexts


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (1008, "quota_exceeded: you have 0 characters left", errors.QuotaError),
        (1008, "invalid_api_key", errors.AuthenticationError),
        (1008, "no input received for 20 s: inactivity timeout", errors.SourceBrokenError),
        (1011, "internal", errors.SourceBrokenError),
        (None, "it does not answer any more", errors.SourceBrokenError),
    ],
)
async def test_a_closed_socket_ends_what_is_under_way_with_its_reason(
    code: int | None, reason: str, kind: type[Exception]
) -> None:
    talk = Talk("cartesia")
    sounding, sent = talk.ask("One.")
    waiting, _ = talk.ask("Two.")
    talk.says(chunk(sent[0]["context_id"], 1, b"aa"))
    talk.protocol.connection_lost(code, reason)
    with pytest.raises(kind, match=reason):
        await waiting.next_item()
    assert await sounding.next_item() == b"aa"
    with pytest.raises(errors.SourceBrokenError):
        await sounding.next_item()
    assert talk.ask("Three.")[1] == []


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"type": "chunk", "data": "not base64!"}, "audio that is not base64"),
        (b"binary", "6 bytes of binary data where messages of text are promised"),
    ],
)
async def test_what_cannot_be_read_ends_all_with_one_clear_line(message: dict[str, Any] | bytes, says: str) -> None:
    talk = Talk("cartesia")
    piece, _ = talk.ask("One.")
    talk.says(message)
    with pytest.raises(errors.FormatError, match=says):
        await piece.next_item()


async def test_a_service_that_sends_far_ahead_of_what_is_heard_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken_piece, "UNREAD_BYTES", 10_000)
    talk = Talk("cartesia")
    piece, sent = talk.ask("One.")
    talk.says(*(chunk(sent[0]["context_id"], 1) for _ in range(4)))
    assert [await piece.next_item(), await piece.next_item()] == [TENTH, TENTH]
    with pytest.raises(errors.SourceBrokenError, match="more speech than can be kept"):
        await piece.next_item()


@pytest.mark.parametrize("message", [None, 7, [], "text", {}, {"type": []}, {"type": "chunk"}, {"context_id": {}}])
async def test_messages_of_no_known_kind_change_nothing(message: Any) -> None:
    talk = Talk("cartesia")
    piece, _ = talk.ask("One.")
    talk.says(message)
    assert not piece.ended
    assert talk.protocol.usable
