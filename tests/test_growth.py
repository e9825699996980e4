"""What others send costs time in proportion to its length, whatever stands in it."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable

import pytest

from bodies import every, joined, read
from oggstream.endpoint import realtime_messages, speech_request
from oggstream.errors import OggStreamError
from oggstream.ogg.page_writer import PageWriter
from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags
from oggstream.sources.http.redaction import Secrets
from oggstream.sources.realtime import messages
from oggstream.sources.realtime.coding import AudioCoding
from oggstream.sources.realtime.pending_response import PendingResponse
from oggstream.sources.realtime.protocol import RealtimeProtocol
from oggstream.sources.services.unwrapped import UnwrappedAnswer
from oggstream.sources.told_words import ToldWords
from oggstream.text.deltas import ModelText
from oggstream.text.segmenter import Segmenter
from oggstream.voice.safe_text import safe_text

pytestmark = pytest.mark.once
SIZE = 16 << 10
SMALLER = {
    "model text in words": 1 << 9,
    "model text at once": 1 << 10,
    "text for the voice": 3 << 10,
    "deltas": 1 << 10,
    "words that a service tells": 1 << 10,
}
"""The least number of bytes where a word costs much."""
SUB_QUADRATIC = 10
"""Four times the length may take ten times as long, since machines are noisy; what is quadratic takes sixteen."""
EXEMPT = 0.02  # seconds of CPU, below which noise is most of what is measured


def seconds(call: Callable[[bytes], object], data: bytes) -> float:
    """Seconds of CPU that ``call`` takes."""
    began = time.process_time()
    call(data)
    return time.process_time() - began


def is_in_proportion(times: list[float]) -> bool:
    return times[2] < SUB_QUADRATIC * times[0] + EXEMPT


def refusable(call: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """``call``, which may refuse what it gets."""

    def run(data: bytes) -> None:
        try:
            call(data)
        except (OggStreamError, speech_request.RefusedError, ValueError, RecursionError):
            return

    return run


def body(data: bytes) -> None:
    joined(read(data, every(500, data))[1])


def tags(data: bytes) -> None:
    """A list of as many tags as fit, the first of which are the pattern."""
    OpusTags.parse(b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", len(data)) + data)


def stream_with_tags(data: bytes) -> None:
    """An Ogg Opus stream with tags of any kind behind the vendor, over several pages."""
    writer = PageWriter(1)
    start = writer.page([bytes(OpusHead.simple(1, 0))], 0, bos=True)
    packet = b"OpusTags" + struct.pack("<I", 0) + data
    body(start + b"".join(writer.page([packet[at : at + 60000]], 0) for at in range(0, len(packet), 60000)))


def segmented(data: bytes, portion: int) -> None:
    segmenter = Segmenter(speakable=True)
    text = data.decode("utf-8", "replace")
    for at in range(0, len(text), portion):
        segmenter.feed(text[at : at + portion])
        while segmenter.take(0.0) is not None:
            pass
    segmenter.finish()
    while segmenter.take(0.0) is not None:
        pass


def deltas(data: bytes) -> None:
    reader = ModelText()
    text = data.decode("utf-8", "replace")
    for letter in text:
        reader.read(letter)
    reader.finish()


def realtime(data: bytes) -> None:
    setup = messages.Setup("model", "voice", None, AudioCoding())
    protocol = RealtimeProtocol("ws://host", Secrets(), setup)
    protocol.set_up(setup)
    pending = PendingResponse("Hello.")
    protocol.ask(pending)
    text = data.decode("utf-8", "replace")
    created = {"id": "r", "metadata": {messages.PIECE: pending.id}}
    protocol.receive({"type": "response.created", "response": created})
    for at in range(0, len(text), 100):
        part = {"response_id": "r", "item_id": text[at : at + 10], "content_index": 0, "delta": text[at : at + 100]}
        protocol.receive({"type": "response.output_audio_transcript.delta", **part})
    protocol.receive({"type": "error", "error": {"message": text, "code": text, "event_id": text}})


def told_words(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    told = [(word, at / 10, at / 10 + 0.1) for at, word in enumerate(text[1:].split())]
    words = ToldWords(text)
    for at in range(0, len(told), 3):
        words.words(told[at : at + 3])
    words.characters(list(text), [0.0] * len(text), [0.0] * len(text))
    words.finish()


def broken_lines(data: bytes) -> None:
    answer = UnwrappedAnswer("one two", {"at": "audio"}, {})
    for body in (b'{"audio": "' + data, data.replace(b"}", b'\n{"a": ')):
        answer.feed(body)
    answer.finish()


READERS: dict[str, Callable[[bytes], object]] = {
    "a body": body,
    "tags": tags,
    "a stream with tags": stream_with_tags,
    "server-sent events": lambda data: body(b'data: {"type":"speech.audio.delta","audio":"' + data),
    "lines of JSON": lambda data: body(b'{"audio":"' + data),
    "model text in words": lambda data: segmented(data, 5),
    "model text at once": lambda data: segmented(data, 1 << 20),
    "deltas": deltas,
    "a Realtime service": realtime,
    "a request for speech": speech_request.parse,
    "a request with a long text": lambda data: speech_request.parse(
        json.dumps({"input": data.decode("utf-8", "replace"), "model": "m", "voice": "v"}).encode()
    ),
    "a Realtime client": lambda data: realtime_messages.parse(data.decode("utf-8", "replace")),
    "words that a service tells": told_words,
    "lines of JSON with sound": broken_lines,
    "text for the voice": lambda data: safe_text(data.decode("utf-8", "replace")),
}
HOSTILE = [
    b"a",
    b"a ",
    b"a.",
    b"w. ",
    b"'s",
    b"\n",
    b"\r\n",
    b"data:\n",
    b"data: {}\n\n",
    b'data: "',
    b":\n",
    b"event: x\ndata: y\n",
    b"{",
    b"[",
    b'{"a":',
    b'"\\',
    b"{}\n",
    b'{"audio":""}\n',
    b"OggS",
    b"OggS\0\0",
    b"RIFF\0\0\0\0WAVE",
    b"ID3\4\0\0",
    b"\xff\xfb\x90\x64",
    b"\xff\xf1",
    b"\x1f\x8b\x08",
    b"\0",
    b"\xff",
    b"A=B",
    b"\1\0\0\0",
    b"*",
    b"**",
    b"_a",
    b"`",
    b"```\n",
    b"[a](",
    b"![",
    b"<",
    b"<think>",
    b"</think>",
    b"<a ",
    b"&amp;",
    b"|a|",
    b"> ",
    b"- a\n",
    b"1. ",
    b"# ",
    b"$",
    b"\\(",
    b"$$a",
    b"http://a.",
    b"a@b.",
    b"1,",
    b"9",
    b"(",
    b"\"'",
    b"~~",
    b"Mr. ",
    b"e.g. ",
    "\u200d".encode(),
    "\U0001f468\u200d".encode(),
    "\u3042".encode(),
    "\u3002".encode(),
    "\u0301".encode(),
    b"\x1b[",
    b"\x1b]",
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("what", READERS)
def test_foreign_bytes_take_time_in_proportion_to_their_length(what: str) -> None:
    call = refusable(READERS[what])
    size = SMALLER.get(what, SIZE)
    for pattern in HOSTILE:
        inputs = [pattern * (times * size // len(pattern)) for times in (1, 2, 4)]
        times = [seconds(call, data) for data in inputs]
        for _ in range(3):
            if is_in_proportion(times):
                break
            times = [min(before, seconds(call, data)) for before, data in zip(times, inputs, strict=True)]
        assert is_in_proportion(times), (what, pattern, times)


def test_what_is_quadratic_is_found() -> None:
    def join_all_again(data: bytes) -> int:
        return sum(len(data[:at]) for at in range(0, len(data), 4))

    times = [seconds(join_all_again, b"x" * (size << 14)) for size in (4, 8, 16)]
    assert not is_in_proportion(times)
