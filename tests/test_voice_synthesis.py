"""Text to a stream of bytes: complete, in time, bounded, and stopped when the consumer leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from oggstream.annotations import Word
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.errors import LibraryError, TextError, UsageError
from oggstream.opus.opus_reader import OpusReader
from oggstream.voice import choice, speech, synthesis, voice_files
from oggstream.voice.engine import EngineInfo, SpokenWord, Utterance
from oggstream.voice.listing import voices_here
from oggstream.voice.pools import Pool, close_all, pool_of
from oggstream.voice.registry import OWN
from oggstream.voice.synthesis import load, speak, synthesize
from oggstream.voice.wire import RATE
from patience import PATIENCE

TEXT = "Hello there, this is a test. It has two sentences, and three clauses."
LONG = "The quick brown fox jumps over the lazy dog. " * 90


async def body(text: str = TEXT, *, voice: str = "alloy", speed: float = 1.0, format: str = "opus") -> bytes:  # noqa: A002
    return b"".join([part async for part in synthesize(text, voice=voice, speed=speed, format=format)])


def speaking() -> int:
    return sum(thread.name == "oggstream-voice" for thread in threading.enumerate())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a thread has no asyncio.Event
            await asyncio.sleep(0.005)


async def test_the_parts_are_whole_pages_and_the_headers_come_first() -> None:
    parts = [part async for part in synthesize(TEXT)]
    assert all(part.startswith(b"OggS") for part in parts)
    assert b"OpusHead" in parts[0]
    assert b"OpusTags" in parts[0]
    assert parts[0].count(b"OggS") == 2
    for part in parts:
        reader = OpusReader()
        reader.feed(parts[0] + part if part is not parts[0] else part)
        assert reader.stats.bad_packets == 0


class FakeWorker:
    """A process that gives the same again and again."""

    def __init__(self, items: list[bytes | SpokenWord], info: EngineInfo = OWN["espeak"]) -> None:
        self.items = items
        self.info = info
        self.spoken: list[Utterance] = []

    def speak(self, wanted: Utterance) -> Iterator[bytes | SpokenWord]:
        self.spoken.append(wanted)
        yield from self.items

    def stop(self) -> None: ...

    def turn(self, due: float) -> FakeWorker:
        self.due = due
        return self


async def test_ogg_and_pcm_hold_the_same_speech_to_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = await body(format="pcm")
    blocks: list[bytes | SpokenWord] = [pcm[at : at + 2646] for at in range(0, len(pcm), 2646)]
    fake = FakeWorker(blocks)
    monkeypatch.setattr(speech, "pool_of", lambda _: fake)
    monkeypatch.setattr(speech, "cut", lambda text, *_: [(0, len(text))])
    reader, decoder = OpusReader(), FrameDecoder()
    items = reader.feed(await body()) + reader.finish()
    sound = np.concatenate([frame.pcm[:, 0] for item in items for frame in decoder.decode(item)])
    wanted = np.frombuffer(pcm, np.int16) / 32768
    assert len(sound) == 2 * len(wanted)
    assert np.corrcoef(sound[::2], wanted)[0, 1] > 0.9
    assert reader.stats.warnings == []
    assert reader.stats.holes == 0


async def test_the_duration_is_that_of_the_speech() -> None:
    seconds = len(await body(format="pcm")) / 2 / RATE
    assert 3 < seconds < 6


async def test_the_same_text_takes_the_same_time_again() -> None:
    first, second = [len(await body(format="pcm")) for _ in range(2)]
    assert abs(first - second) < 2 * RATE * 0.02


@pytest.mark.parametrize("speed", [0.25, 0.5, 2, 4])
async def test_speed_scales_the_duration(speed: float) -> None:
    usual, other = len(await body(format="pcm")), len(await body(format="pcm", speed=speed))
    assert other * speed / usual == pytest.approx(1, abs=0.08)


async def test_speed_leaves_the_level_alone() -> None:
    def level(pcm: bytes) -> float:
        return float(np.sqrt(np.mean((np.frombuffer(pcm, np.int16) / 32768.0) ** 2)))

    usual = level(await body(format="pcm"))
    assert 0.02 < usual < 0.5
    for speed in (0.25, 2):
        assert level(await body(format="pcm", speed=speed)) == pytest.approx(usual, rel=0.15)


async def test_voices_differ() -> None:
    assert len({await body(format="pcm", voice=voice) for voice in ("alloy", "nova", "onyx")}) == 3


async def test_several_at_once_are_all_served_whole() -> None:
    alone = len(await body(format="pcm"))
    together = await asyncio.gather(*(body(format="pcm") for _ in range(6)))
    assert all(abs(len(pcm) - alone) < 2 * RATE * 0.05 for pcm in together)
    assert speaking() == 0


async def test_a_consumer_that_goes_away_ends_the_thread() -> None:
    async with aclosing(synthesize(LONG)) as parts:
        await anext(parts)
        await anext(parts)
        assert speaking() == 1
    assert speaking() == 0


async def test_cancelling_the_reader_ends_the_thread() -> None:
    started = asyncio.Event()

    async def read() -> None:
        async for _ in synthesize(LONG):
            started.set()
            await asyncio.sleep(0.01)

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not speaking())


async def test_a_consumer_that_never_asks_starts_nothing() -> None:
    async with aclosing(synthesize(TEXT)):
        await asyncio.sleep(0)
        assert speaking() == 0


async def test_synthesis_waits_for_a_slow_consumer_without_keeping_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[tuple[int, int]] = []
    original = speech.Speech._speak_piece

    def count(self: speech.Speech, start: int, end: int) -> None:
        pieces.append((start, end))
        original(self, start, end)

    monkeypatch.setattr(speech.Speech, "_speak_piece", count)
    async with aclosing(synthesize(LONG)) as parts:
        await anext(parts)
        await asyncio.sleep(0.3)
        ahead = len(pieces)
        await asyncio.sleep(0.1)
        assert len(pieces) == ahead < 10  # 6 s ahead are one or two of these pieces
        assert speaking() == 1
        async with asyncio.timeout(PATIENCE):
            assert await body("Quick.")  # another one has the engine meanwhile


async def test_slow_consumers_get_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "AHEAD_ITEMS", 2)
    size = 0
    async for part in synthesize(TEXT, format="pcm"):
        size += len(part)
        await asyncio.sleep(0.001)
    assert abs(size - len(await body(format="pcm"))) < 2 * RATE * 0.02


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
async def test_a_text_of_nothing_is_an_error(text: str) -> None:
    with pytest.raises(TextError):
        await body(text)


async def test_unknown_voices_speeds_and_formats_are_errors() -> None:
    for wrong in ({"engine": "nobody"}, {"speed": 5.0}, {"format": "mp3"}):
        with pytest.raises(UsageError):
            _ = [item async for item in speak(TEXT, **wrong)]
    assert speaking() == 0


async def test_a_failure_in_the_thread_is_raised_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> None:
        raise LibraryError("no espeak-ng")

    monkeypatch.setattr(speech, "pool_of", missing)
    parts = synthesize(TEXT)
    with pytest.raises(LibraryError, match="no espeak-ng"):
        await anext(parts)
    assert speaking() == 0


async def test_with_piper_and_neither_a_voice_nor_espeak_both_are_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object) -> None:
        raise LibraryError("no espeak-ng")

    monkeypatch.setattr(choice, "is_installed", lambda info: info.name in ("piper", "espeak"))
    monkeypatch.setattr(voice_files, "piper_files", dict)
    monkeypatch.setattr(Pool, "worker", missing)
    monkeypatch.setattr(Pool, "turn", missing)
    for failing in (load(), anext(synthesize(TEXT)), voices_here()):
        with pytest.raises(
            LibraryError, match=r"^no voice of piper for 'en' is here \(docs/voices.md\), and no espeak-ng$"
        ):
            await failing


@pytest.mark.parametrize("text", ["...", "a", "😀", "\x00", "你好", "<speak>"])
async def test_odd_texts_give_a_stream_that_can_be_read(text: str) -> None:
    reader = OpusReader()
    reader.feed(await body(text))
    reader.finish()
    assert reader.stats.packets > 0


async def test_loading_ahead_starts_the_process() -> None:
    close_all()
    await synthesis.load("espeak")
    assert [worker.alive for worker in pool_of(OWN["espeak"])._idle] == [True]


async def test_a_speech_of_hours_ends_with_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "MOST_SECONDS", 3)
    received: list[bytes] = []

    async def receive() -> None:
        async for part in synthesize(LONG, format="pcm", speed=0.25):
            received.append(part)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(TextError, match="shorten or split it"):
        await receive()
    assert 3 < sum(map(len, received)) / 2 / RATE < 30
    assert speaking() == 0


WORDY = "Hello there, Mr. Smith: how are 25 naïve foxes? 😀 Fine."


async def words_of(text: str, **settings: Any) -> tuple[list[Word], bytes]:
    items = [item async for item in speak(text, **settings)]
    words = [item for item in items if isinstance(item, Word)]
    return words, b"".join(item for item in items if isinstance(item, bytes))


@pytest.mark.parametrize("format", ["opus", "wav", "pcm"])
async def test_words_are_placed_behind_the_pieces_before(
    monkeypatch: pytest.MonkeyPatch,
    format: str,  # noqa: A002
) -> None:
    half, whole = RATE // 2, RATE
    items: list[bytes | SpokenWord] = [SpokenWord(0, 3, 0, half), bytes(2 * whole), SpokenWord(4, 7, half, whole)]
    fake = FakeWorker(items)
    monkeypatch.setattr(speech, "pool_of", lambda _: fake)
    monkeypatch.setattr(speech, "cut", lambda *_: [(0, 8), (8, 15)])
    words, _ = await words_of("one two one two", format=format)
    assert [(word.text, word.start, word.start_sample, word.end_sample) for word in words] == [
        ("one", 0, 0, 24000),
        ("two", 4, 24000, 48000),
        ("one", 8, 48000, 72000),
        ("two", 12, 72000, 96000),
    ]


async def test_words_are_those_of_the_text_in_order_without_overlap() -> None:
    words, _ = await words_of(WORDY, engine="espeak")
    assert [WORDY[word.start : word.end] for word in words] == [word.text for word in words]
    assert {"naïve", "25", "Mr."} <= {word.text for word in words}
    for before, after in pairwise(words):
        assert before.end <= after.start
        assert before.start_sample < before.end_sample <= after.start_sample


@pytest.mark.parametrize("speed", [0.25, 1.0, 1.6])
async def test_where_a_word_is_told_its_sound_is(speed: float) -> None:
    text = "Cat, dog, bird, horse."
    words, body = await words_of(text, format="pcm", speed=speed, engine="espeak")
    sound = np.frombuffer(body, np.int16)
    assert [word.text for word in words] == ["Cat", "dog", "bird", "horse"]
    for word in words:
        begins = word.start_sample // 2
        assert _onset(sound[begins:], RATE) < 0.12 / min(1, speed)
        if begins:
            assert np.abs(sound[begins - 240 : begins].astype(int)).max() < 2000  # the pause before it


def _onset(pcm: Any, rate: int) -> float:
    """Seconds to the first loud sample."""
    return float(np.argmax(np.abs(pcm.astype(int)) > 2000)) / rate


async def test_a_word_comes_before_most_of_its_sound() -> None:
    items = [item async for item in speak(LONG, engine="espeak")]
    received, late = 0, 0
    for item in items:
        if isinstance(item, Word):
            late = max(late, received * 960 - item.end_sample)
        elif isinstance(item, bytes):
            received += item.count(b"OggS")
    assert late < 48000


@pytest.mark.parametrize(
    "text", ["\x00\x01 a", "'" * 300, "w." * 200, "😀 \u0301\u0301", "<b>x</b> &amp; [[x]]", "a\n\n\nb"]
)
async def test_words_of_odd_texts_lie_in_text_and_sound(text: str) -> None:
    words, body = await words_of(text, format="pcm")
    for word in words:
        assert text[word.start : word.end] == word.text != ""
        assert 0 <= word.start_sample <= word.end_sample <= len(body)
