"""Text to a stream of bytes: whole, in time, in bounds, and stopped when nobody listens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing

import numpy as np
import pytest

from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.errors import LibraryError, TextError, UsageError
from oggstream.opus.opus_reader import OpusReader
from oggstream.voices import espeak, synthesis
from oggstream.voices.bodies import RATE
from oggstream.voices.synthesis import synthesize

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

        def speak_clause(self, text: str, _manner: object, take: Callable[[bytes], bool], _stopped: object) -> int:
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
    assert b"OpusHead" in await anext(parts)
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
