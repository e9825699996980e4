"""Contexts whose pieces are told apart by the characters that the service tells, and sounds that are cut there."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from oggstream.annotations import Word
from oggstream.errors import SourceBrokenError
from oggstream.sources.http.redaction import Secrets
from oggstream.sources.services.socket_table import Socket
from oggstream.sources.services.telling import ToldTimes
from oggstream.sources.sockets.contexts import AHEAD_BYTES, Context, Speech
from oggstream.sources.sockets.protocol import SocketProtocol
from oggstream.sources.sockets.reading import Told
from oggstream.sources.sockets.sound import SampleSound
from oggstream.sources.sockets.spoken_piece import SpokenPiece

RATE = 1000
"""Samples of a second: a millisecond is two bytes."""


def context(*texts: str, origin: str = "context") -> tuple[Context, list[SpokenPiece]]:
    """A context in which ``texts`` are spoken."""
    words = {"text": "chars", "start": "starts", "end": "ends", "each": "character", "from": origin}
    socket = Socket(
        text=[{"text": "{text}"}],
        end=[{"end": True}],
        pieces="characters",
        audio={"at": "audio"},
        words=words,
        done=[{"done": True}],
    )
    found = Context("name", Speech({}), SampleSound(RATE), socket)
    pieces = [SpokenPiece(text) for text in texts]
    for piece in pieces:
        found.add(piece)
    return found, pieces


def told(chars: str, start: float, each: float = 0.1) -> ToldTimes:
    """Characters one behind the other, each for ``each`` seconds."""
    starts = [start + number * each for number in range(len(chars))]
    return ToldTimes(list(chars), starts, [begin + each for begin in starts])


def sound(milliseconds: int, first: int = 0) -> bytes:
    return b"".join((first + number).to_bytes(2, "little") for number in range(milliseconds))


async def heard(piece: SpokenPiece) -> tuple[bytes, list[tuple[str, int]]]:
    """Its bytes, and its words with the milliseconds at which they begin."""
    assert piece.ended
    data, words = b"", []
    async with asyncio.timeout(1):
        while (item := await piece.next_item()) is not None:
            if isinstance(item, Word):
                words.append((item.text, round(item.start_sample / 48)))
            elif isinstance(item, bytes):
                data += item
    return data, words


@pytest.mark.parametrize("sizes", [(1100,), (500, 600), (1,) * 1100, (399, 2, 699)])
async def test_a_piece_ends_where_its_last_character_has_sounded_though_times_come_first(sizes: Sequence[int]) -> None:
    one, (first, second) = context("ab c", "defg")
    one.heard(Told(words=told("ab cdefg", 0.0)), 0.0)
    data = sound(sum(sizes))
    for size in sizes:
        one.heard(Told(audio=data[: 2 * size]), 0.0)
        data = data[2 * size :]
    one.complete()
    assert await heard(first) == (sound(400), [("ab", 0), ("c", 300)])
    assert (await heard(second))[1] == [("defg", 0)]


async def test_times_beside_their_audio_cut_it_too() -> None:
    one, (first, second) = context("ab", "cd", origin="message")
    one.heard(Told(audio=sound(100), words=told("a", 0.0)), 0.0)
    one.heard(Told(audio=sound(300, 100), words=told("bcd", 0.0)), 0.0)
    assert await heard(first) == (sound(200), [("ab", 0)])
    assert await heard(second) == (sound(200, 200), [("cd", 0)])


async def test_times_that_come_behind_their_audio_end_the_piece_then() -> None:
    one, (first, second) = context("ab", "cd")
    one.heard(Told(audio=sound(250)), 0.0)
    assert not first.ended
    one.heard(Told(words=told("ab", 0.0)), 0.0)
    one.heard(Told(audio=sound(100, 250)), 0.0)
    one.complete()
    assert (await heard(first))[0] == sound(250)
    assert (await heard(second))[0] == sound(100, 250)


async def test_the_pause_behind_a_piece_is_kept_for_the_next_one_within_a_bound() -> None:
    one, (first,) = context("ab")
    one.heard(Told(words=told("ab", 0.0), audio=sound(250)), 0.0)
    assert first.ended
    second = SpokenPiece("cd")
    one.add(second)
    one.complete()
    assert (await heard(second))[0] == sound(50, 200)
    one.heard(Told(audio=bytes(2 * AHEAD_BYTES)), 0.0)
    third = SpokenPiece("ef")
    one.add(third)
    one.complete()
    assert len((await heard(third))[0]) == AHEAD_BYTES


async def test_characters_out_of_order_end_a_piece_with_the_last_of_them() -> None:
    one, (first, second) = context("ab", "cd")
    one.heard(Told(words=ToldTimes(["b", "a"], [0.1, 0.0], [0.2, 0.1])), 0.0)
    one.heard(Told(audio=sound(300)), 0.0)
    one.complete()
    assert (await heard(first))[0] == sound(200)
    assert (await heard(second))[0] == sound(100, 200)


@pytest.mark.parametrize("odd", [None, "later", True, [0.1], {"at": 1}])
async def test_odd_times_and_texts_end_no_piece_early_and_lose_no_sound(odd: Any) -> None:
    one, (first, second) = context("ab", "cd")
    one.heard(Told(words=ToldTimes([odd, "a", "b"], [None, None, None], [None, None, None])), 0.0)
    one.heard(Told(audio=sound(300)), 0.0)
    assert not first.ended
    one.complete()
    assert (await heard(first))[0] + (await heard(second))[0] == sound(300)


ONE_AT_A_TIME: dict[str, Any] = {
    "text": [{"text": "{text}"}],
    "end": [{"end": True}],
    "cancel": [{"cancel": True}],
    "pieces": "characters",
    "audio": {"at": "audio"},
    "done": [{"done": True}],
    "cancelled": [{"cancelled": True}],
    "words": {"text": "chars", "start": "starts", "end": "ends", "each": "character", "from": "context"},
}
SAID = {"chars": ["a", "b"], "starts": [0.0, 0.1], "ends": [0.1, 0.2]}


def base64(milliseconds: int, first: int = 0) -> str:
    return b64encode(sound(milliseconds, first)).decode()


async def test_the_last_piece_of_a_speech_that_was_ended_has_the_pause_behind_it() -> None:
    protocol = SocketProtocol(
        Socket(**ONE_AT_A_TIME), "wss://there", Secrets(), lambda *_: None, partial(SampleSound, RATE)
    )
    protocol.enter(speech := Speech({}))
    protocol.ask(speech, piece := SpokenPiece("ab"))
    assert protocol.finish(speech) == [{"end": True}]
    protocol.receive({**SAID, "audio": base64(200)})
    protocol.receive({"audio": base64(50, 200)})
    assert not piece.ended
    protocol.receive({"done": True})
    assert await heard(piece) == (sound(250), [("ab", 0)])
    assert protocol.free


async def test_the_end_of_a_speech_that_comes_late_is_not_that_of_the_next() -> None:
    protocol = SocketProtocol(
        Socket(**ONE_AT_A_TIME), "wss://there", Secrets(), lambda *_: None, partial(SampleSound, RATE)
    )
    first, second = Speech({}), Speech({})
    protocol.enter(first)
    protocol.ask(first, piece := SpokenPiece("ab"))
    protocol.receive({**SAID, "audio": base64(200)})
    assert piece.ended
    assert protocol.leave(first) == [{"end": True}]
    protocol.enter(second)
    protocol.ask(second, following := SpokenPiece("ab"))
    protocol.receive({"audio": base64(50)})  # the pause behind the first speech
    protocol.receive({"done": True})
    protocol.receive({**SAID, "audio": base64(200, 300)})
    assert await heard(following) == (sound(200, 300), [("ab", 0)])
    assert protocol.dropped == 1
    assert protocol.failure is None


async def test_a_speech_whose_end_is_never_confirmed_leaves_no_connection_for_another() -> None:
    protocol = SocketProtocol(
        Socket(**ONE_AT_A_TIME), "wss://there", Secrets(), lambda *_: None, partial(SampleSound, RATE)
    )
    protocol.enter(speech := Speech({}))
    protocol.ask(speech, SpokenPiece("ab"))
    protocol.receive({**SAID, "audio": base64(200)})
    protocol.leave(speech)
    assert protocol.next_due is not None
    protocol.now = protocol.next_due
    protocol.due()
    assert isinstance(protocol.failure, SourceBrokenError)
