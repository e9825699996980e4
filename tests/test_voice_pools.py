"""Turns at the child processes: who is most in need goes first, and nobody gets another's sound."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from oggstream.errors import LibraryError
from oggstream.voice import choice, pools, speech, workers
from oggstream.voice.engine import EngineInfo, SpokenWord, Utterance
from oggstream.voice.pools import LostError, Pool, Turn
from oggstream.voice.synthesis import speak
from oggstream.voice.workers import EngineError
from patience import PATIENCE

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def info(name: str = "Good", **settings: Any) -> EngineInfo:
    return EngineInfo(name=name.lower(), factory=f"odd_engines:{name}", languages=("en",), **settings)


@pytest.fixture
def size(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(Pool, "size", getattr(request, "param", 1))


@pytest.fixture
def pool(size: None) -> Iterator[Pool]:
    made = Pool(info("Spelling", by_turns=True))
    yield made
    made.close()


of_two = pytest.mark.parametrize("size", [2], indirect=True)


def letters(turn: Turn, text: str) -> Generator[str]:
    """What is heard, character by character."""
    for item in turn.speak(Utterance(text)):
        if isinstance(item, bytes):
            yield chr(int.from_bytes(item[:2], sys.byteorder))


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_worker_is_lent_to_one_at_a_time_and_used_again(pool: Pool) -> None:
    other = pool.turn()
    with ThreadPoolExecutor() as threads, pool.worker() as first:
        waiting = threads.submit(other.take)
        until(lambda: pool._waiting)
        other.stop()
        assert waiting.result(PATIENCE) is None
    with pool.worker() as second:
        assert second is first


def test_a_dead_worker_is_replaced(pool: Pool) -> None:
    with pool.worker() as first:
        first.close()
    with pool.worker() as second:
        assert second is not first
        assert list(second.speak(Utterance("a")))
    pool.close()
    assert not second.alive


@of_two
def test_another_worker_is_started_when_somebody_waits(pool: Pool) -> None:
    with pool.worker() as first, pool.worker() as second:
        assert first is not second


@pytest.mark.parametrize(
    "dues", [(7.0, 5.0, 6.0), (7.0, 0.0, 0.0)], ids=["whose sound runs out", "who has nothing, in the order of coming"]
)
def test_who_needs_it_most_goes_first(pool: Pool, dues: tuple[float, ...]) -> None:
    came = list[int]()

    def wait(number: int) -> None:
        turn = pool.turn(dues[number])
        turn.take()
        came.append(number)
        turn.leave()

    with ThreadPoolExecutor() as threads, pool.worker():
        for number in range(len(dues)):
            threads.submit(wait, number)
            until(lambda: len(pool._waiting) > number)  # noqa: B023  # called here
    assert came == [1, 2, 0]


def test_a_new_speech_sounds_before_one_that_is_being_spoken_goes_on(pool: Pool) -> None:
    heard = list[str]()
    long = letters(pool.turn(), "a" * 10)
    heard.append(next(long))

    def other() -> None:
        heard.extend(letters(pool.turn(), "bbb"))

    thread = threading.Thread(target=other)
    thread.start()
    until(lambda: len(next(iter(pool._lent.values()))) == 2)
    heard.extend(long)
    thread.join()
    assert sorted(heard) == ["a"] * 10 + ["b"] * 3
    assert heard.index("b") < 6


def test_an_engine_that_takes_no_turns_finishes_its_utterance_first(size: None) -> None:
    pool, heard = Pool(info("Spelling")), list[str]()
    long = letters(pool.turn(), "a" * 10)
    heard.append(next(long))
    thread = threading.Thread(target=lambda: heard.extend(letters(pool.turn(), "bbb")))
    thread.start()
    until(lambda: pool._waiting)
    heard.extend(long)
    thread.join()
    pool.close()
    assert heard == ["a"] * 10 + ["b"] * 3


@pytest.mark.parametrize("size", [1, 2], indirect=True)
def test_each_of_many_gets_its_own_sound_and_words_whole(pool: Pool) -> None:
    texts = [chr(65 + number) * (1 + 7 * number % 11) + chr(97 + number) for number in range(24)]

    def spoken(text: str) -> tuple[str, list[int]]:
        items = list(pool.turn().speak(Utterance(text)))
        sound = "".join(chr(int.from_bytes(item[:2], sys.byteorder)) for item in items if isinstance(item, bytes))
        return sound, [item.start for item in items if isinstance(item, SpokenWord)]

    with ThreadPoolExecutor(len(texts)) as threads:
        found = list(threads.map(spoken, texts))
    assert found == [(text, list(range(len(text)))) for text in texts]
    assert not pool._lent
    assert not pool._waiting


def test_speeches_that_are_left_in_the_middle_disturb_nobody(pool: Pool) -> None:
    def left(number: int) -> None:
        heard = letters(pool.turn(), "x" * 50)
        for _ in range(1 + number % 3):
            next(heard)
        heard.close()

    with ThreadPoolExecutor(8) as threads:
        whole = [threads.submit(lambda: "".join(letters(pool.turn(), "whole"))) for _ in range(4)]
        list(threads.map(left, range(12)))
        assert [each.result(PATIENCE) for each in whole] == ["whole"] * 4


def test_who_is_stopped_while_others_have_its_worker_ends_there(pool: Pool) -> None:
    turn = pool.turn()
    heard = letters(turn, "a" * 9)
    next(heard)
    with ThreadPoolExecutor() as threads:
        other = threads.submit(lambda: "".join(letters(pool.turn(), "bbb")))
        until(lambda: len(next(iter(pool._lent.values()))) == 2)
        next(heard)
        turn.stop()
        assert "".join(heard) == ""
        assert other.result(PATIENCE) == "bbb"


@posix
def test_a_text_that_ends_the_process_does_not_count_for_those_who_shared_it(pool: Pool) -> None:
    long = letters(pool.turn(), "abc")
    next(long)
    with ThreadPoolExecutor() as threads:
        deadly = threads.submit(lambda: list(letters(pool.turn(), "!")))
        until(lambda: len(next(iter(pool._lent.values()))) == 2)
        with pytest.raises(LostError, match="died of another text"):
            list(long)
        with pytest.raises(EngineError, match="signal 9"):
            deadly.result(PATIENCE)


@posix
async def test_a_speech_goes_on_whatever_others_do_to_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = info("Spelling", by_turns=True, library=True)
    for module in (choice, speech):
        monkeypatch.setattr(module, "engines_for", lambda *_: [engine])
    monkeypatch.setattr(Pool, "size", 1)
    text = "abcdefghijklmnopqrstuvwxyz" * 10
    heard = b""
    with ThreadPoolExecutor() as threads:
        async for item in speak(text, format="pcm"):
            heard += item if isinstance(item, bytes) else b""
            if len(heard) in (4800, 48000, 96000):
                threads.submit(lambda: list(letters(pools.pool_of(engine).turn(), "!")))
    assert "".join(chr(heard[at]) for at in range(0, len(heard), 4800)) == text
    pools.close_all()


def test_that_no_process_starts_is_told_to_all_who_wait(size: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: EngineInfo) -> None:
        raise LibraryError("no Python")

    monkeypatch.setattr(workers, "_start", missing)
    pool = Pool(info())
    with ThreadPoolExecutor() as threads:
        for each in [threads.submit(pool.turn().take) for _ in range(3)]:
            with pytest.raises(LibraryError, match="no Python"):
                each.result(PATIENCE)


def test_preparing_starts_one_process(pool: Pool) -> None:
    pool.prepare()
    pool.prepare()
    assert len(pool._idle) == 1


def test_a_pool_is_no_larger_than_jobs_and_processors_allow(size: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for jobs, most in ((128, 4), (3, 3), (0, 1)):
        pools.set_size(jobs)
        assert Pool.size == most


def test_a_fork_does_not_share_the_children_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_pools", {})
    pool = pools.pool_of(info())
    assert pools.pool_of(info()) is pool
    pool.prepare()
    [worker] = pool._idle
    pid = worker._process.pid
    pools.forget()  # as the fork does
    assert pools.pool_of(info()) is not pool
    assert not worker.alive
    if sys.platform != "win32":
        os.waitpid(pid, 0)  # its pipes are closed; of a parent that goes on they are not
