"""The function that gets the events of a speech."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import oggstream
from oggstream.engine import loading
from oggstream.errors import UsageError
from oggstream.events import Event, Progress, RequestSent, SegmentEnded, Started, Warned, emit
from oggstream.sinks.null_sink import NullSink
from scripted import ScriptedSource, every, pages, spoken

pytestmark = pytest.mark.looptime


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()  # in virtual time nobody waits for the thread that would do it


class Telling(ScriptedSource):
    """Tells of its request, as those of services do."""

    def open(self, text: str, options: oggstream.SpeechOptions) -> Any:
        emit(RequestSent, characters=len(text))
        return super().open(text, options)


def source() -> ScriptedSource:
    return Telling(every(0.1, pages(spoken(1.0))))


async def test_an_asynchronous_function_is_awaited_for_each_event_in_order_before_the_report_comes() -> None:
    begun: list[Event] = []
    ended: list[Event] = []

    async def slow(event: Event) -> None:
        begun.append(event)
        await asyncio.sleep(0.05)
        ended.append(event)

    await oggstream.play_stream("Hi", source=source(), sink=NullSink(), on_event=slow)
    assert begun == ended
    assert [event.at for event in ended] == sorted(event.at for event in ended)
    assert isinstance(ended[-1], SegmentEnded | Progress)
    assert {RequestSent, Started, SegmentEnded} <= {type(event) for event in ended}


async def test_a_function_that_is_too_slow_gets_less_progress_and_everything_else() -> None:
    async def count(seconds: float) -> dict[type[Event], int]:
        got: dict[type[Event], int] = {}

        async def listen(event: Event) -> None:
            got[type(event)] = got.get(type(event), 0) + 1
            await asyncio.sleep(seconds)

        await oggstream.play_stream("Hi", source=source(), sink=NullSink(), on_event=listen)
        return got

    slow, fast = await count(1.0), await count(0)
    assert slow.pop(Progress, 0) < fast.pop(Progress) / 2
    assert slow == fast


def raising(kind: type[Event]) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        if isinstance(event, kind):
            raise ZeroDivisionError(kind.__name__)

    return listen


def raising_later(kind: type[Event]) -> Callable[[Event], Any]:
    async def listen(event: Event) -> None:
        await asyncio.sleep(0.001)
        raising(kind)(event)

    return listen


@pytest.mark.parametrize("kind", [RequestSent, Started, Progress, SegmentEnded])
@pytest.mark.parametrize("make", [raising, raising_later])
async def test_what_it_raises_reaches_the_caller_and_leaves_nothing_behind(make: Any, kind: type[Event]) -> None:
    from_script = source()
    with pytest.raises(ZeroDivisionError, match=kind.__name__):
        await oggstream.play_stream("Hi", source=from_script, sink=NullSink(), on_event=make(kind))
    assert from_script.closed == from_script.opened
    assert len(asyncio.all_tasks()) == 1


async def test_what_it_raises_before_the_speech_begins_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    from oggstream import speaking

    def make(given: object) -> tuple[Any, bool]:
        emit(Warned, message="the offline voice speaks")
        return source(), True

    monkeypatch.setattr(speaking, "coerce_source", make)
    with pytest.raises(ZeroDivisionError):
        await oggstream.play_stream("Hi", sink=NullSink(), on_event=raising(Warned))


async def test_a_failing_function_of_a_player_fails_its_speech_only() -> None:
    seen: list[int] = []

    def listen(event: Event) -> None:
        seen.append(event.speech)
        if event.speech == seen[0]:
            raise ZeroDivisionError

    async with oggstream.Player(source=source(), sink=NullSink(), on_event=listen) as player:
        with pytest.raises(ZeroDivisionError):
            await player.say("One.")
        assert (await player.say("Two.")).completed


async def test_cancelling_drops_what_waits_for_an_asynchronous_function() -> None:
    async def never(_: Event) -> None:
        await asyncio.sleep(1000)

    task = asyncio.create_task(oggstream.play_stream("Hi", source=source(), sink=NullSink(), on_event=never))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1


async def test_events_say_which_speech_they_belong_to() -> None:
    events: list[Event] = []
    both = [oggstream.play_stream("Hi", source=source(), sink=NullSink(), on_event=events.append) for _ in range(2)]
    await asyncio.gather(*both)
    assert len({event.speech for event in events}) == 2

    heard: dict[int, set[str]] = {}

    def note(event: Event) -> None:
        if isinstance(event, SegmentEnded):
            heard.setdefault(event.speech, set()).add(event.text)

    async with oggstream.Player(source=source(), sink=NullSink(), on_event=note) as player:
        one, two = player.say("One."), player.say("Two.")
        await two
    assert heard == {one.number: {"One."}, two.number: {"Two."}}


async def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(UsageError, match="on_event must be a function of an event, not list"):
        await oggstream.play_stream("Hi", on_event=[])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="on_event"):
        oggstream.Player(on_event=7)  # type: ignore[arg-type]
