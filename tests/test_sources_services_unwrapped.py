"""Sound and words out of answers of JSON: exact where the service is right, and nothing is lost silently where not."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings, strategies as st

import oggstream
from json_shapes import SECONDS, SHAPES, truth
from oggstream import errors, events
from oggstream.annotations import Annotation, Word
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.sinks.null_sink import NullSink
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.services.table import Service
from oggstream.sources.services.unwrapped import STEP, UnwrappedAnswer
from scripted import spoken
from shape_parts import BODIES, KEY, PCM
from socket_services import service as socket_services
from socket_services.cartesia import Cartesia
from socket_services.elevenlabs import MultiStream
from speech_server import recorded, serving

RATE = 48000
TEXT = "Hello there, said Dr. Smith."
AUDIO = {"at": "a"}
WORDS = {"text": "w", "start": "s", "end": "e"}
Items = list[bytes | Annotation]


def line(audio: bytes = b"", **entries: Any) -> bytes:
    return json.dumps({"a": b64encode(audio).decode(), **entries}).encode() + b"\n"


def taken(body: bytes, text: str = TEXT, size: int = 0, **tables: Any) -> tuple[bytes, list[Word], UnwrappedAnswer]:
    """The sound and the words of an answer that comes in chunks of ``size``."""
    answer = UnwrappedAnswer(text, tables.get("audio", AUDIO), tables.get("words", WORDS))
    chunks = [body[at : at + size] for at in range(0, len(body), size)] if size else [body]
    items: Items = [item for chunk in chunks for item in answer.feed(chunk)]
    items += answer.finish()
    sound = b"".join(item for item in items if isinstance(item, bytes))
    return sound, [item for item in items if isinstance(item, Word)], answer


def places(words: list[Word]) -> list[tuple[str, float, float]]:
    return [(word.text, word.start_sample / RATE, word.end_sample / RATE) for word in words]


# Each service that tells words


@pytest.mark.parametrize("name", ["elevenlabs", "kokoro", "inworld"])
@pytest.mark.parametrize("text", [TEXT, "One.", "It isn't much: a few words (in brackets) and more - and more."])
async def test_words_of_each_service_are_where_it_says(name: str, text: str) -> None:
    async with serving(SHAPES[name]) as server:
        source = ServiceSource(name, base_url=server.origin, api_key=KEY)
        assert source.traits.words
        async with source.open(text, SpeechOptions()) as stream:
            items = [item async for item in stream]
        await source.aclose()
    words = [item for item in items if isinstance(item, Word)]
    assert b"".join(item for item in items if isinstance(item, bytes)) == BODIES["opus"]
    expected = [told for told in truth(text) if any(map(str.isalnum, told[0]))]
    assert [word.start for word in words] == [
        round(start / SECONDS) + told.startswith("(") for told, start, _ in expected
    ]
    if name == "elevenlabs":  # which tells letters: punctuation is not of the word
        starts = [word.start * SECONDS for word in words]
        ends = [word.end * SECONDS for word in words]
    else:
        starts, ends = [start for _, start, _ in expected], [end for _, _, end in expected]
    assert [word.start_sample / RATE for word in words] == pytest.approx(starts)
    assert [word.end_sample / RATE for word in words] == pytest.approx(ends)


async def test_words_of_a_service_reach_the_report() -> None:
    sound = spoken(0.4)

    async def answer(request: web.Request) -> web.Response:
        text = (await request.json())["t"]
        told = truth(text)
        times = {"w": [w for w, _, _ in told], "s": [1000 * s for _, s, _ in told], "e": [1000 * e for _, _, e in told]}
        return web.Response(body=line(sound[:200], **times) + line(sound[200:]))

    async with speaking(answer, words={**WORDS, "unit": "ms"}) as source:
        report = await oggstream.play_stream(
            "One, two.", source=source, sink=NullSink(), options=PlaybackOptions(history=None)
        )
    assert report.segments[0].words_from == "service"
    assert [(word.text, word.start_sample, word.end_sample) for word in report.segments[0].words] == [
        ("One", 0, 9600),
        ("two", 12000, 19200),
    ]


@asynccontextmanager
async def speaking(answer: Any, **entries: Any) -> AsyncIterator[ServiceSource]:
    """The source of a service that answers in JSON."""
    async with serving(answer) as server:
        entries = {"json": {"t": "{text}"}, "audio": AUDIO, **entries}
        source = ServiceSource(Service(name="mine", base_url=server.origin, **entries), max_retries=0)
        try:
            yield source
        finally:
            await source.aclose()


# The shape of an answer


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_lines_events_and_one_value_are_the_same(size: int) -> None:
    told = {"w": ["Hello", "there"], "s": [0, 0.5], "e": [0.5, 1]}
    more = {"w": ["said"], "s": [1], "e": [1.25]}
    lines = line(PCM[:99], **told) + line(PCM[99:], **more)
    stream = b"".join(b"event: x\ndata: " + each + b"\n\n" for each in lines.splitlines())
    array = b"[" + b",\n".join(lines.splitlines()) + b"]"
    whole = line(PCM, w=["Hello", "there", "said"], s=[0, 0.5, 1], e=[0.5, 1, 1.25])
    pretty = json.dumps(json.loads(whole), indent=2).encode()
    for body in (lines, stream, stream + b"data: [DONE]\n\n", array, whole, pretty):
        sound, words, answer = taken(body, size=size)
        assert sound == PCM
        assert places(words) == [("Hello", 0.0, 0.5), ("there", 0.5, 1.0), ("said", 1.0, 1.25)]
        assert answer.faults == []


def test_sound_in_hexadecimal_digits_and_far_inside() -> None:
    body = json.dumps({"data": [{"x": 1}, {"audio": {"hex": PCM.hex().upper()}}]}).encode()
    assert taken(body, audio={"at": "data.1.audio.hex", "as": "hex"})[0] == PCM


def test_words_in_a_list_of_objects_with_durations_in_milliseconds() -> None:
    told = [{"t": "Hello", "at": 250, "d": 500}, {"t": "there,", "at": 750, "d": 250}]
    words = {"text": "m.*.t", "start": "m.*.at", "duration": "m.*.d", "unit": "ms"}
    assert places(taken(line(PCM, m=told), words=words)[1]) == [("Hello", 0.25, 0.75), ("there", 0.75, 1.0)]


def test_words_without_an_end_last_until_the_next() -> None:
    words = {"text": "w", "start": "s"}
    found = taken(line(PCM, w=["Hello", "there"], s=[0.25, 0.75]), words=words)[1]
    assert places(found) == [("Hello", 0.25, 0.75), ("there", 0.75, 0.75)]


def test_words_are_looked_for_where_a_message_is_of_their_kind() -> None:
    body = line(PCM, kind="guess", w=["Hello"], s=[9], e=[9]) + line(kind="sure", w=["Hello"], s=[0], e=[1])
    assert places(taken(body, words={**WORDS, "when": {"kind": "sure"}})[1]) == [("Hello", 0.0, 1.0)]


def test_a_long_sound_is_given_in_steps() -> None:
    answer = UnwrappedAnswer(TEXT, AUDIO, {})
    assert [len(item) for item in answer.feed(line(bytes(2 * STEP + 10))) if isinstance(item, bytes)] == [
        STEP,
        STEP,
        10,
    ]


# What should not be there


def test_an_answer_that_is_sound_is_given_as_it_is() -> None:
    for body in (BODIES["opus"], BODIES["wav"], PCM):
        sound, _, answer = taken(body, size=100)
        assert sound == body
        assert answer.is_bare


def test_a_line_that_is_broken_is_counted_and_the_others_are_heard() -> None:
    good = line(PCM, w=["Hello"], s=[0], e=[1])
    for bad in (good[:-20] + b"\n", b'{"a": }\n', line().replace(b'""', b'"%%%%"'), good[:-1].replace(b'"s"', b"s")):
        sound, words, answer = taken(good + bad + good.replace(b"Hello", b"there").replace(b"[0]", b"[1]"))
        assert sound == PCM + PCM
        assert [word.text for word in words] == ["Hello", "there"]
        assert answer.faults == ["1 parts of the answer cannot be read and are left out"]


def test_an_answer_that_ends_in_the_middle_says_so() -> None:
    sound, _, answer = taken(line(PCM) + line(PCM)[:100])
    assert sound == PCM
    assert answer.faults == ["the body ends in the middle of the event at byte 2742"]


@pytest.mark.parametrize(
    "told",
    [
        {"w": ["nothing", "like"], "s": [0, 1], "e": [1, 2]},
        {"w": ["Hello", "there"], "s": [0], "e": [1]},
        {"w": ["Hello", "there"], "s": [1, "soon"], "e": [2, 3]},
        {"w": ["Hello", None], "s": [1, 2], "e": [2, 3]},
        {"w": ["Hello", "there"], "s": [0, 10**400], "e": [10**400, 3]},
        {"w": [["Hello"], {}], "s": [1, 2], "e": [2, 3]},
        {"w": ["Hello", "there"], "s": [0, -4], "e": [1, 2]},
    ],
)
def test_words_that_make_no_sense_are_counted(told: dict[str, Any]) -> None:
    sound, words, answer = taken(line(PCM, **told))
    assert sound == PCM
    assert len(words) + answer._told.missed == 2  # type: ignore[union-attr]
    assert "of the words that the service tells have no place in the text" in answer.faults[-1]


def test_words_of_another_type_are_none() -> None:
    odd: list[dict[str, Any]] = [{"w": 3, "s": {}, "e": "x"}, {"w": {}, "s": None}, {"s": [1]}, {"w": []}, {}]
    for told in odd:
        sound, words, _ = taken(line(PCM, **told))
        assert (sound, words) == (PCM, [])


async def test_what_is_left_out_is_told_once() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=line(PCM, w=["no"], s=[0]) + b"{oops}\n{oops}\n" + line(PCM))

    async with speaking(answer, words=WORDS) as source:
        with recorded() as seen:
            async with source.open(TEXT, SpeechOptions()) as stream:
                assert [item async for item in stream] == [PCM + PCM]
    assert [event.message for event in seen if isinstance(event, events.Warned)] == [
        "mine: 2 parts of the answer cannot be read and are left out",
        "mine: 1 of the words that the service tells have no place in the text",
    ]


async def test_an_error_in_an_answer_with_status_200_is_raised_behind_what_came_before() -> None:
    async def answer(_: web.Request) -> web.Response:
        error = {"error": {"message": "out of breath", "code": "insufficient_quota"}}
        return web.Response(body=line(PCM) + json.dumps(error).encode())

    async with speaking(answer) as source, source.open(TEXT, SpeechOptions()) as stream:
        assert await anext(stream) == PCM
        with pytest.raises(errors.QuotaError, match="out of breath"):
            await anext(stream)


async def test_json_without_sound_is_named_for_what_it_is() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"detail": "voice under maintenance"})

    async with speaking(answer) as source:
        with pytest.raises(errors.OggStreamError, match="voice under maintenance"):
            async for _packet in oggstream.stream_packets("One.", source=source, format="opus"):
                pass


async def test_an_answer_that_is_left_open_behind_its_end_does_not_hang() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"data: " + line(PCM) + b"\ndata: [DONE]\n\n")
        await request.transport._loop.create_future()  # type: ignore[union-attr]
        return response

    async with speaking(answer) as source, source.open(TEXT, SpeechOptions()) as stream:
        assert [item async for item in stream] == [PCM]


# Whatever comes


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_taken(body: bytes, size: int) -> None:
    for start in (b"", b"{", b"data:", line(PCM)):
        sound, _, answer = taken(start + body, size=size)
        assert sound or answer.faults or answer.failure or not (start + body).strip()


# The stand-ins with which the makers' clients speak (tools/conforming)


@asynccontextmanager
async def foreign(standin: Any, name: str) -> AsyncIterator[ServiceSource]:
    async with standin.running() as service:
        source = ServiceSource(name, base_url=service.url.replace("ws", "http", 1), api_key=socket_services.KEY)
        try:
            yield source
        finally:
            await source.aclose()


async def told_by(standin: Any, text: str) -> tuple[bytes, list[Word], list[str]]:
    """The samples and the words of a piece that ElevenLabs' stand-in speaks, and the warnings."""
    async with foreign(standin, "elevenlabs") as source:
        with recorded() as seen:
            async with source.open(text, SpeechOptions(format="pcm")) as stream:
                items = [item async for item in stream]
    sound = b"".join(item for item in items if isinstance(item, bytes))
    warned = [event.message for event in seen if isinstance(event, events.Warned)]
    return sound, [item for item in items if isinstance(item, Word)], warned


