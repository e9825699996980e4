"""Events and their times."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

import pytest

from oggstream.events import Event, FirstByte, Recorder, Started, Warned, emit, using


def test_events_are_stamped_with_seconds_since_the_zero() -> None:
    heard: list[Event] = []
    recorder = Recorder(lambda: 107.5, 100.0, heard.append)
    recorder.record(FirstByte)
    recorder.record(Started, at=3.0)
    assert heard == [FirstByte(at=7.5), Started(at=3.0)]


def test_listeners_are_called_in_order() -> None:
    heard: list[str] = []
    recorder = Recorder(lambda: 0.0, 0.0, lambda _: heard.append("first"))
    recorder.listen(lambda _: heard.append("second"))
    recorder.record(FirstByte)
    assert heard == ["first", "second"]


def test_outside_a_session_nothing_happens() -> None:
    emit(Warned, message="nobody listens")


def test_inside_a_block_what_is_emitted_reaches_its_recorder_only() -> None:
    inner: list[Event] = []
    outer: list[Event] = []
    with using(Recorder(lambda: 0.0, 0.0, outer.append)):
        with using(Recorder(lambda: 0.0, 0.0, inner.append)):
            emit(FirstByte)
        emit(Started)
    emit(Warned, message="late")
    assert inner == [FirstByte(at=0.0)]
    assert outer == [Started(at=0.0)]


async def test_tasks_started_in_a_block_belong_to_it() -> None:
    heard: list[Event] = []

    async def work() -> None:
        emit(FirstByte)

    with using(Recorder(lambda: 0.0, 0.0, heard.append)):
        task = asyncio.create_task(work())
    await task
    assert heard == [FirstByte(at=0.0)]


def test_events_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FirstByte(at=1.0).at = 2.0  # type: ignore[misc]


def test_a_recorder_that_has_ended_tells_nobody_and_holds_nobody() -> None:
    seen: list[Event] = []
    recorder = Recorder(lambda: 1.0, 0.0, seen.append)
    with using(recorder):
        context = copy_context()
    recorder.end()
    context.run(emit, FirstByte)
    assert seen == []
