"""Text to a stream of bytes: complete, in time, bounded, and stopped when the consumer leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from oggstream.annotations import Word
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.errors import LibraryError, TextError, UsageError
from oggstream.opus.opus_reader import OpusReader
from oggstream.voices import espeak, synthesis
from oggstream.voices.bodies import RATE
from oggstream.voices.espeak_voices import espeak_voice, pace_of
from oggstream.voices.synthesis import speak, synthesize

TEXT = "Hello there, this is a test. It has two sentences, and three clauses."
LONG = "The quick brown fox jumps over the lazy dog. " * 90


async def body(text: str = TEXT, *, voice: str = "alloy", speed: float = 1.0, format: str = "opus") -> bytes:  # noqa: A002
    return b"".join([part async for part in synthesize(text, voice=voice, speed=speed, format=format)])


def speaking() -> int:
    return sum(thread.name == "oggstream-voice" for thread in threading.enumerate())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
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


async def test_ogg_and_pcm_hold_the_same_speech_to_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    pcm = await body(format="pcm")

    class Fixed:
        """An espeak-ng that says the same once more: the real one's flutter differs from time to time."""

        rate = RATE

        def speak_clause(self, text: str, _manner: object, take: Callable[[bytes], bool], *_rest: object) -> int:
            all(take(pcm[at : at + 2646]) for at in range(0, len(pcm), 2646))
            return len(text)

    monkeypatch.setattr(espeak, "load", Fixed)
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


async def test_synthesis_waits_for_a_slow_consumer_without_keeping_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    clauses: list[str] = []
    original = espeak.Espeak.speak_clause

    def count(self: espeak.Espeak, text: str, *rest: object) -> int:
        clauses.append(text)
        return original(self, text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(espeak.Espeak, "speak_clause", count)
    async with aclosing(synthesize(LONG)) as parts:
        await anext(parts)
        await asyncio.sleep(0.3)
        ahead = len(clauses)
        await asyncio.sleep(0.1)
        assert len(clauses) == ahead < 10  # 6 s ahead are two or three of these sentences
        assert speaking() == 1
        async with asyncio.timeout(5):
            assert await body("Quick.")  # another one has the library meanwhile


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
    for wrong in ({"voice": "nobody"}, {"speed": 5.0}, {"format": "mp3"}):
        with pytest.raises(UsageError):
            await body(**wrong)
    assert speaking() == 0


async def test_a_failure_in_the_thread_is_raised_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise LibraryError("no espeak-ng")

    monkeypatch.setattr(espeak, "load", missing)
    parts = synthesize(TEXT)
    with pytest.raises(LibraryError, match="no espeak-ng"):
        await anext(parts)
    assert speaking() == 0
    assert synthesis._turns._starting == 0


@pytest.mark.parametrize("text", ["...", "a", "😀", "\x00", "你好", "<speak>"])
async def test_odd_texts_give_a_stream_that_can_be_read(text: str) -> None:
    reader = OpusReader()
    reader.feed(await body(text))
    reader.finish()
    assert reader.stats.packets > 0


async def test_loading_ahead_loads_everything() -> None:
    await synthesis.load()
    assert espeak.load().rate


async def test_a_speech_of_hours_ends_with_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "MOST_SECONDS", 3)
    received: list[bytes] = []

    async def receive() -> None:
        async for part in synthesize(LONG, format="pcm", speed=0.25):
            received.append(part)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(TextError, match="shorten or split it"):
        await receive()
    assert 3 < sum(map(len, received)) / 2 / RATE < 30
    assert speaking() == 0


async def test_a_speech_that_is_ahead_waits_until_others_have_begun() -> None:
    async with aclosing(synthesize(LONG, format="pcm")) as parts:
        await anext(parts)
        synthesis._turns.enter()  # one that does not get on
        try:
            await asyncio.sleep(0.2)
            began, received = asyncio.get_running_loop().time(), 0
            while received < 2 * RATE:
                received += len(await anext(parts))
            taken = asyncio.get_running_loop().time() - began
        finally:
            synthesis._turns.start()
        assert taken > 0.2  # by itself it takes a few ms


WORDY = "Hello there, Mr. Smith: how are 25 naïve foxes? 😀 Fine."


def keeping(pcm: list[bytes]) -> Callable[[bytes], bool]:
    def take(part: bytes) -> bool:
        pcm.append(part)
        return True

    return take