async def test_words_are_exact_against_the_truth_of_a_stand_in_that_foreign_code_speaks_with() -> None:
    text = "One small step, then another: 'quite' a few words - and the end."
    standin = MultiStream()
    sound, words, warned = await told_by(standin, text)
    [truly] = standin.said
    spoken_words = [word for word in truly.words if any(map(str.isalnum, word.text))]
    assert sound == truly.pcm
    assert [word.text for word in words] == [word.text.strip(",:'.") for word in spoken_words]
    for word, true in zip(words, spoken_words, strict=True):
        assert word.start_sample / RATE == pytest.approx(true.start, abs=0.005 + 0.03 * true.text.startswith("'"))
        assert word.end_sample / RATE <= true.end + 0.005
    assert not warned


@pytest.mark.parametrize(
    "fault",
    [
        socket_services.out_of_order,
        socket_services.beyond_the_audio,
        socket_services.in_other_units,
        socket_services.spelt_otherwise,
        socket_services.left_out,
    ],
)
async def test_words_that_are_wrong_leave_the_sound_as_it_is(fault: Any) -> None:
    standin = MultiStream(words=fault)
    sound, words, _ = await told_by(standin, "One small step, then another.")
    assert sound == standin.said[0].pcm
    assert len(words) <= 5
    assert [word.start for word in words] == sorted({word.start for word in words})
    assert [word.start_sample for word in words] == sorted(word.start_sample for word in words)


async def test_cartesias_bytes_are_those_of_its_stand_in() -> None:
    standin = Cartesia()
    async with (
        foreign(standin, "cartesia") as source,
        source.open("One small step.", SpeechOptions(format="pcm")) as stream,
    ):
        sound = b"".join([item async for item in stream if isinstance(item, bytes)])
    assert sound == standin.said[0].pcm
