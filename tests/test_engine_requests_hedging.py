"""Asking for a late piece a second time: when, where, what it costs, and which answer is heard. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import oggstream
from oggstream.engine import loading
from oggstream.errors import AccessError, RateLimitError, SourceBrokenError
from oggstream.events import Event, FirstPacket, Hedged, RequestSent, emit
from oggstream.history import History
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.playout.habits import Habits
from oggstream.playout.lateness import BUCKET, Lateness, Wait
from oggstream.sinks.null_sink import NullSink
from oggstream.sources.asking import asking
from oggstream.sources.resolve_source import FirstOf
from oggstream.sources.traits import SourceTraits
from scripted import pages, spoken

pytestmark = pytest.mark.looptime

TEXT = "The tower was finished in the spring of that year."
KEY = "test|model|voice"
OPTIONS = {"hedge": 0.1, "history": None}


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()


class Voice:
    """Sounds after each of ``waits`` in turn, the last one again and again; an exception is raised instead.

    ``early``: the head of the stream comes at once. ``ends`` are how requests ended, ``fresh`` what they were told.
    """

    def __init__(
        self,
        *waits: float | Exception,
        name: str = "voice",
        early: bool = False,
        identity: str | None = None,
        requests: int | None = None,
    ) -> None:
        self.traits = SourceTraits(name=name, identity=identity, requests=requests)
        self.waits = waits
        self.early = early
        self.asked: list[float] = []
        self.ends: list[str] = []
        self.fresh: list[bool] = []
        self.open_now = self.most_at_once = 0

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[Body]:
        wait = self.waits[min(len(self.asked), len(self.waits) - 1)]
        self.asked.append(asyncio.get_running_loop().time())
        self.fresh.append(asking().fresh)
        self.open_now += 1
        self.most_at_once = max(self.most_at_once, self.open_now)
        emit(RequestSent, characters=len(text))
        number = len(self.ends)
        self.ends.append("open")
        try:
            yield Body(wait, early=self.early, seconds=max(0.3, round(len(text) / 13.6, 1)))
            self.ends[number] = "done"
        except asyncio.CancelledError:
            self.ends[number] = "cancelled"
            raise
        finally:
            self.open_now -= 1


class Body:
    content_type = "audio/ogg"
    request_id = None

    def __init__(self, wait: float | Exception, *, early: bool, seconds: float) -> None:
        head, tags, *audio = pages(spoken(seconds))
        self._chunks: list[bytes] = [head + tags, *audio] if early else [head + tags + audio[0], *audio[1:]]
        self._wait = wait
        self._silent = early
        self._given = 0

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        if self._given == (1 if self._silent else 0):
            if isinstance(self._wait, Exception):
                await asyncio.sleep(0.1)
                raise self._wait
            await asyncio.sleep(self._wait)
        if self._given == len(self._chunks):
            raise StopAsyncIteration
        self._given += 1
        return self._chunks[self._given - 1]


def known(*seconds: float, tokens: float = BUCKET, characters: int = len(TEXT)) -> Lateness:
    value = Lateness(owed=BUCKET - tokens)
    for each in seconds or [0.5] * 20:
        value = value.with_wait("auto", Wait(characters, each))
    return value


def remembering(folder: Path, lateness: Lateness, **more: Any) -> dict[str, Any]:
    """Options with a history that knows so much of the service."""
    history = History(folder / "history.json")
    history.put(f"{KEY}|1", Habits(seen=1, lateness=lateness, **more))
    return {"history": folder / "history.json", "hedge": 0.05}


async def say(source: Any, text: Any = TEXT, **options: Any) -> tuple[oggstream.PlaybackReport, list[Event]]:
    events: list[Event] = []
    playback = PlaybackOptions(**options)
    report = await oggstream.play_stream(text, source=source, sink=NullSink(), options=playback, on_event=events.append)
    return report, events


def heard(report: oggstream.PlaybackReport) -> float:
    assert report.timing.first_packet is not None
    return report.timing.first_packet


async def test_the_second_answer_is_heard_where_the_first_is_late(tmp_path: Path) -> None:
    voice = Voice(3.0, 0.4, identity=KEY)
    report, events = await say(voice, **remembering(tmp_path, known()))
    assert heard(report) == pytest.approx(0.6 + 0.4, abs=0.01)  # late after 1.2 times the usual 0.5
    assert voice.ends == ["cancelled", "done"]
    assert (report.requests.hedged, report.requests.hedges_won) == (1, 1)
    assert (report.requests.sent, report.requests.retried) == (2, 0)
    assert report.requests.hedged_characters == len(TEXT)
    assert report.requests.characters == 2 * len(TEXT)
    assert [event.index for event in events if isinstance(event, Hedged)] == [0]
    assert sum(isinstance(event, FirstPacket) for event in events) == 1
    assert report.audio.seconds == pytest.approx(round(len(TEXT) / 13.6, 1))


async def test_the_first_answer_is_heard_where_it_comes_after_all(tmp_path: Path) -> None:
    voice = Voice(0.7, 5.0, identity=KEY)
    report, _ = await say(voice, **remembering(tmp_path, known()))
    assert heard(report) == pytest.approx(0.7, abs=0.01)
    assert voice.ends == ["done", "cancelled"]
    assert (report.requests.hedged, report.requests.hedges_won) == (1, 0)
    assert report.audio.seconds == pytest.approx(round(len(TEXT) / 13.6, 1))


async def test_the_loser_is_cancelled_at_the_first_sound(tmp_path: Path) -> None:
    voice = Voice(9.0, 0.4, identity=KEY)
    ended: list[str] = []

    def look(event: Event) -> None:
        if isinstance(event, FirstPacket):
            asyncio.get_running_loop().call_later(0.01, lambda: ended.extend(voice.ends))

    options = PlaybackOptions(**remembering(tmp_path, known()))
    await oggstream.play_stream(TEXT, source=voice, sink=NullSink(), options=options, on_event=look)
    assert ended[0] == "cancelled"


async def test_what_counts_is_sound_not_headers_or_a_head_without_audio(tmp_path: Path) -> None:
    voice = Voice(3.0, 0.4, identity=KEY, early=True)
    report, _ = await say(voice, **remembering(tmp_path, known()))
    assert heard(report) == pytest.approx(1.0, abs=0.01)
    assert report.requests.hedges_won == 1
    assert report.stream.holes == 0


async def test_nothing_is_asked_twice_unless_the_user_allows_it(tmp_path: Path) -> None:
    voice = Voice(3.0, 0.4, identity=KEY)
    report, _ = await say(voice, **remembering(tmp_path, known()) | {"hedge": 0.0})
    assert heard(report) == pytest.approx(3.0, abs=0.01)
    assert report.requests.sent == 1


async def test_a_usual_wait_is_none(tmp_path: Path) -> None:
    voice = Voice(0.55, identity=KEY)
    report, _ = await say(voice, **remembering(tmp_path, known()))
    assert report.requests.hedged == 0


async def test_without_a_token_nothing_is_asked_twice(tmp_path: Path) -> None:
    voice = Voice(3.0, identity=KEY)
    report, _ = await say(voice, **remembering(tmp_path, known(tokens=0.9)))
    assert report.requests.hedged == 0


async def test_the_second_request_is_told_to_use_a_new_connection(tmp_path: Path) -> None:
    voice = Voice(3.0, 0.4, identity=KEY)
    await say(voice, **remembering(tmp_path, known()))
    assert voice.fresh == [False, True]


@pytest.mark.parametrize("limit", ["traits", "learnt", "options"])
async def test_a_service_that_takes_one_request_gets_no_second_one(tmp_path: Path, limit: str) -> None:
    voice = Voice(3.0, 0.4, identity=KEY, requests=1 if limit == "traits" else None)
    options = remembering(tmp_path, known(), **({"requests": 1} if limit == "learnt" else {}))
    report, _ = await say(voice, **options | ({"requests": 1} if limit == "options" else {}))
    assert report.requests.hedged == 0
    assert voice.most_at_once == 1


@pytest.mark.parametrize(
    ("first", "second", "sound"),
    [
        (3.0, RateLimitError("no", status=429), 3.0),
        (SourceBrokenError("cut"), 0.4, 0.5),
        (3.0, SourceBrokenError("cut"), 3.0),
    ],
)
async def test_a_failure_of_either_leaves_the_other(tmp_path: Path, first: Any, second: Any, sound: float) -> None:
    voice = Voice(first, second, identity=KEY)
    report, _ = await say(voice, **remembering(tmp_path, known()))
    assert heard(report) == pytest.approx(sound, abs=0.02)
    assert report.completed


async def test_a_failure_after_the_second_was_sent_waits_for_that(tmp_path: Path) -> None:
    class Fails(Body):
        async def __anext__(self) -> bytes:
            await asyncio.sleep(0.8)
            raise SourceBrokenError("cut")

    class FailsLate(Voice):
        @asynccontextmanager
        async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[Body]:
            async with super().open(text, options) as body:
                yield Fails(0.0, early=False, seconds=1.0) if len(self.asked) == 1 else body

    voice = FailsLate(0.0, 0.4, identity=KEY)
    report, _ = await say(voice, **remembering(tmp_path, known()))
    assert heard(report) == pytest.approx(1.0, abs=0.01)
    assert report.requests.retried == 0


async def test_if_both_fail_the_first_error_tells_what_to_do(tmp_path: Path) -> None:
    class Refusing(Voice):
        @asynccontextmanager
        async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[Body]:
            async with super().open(text, options):
                second = len(self.asked) % 2 == 0
                await asyncio.sleep(0.2 if second else 1.0)
                raise (
                    oggstream.RateLimitError("too many", status=429)
                    if second
                    else oggstream.AccessError("no", status=403)
                )
                yield  # pragma: no cover

    with pytest.raises(AccessError):
        await say(Refusing(0.0, identity=KEY), **remembering(tmp_path, known()))


async def test_a_refused_second_request_costs_all_tokens(tmp_path: Path) -> None:
    options = remembering(tmp_path, known())
    await say(Voice(3.0, RateLimitError("no", status=429), identity=KEY), **options)
    habits = History(options["history"]).get(f"{KEY}|1")
    assert habits is not None
    assert habits.lateness.tokens <= 0.1


async def test_budget_and_waits_are_kept_in_the_history(tmp_path: Path) -> None:
    options = remembering(tmp_path, known(tokens=5.0))
    await say(Voice(3.0, 0.4, identity=KEY), **options)
    habits = History(options["history"]).get(f"{KEY}|1")
    assert habits is not None
    assert habits.lateness.tokens == pytest.approx(5.0 + 0.05 - 1)
    assert dict(habits.lateness.waits)["auto"][-1].seconds == pytest.approx(1.0, abs=0.01)  # at least that


async def test_a_stopped_speech_pays_too(tmp_path: Path) -> None:
    options = remembering(tmp_path, known(tokens=5.0))
    source, playback = Voice(9.0, 0.4, identity=KEY), PlaybackOptions(**options)
    async with oggstream.Player(source=source, sink=NullSink(), options=playback) as player:
        speech = player.say(TEXT)
        await asyncio.sleep(1.2)
        await player.stop()
        assert (await speech).stopped
    habits = History(options["history"]).get(f"{KEY}|1")
    assert habits is not None
    assert habits.lateness.tokens == pytest.approx(5.0 + 0.05 - 1)


async def test_a_source_without_a_history_is_learnt_while_it_lives() -> None:
    voice = Voice(*[0.5] * 10, 3.0, 0.4)
    reports = [(await say(voice, **OPTIONS))[0] for _ in range(11)]
    assert [report.requests.hedged for report in reports] == [0] * 10 + [1]


async def test_cancelling_cancels_both(tmp_path: Path) -> None:
    voice = Voice(9.0, 9.0, identity=KEY)
    task = asyncio.create_task(say(voice, **remembering(tmp_path, known())))
    await asyncio.sleep(1.0)
    assert voice.open_now == 2
    task.cancel()
    await asyncio.wait({task})
    assert voice.ends == ["cancelled", "cancelled"]


async def texts(*parts: str) -> AsyncIterator[str]:
    for part in parts:
        yield part


LONG = "It stood at the edge of the town, where the road turns to the sea, and nobody had asked for it in all that. "


async def test_a_later_piece_is_asked_twice_only_when_the_reserve_runs_out(tmp_path: Path) -> None:
    lateness = known(*[0.5] * 20, characters=len(LONG))
    voice = Voice(0.5, 30.0, 0.5, identity=KEY)
    report, events = await say(voice, texts(LONG, LONG), **remembering(tmp_path, lateness))
    (hedge,) = [event for event in events if isinstance(event, Hedged)]
    assert hedge.index == 1
    assert hedge.waited > 2  # the first piece is 2.6 s long
    assert report.playout.stall_seconds < 0.2


async def test_a_later_piece_that_comes_in_time_is_not_asked_twice(tmp_path: Path) -> None:
    lateness = known(*[0.5] * 20, characters=len(LONG))
    voice = Voice(0.5, 1.5, identity=KEY)
    report, _ = await say(voice, texts(LONG, LONG), **remembering(tmp_path, lateness))
    assert report.requests.hedged == 0
    assert report.playout.stalls == 0


async def test_the_next_source_of_a_chain_gets_the_second_request() -> None:
    first, second = Voice(*[0.5] * 10, 3.0, 0.5, name="first"), Voice(0.3, name="second")
    chain = FirstOf([first, second])
    reports = [(await say(chain, **OPTIONS))[0] for _ in range(12)]
    assert [report.requests.hedged for report in reports] == [0] * 10 + [1, 0]
    assert heard(reports[10]) < 1.2
    assert reports[10].source == "second"
    assert reports[11].source == "first"  # which is not at fault
    assert (len(first.asked), len(second.asked)) == (12, 1)


async def test_a_second_source_that_sounds_too_late_is_not_named_in_the_report() -> None:
    first, second = Voice(*[0.5] * 10, 0.7, name="first"), Voice(9.0, name="second")
    chain = FirstOf([first, second])
    reports = [(await say(chain, **OPTIONS))[0] for _ in range(11)]
    assert reports[10].requests.hedged == 1
    assert {report.source for report in reports} == {"first"}
    assert chain.traits.name == "first"


async def test_no_more_than_the_share_is_asked_twice_over_time() -> None:
    voice = Voice(*[0.5] * 10, *[2.0 + n / 100 if n % 2 else 0.5 for n in range(60)])
    reports = [(await say(voice, "Yes.", **OPTIONS))[0] for _ in range(60)]
    hedged = sum(report.requests.hedged for report in reports)
    assert 3 <= hedged <= 0.1 * len(reports)
    assert len(voice.asked) == len(reports) + hedged