def as_told_by_espeak(text: str, speed: float = 1.0) -> tuple[list[tuple[str, int]], int, list[bytes]]:
    """The words and their samples, read from espeak-ng directly, and its PCM."""
    library, pcm = espeak.load(), list[bytes]()
    voice = espeak_voice("alloy")._replace(wpm=pace_of(speed).wpm)
    told, position = list[tuple[str, int]](), 0
    while position < len(text):
        begins, words = sum(map(len, pcm)) // 2, list[espeak.SpokenWord]()
        count = library.speak_clause(text[position:], voice, keeping(pcm), words=words)
        for word in words:
            start = position + word.start
            told.append((text[start : start + word.length], begins + word.sample))
        position += count
    return told, sum(map(len, pcm)) // 2, pcm


async def words_of(text: str, **settings: Any) -> tuple[list[Word], bytes]:
    items = [item async for item in speak(text, **settings)]
    words = [item for item in items if isinstance(item, Word)]
    return words, b"".join(item for item in items if isinstance(item, bytes))


class Repeating:
    """An espeak-ng that says the same once more, words and all: the real one's flutter differs from time to time."""

    def __init__(self, real: espeak.Espeak) -> None:
        self.rate = real.rate
        self._real = real
        self._kept: dict[str, tuple[int, list[bytes], list[espeak.SpokenWord]]] = {}

    def speak_clause(
        self, text: str, voice: espeak.EspeakVoice, take: Callable[[bytes], bool], *rest: Any, words: Any = None
    ) -> int:
        if text not in self._kept:
            pcm, told = list[bytes](), list[espeak.SpokenWord]()
            count = self._real.speak_clause(text, voice, keeping(pcm), words=told)
            self._kept[text] = (count, pcm, told)
        count, pcm, told = self._kept[text]
        (rest[1] if len(rest) > 1 else words).extend(told)
        all(take(part) for part in pcm)
        return count


@pytest.fixture
def repeating(monkeypatch: pytest.MonkeyPatch) -> None:
    repeating = Repeating(espeak.load())
    monkeypatch.setattr(espeak, "load", lambda: repeating)


@pytest.mark.parametrize("format", ["opus", "wav", "pcm"])
async def test_words_are_told_at_the_samples_that_espeak_names(repeating: None, format: str) -> None:  # noqa: A002
    told, samples, _ = as_told_by_espeak(WORDY)
    words, _ = await words_of(WORDY, format=format)
    begins = {word.start_sample for word in words}
    expected = [(text.rstrip(), at * 48000 / 22050) for text, at in told if text.strip() and text != "5 "]
    assert [word.text for word in words] == [text for text, _ in expected]
    assert all(abs(word.start_sample - at) <= 1 for word, (_, at) in zip(words, expected, strict=True))
    assert len(begins) == len(words)
    assert words[-1].end_sample <= round(samples * 48000 / 22050)


async def test_words_are_those_of_the_text_in_order_without_overlap(repeating: None) -> None:
    words, _ = await words_of(WORDY)
    assert [WORDY[word.start : word.end] for word in words] == [word.text for word in words]
    assert "naïve" in [word.text for word in words]
    assert "25" in [word.text for word in words]
    for before, after in pairwise(words):
        assert before.end <= after.start
        assert before.start_sample < before.end_sample <= after.start_sample


@pytest.mark.parametrize("speed", [0.25, 1.0, 1.6])
async def test_where_a_word_is_told_its_sound_is(repeating: None, speed: float) -> None:
    text = "Cat, dog, bird, horse."
    told, _, pcm = as_told_by_espeak(text, speed)
    source = np.frombuffer(b"".join(pcm), np.int16)
    words, body = await words_of(text, format="pcm", speed=speed)
    sound = np.frombuffer(body, np.int16)
    assert [word.text for word in words] == ["Cat", "dog", "bird", "horse"]
    for word, (_, at) in zip(words, told, strict=True):
        heard = _onset(sound[word.start_sample // 2 :], RATE)
        assert heard == pytest.approx(_onset(source[at:], 22050) * pace_of(speed).stretch, abs=0.05)


def _onset(pcm: Any, rate: int) -> float:
    """Seconds to the first loud sample."""
    return float(np.argmax(np.abs(pcm.astype(int)) > 2000)) / rate


async def test_a_word_comes_before_most_of_its_sound() -> None:
    items = [item async for item in speak(LONG)]
    received, late = 0, 0
    for item in items:
        if isinstance(item, Word):
            late = max(late, received * 960 - item.end_sample)
        else:
            received += item.startswith(b"OggS")
    assert late < 48000


@pytest.mark.parametrize(
    "text", ["\x00\x01 a", "'" * 300, "w." * 200, "😀 \u0301\u0301", "<b>x</b> &amp; [[x]]", "a\n\n\nb"]
)
async def test_words_of_odd_texts_lie_in_text_and_sound(text: str) -> None:
    words, body = await words_of(text, format="pcm")
    for word in words:
        assert text[word.start : word.end] == word.text != ""
        assert 0 <= word.start_sample <= word.end_sample <= len(body)
