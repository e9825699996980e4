"""A log with readers that do anything in any order: what each is given makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from oggstream.opus.items import AudioPacket
from oggstream.sinks.live.broadcast import Broadcast
from oggstream.sinks.live.live_item import Flushed, LiveItem, LivePacket, SpeechBegun, SpeechEnded
from oggstream.sinks.live.on_air import OwnClock
from oggstream.sinks.live.shared_log import LogReader, SharedLog
from oggstream.sinks.live.taker import Taker

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.just(0)),
        st.tuples(st.just("packets"), st.integers(1, 40)),
        st.tuples(st.just("end"), st.just(0)),
        st.tuples(st.just("abort"), st.just(0)),
        st.tuples(st.just("join"), st.integers(1, 10)),
        st.tuples(st.just("read"), st.integers(0, 4)),
        st.tuples(st.just("read one"), st.integers(0, 4)),
        st.tuples(st.just("leave"), st.integers(0, 4)),
    ),
    max_size=60,
)


class Listener:
    """A taker, and a check of all that it is given."""

    def __init__(self, taker: Taker) -> None:
        self.taker = taker
        self._number, self._open = 0, False
        self._position: int | None = None
        self._lost = 0

    def check(self, items: Sequence[LiveItem]) -> None:
        for item in items:
            if isinstance(item, SpeechBegun):
                assert not self._open
                assert item.number > self._number
                self._number, self._open, self._position = item.number, True, None
            elif isinstance(item, LivePacket):
                assert self._open
                assert item.number == self._number
                if self._position is not None:
                    assert item.position >= self._position
                    assert item.lost or item.position == self._position
                self._position = item.position + 960
                self._lost += item.lost
            elif isinstance(item, SpeechEnded):
                assert self._open
                assert item.number == self._number
                self._open = False
            elif isinstance(item, Flushed):
                assert item.number == self._number
                self._open = False
        assert self._lost <= self.taker.lost


class Room:
    """A broadcast, and what may be done to it."""

    def __init__(self) -> None:
        self.broadcast = Broadcast(seconds=1.0)
        self.listeners: list[Listener] = []

    def do(self, step: str, number: int) -> None:
        speech = self.broadcast._speech
        if step == "begin":
            self.broadcast._begin(OwnClock(asyncio.get_running_loop().time))
        elif step == "packets" and speech is not None and not speech.ended:
            self.broadcast._hand_on(speech, [AudioPacket(b"\xf8\xff\xfe", 0, 960, 0, 0)] * number)
        elif step == "end" and speech is not None:
            self.broadcast._end(speech)
        elif step == "abort":
            self.broadcast.abort()
        elif step == "join":
            self.listeners.append(Listener(self.broadcast.taker(seconds=number / 10)))
        elif number < len(self.listeners):
            self._of(self.listeners[number], step)

    def _of(self, listener: Listener, step: str) -> None:
        if step == "read":
            listener.check(listener.taker.take_all())
        elif step == "read one":
            listener.check(listener.taker.take() or ())
        elif step == "leave":
            listener.taker.close()


@given(STEPS)
@settings(max_examples=150)
def test_whatever_is_done_each_taker_is_given_speeches_that_make_sense(steps: list[tuple[str, int]]) -> None:
    async def main() -> None:
        room = Room()
        for step, number in steps:
            room.do(step, number)
        await room.broadcast.aclose()
        for listener in room.listeners:
            listener.check(listener.taker.take_all())
            assert listener.taker.closed
            assert not listener._open or listener.taker._left

    asyncio.run(main())


async def test_a_log_keeps_no_more_than_it_may() -> None:
    log: SharedLog[Any] = SharedLog(1.0)
    for number in range(1000):
        log.append(number, 960)
        assert len(log._rows) <= 101
    reader = LogReader(log, 48000, 0)
    assert reader.take_all() == list(range(950, 1000))
    log.flush()
    assert not log._rows


async def test_what_is_flushed_is_not_lost() -> None:
    log: SharedLog[int] = SharedLog(10.0)
    reader = LogReader(log, log.samples)
    log.append(1, 960)
    log.flush()
    log.append(2, 960)
    assert reader.take_all() == [2]
    assert reader.lost == 0


async def test_what_is_no_sound_is_not_lost_either() -> None:
    log: SharedLog[int] = SharedLog(1.0)
    reader = LogReader(log, log.samples)
    for number in range(100):
        log.append(number)
        log.append(number, 960)
    assert len(reader.take_all()) == 50 + 49
    assert reader.lost == 50


async def test_a_reader_is_told_once_until_it_has_read() -> None:
    log: SharedLog[int] = SharedLog(1.0)
    reader = LogReader(log, log.samples)
    told: list[int] = []
    reader.on_ready = lambda: told.append(1)
    for _ in range(3):
        log.append(1, 960)
        await asyncio.sleep(0)
    assert told == [1]
    reader.take_all()
    log.append(1, 960)
    log.append(1, 960)
    await asyncio.sleep(0)
    assert told == [1, 1]


async def test_a_reader_that_begins_where_something_is_is_told_at_once() -> None:
    log: SharedLog[int] = SharedLog(1.0)
    log.append(1, 960)
    reader = LogReader(log, log.samples, 0)
    told: list[int] = []
    reader.on_ready = lambda: told.extend(reader.take_all())
    await asyncio.sleep(0)
    assert told == [1]


@pytest.mark.parametrize("closes", ["log", "reader"])
async def test_all_readers_that_wait_get_the_end(closes: str) -> None:
    log: SharedLog[int] = SharedLog(1.0)
    readers = [LogReader(log, log.samples) for _ in range(5)]
    waiting = [asyncio.ensure_future(anext(reader, None)) for reader in readers]
    await asyncio.sleep(0)
    if closes == "log":
        log.close()
    else:
        for reader in readers:
            reader.close()
    assert await asyncio.gather(*waiting) == [None] * 5
