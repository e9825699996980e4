from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.hurry import hurried
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.resolve_source import FirstOf
from oggstream.sources.source import ByteStream, Source
from oggstream.sources.traits import SourceTraits, StreamTraits, formats_for
from oggstream.sources.wrapper import BegunStream
from speech_server import BODY, answering, free_port, hanging, openai_error, recorded, serving, speaking

Step = bytes | float | Exception


class Body:
    """A body that gives bytes, sleeps, or fails, as it is told."""

    content_type = "audio/ogg"
    request_id = "r"
    traits = StreamTraits(format="opus")

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, bytes):
                return step
            if isinstance(step, Exception):
                raise step
            await asyncio.sleep(step)
        raise StopAsyncIteration


class Bare:
    """A source that tells nothing of itself."""

    def open(self, text: str, options: SpeechOptions) -> Any:
        return Scripted("bare").open(text, options)


class Scripted:
    """A source whose opening does what ``opening`` says, and whose bodies what ``body`` says, each time anew."""

    def __init__(self, name: str, *body: Step, opening: Step = b"", **traits: Any) -> None:
        self.name = name
        self.body: tuple[Step, ...] = body or (name.encode(),)
        self.opening = opening
        self.calls: list[str] = []
        self.hurried: list[bool] = []
        self.traits = SourceTraits(name=name, **traits)

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        self.calls.append(text)
        self.hurried.append(hurried())
        if isinstance(self.opening, float):
            await asyncio.sleep(self.opening)
        elif isinstance(self.opening, BaseException):
            raise self.opening
        try:
            yield Body(list(self.body))
        finally:
            self.calls.append("left")

    async def warm(self) -> None:
        self.calls.append("warm")

    async def aclose(self) -> None:
        self.calls.append("closed")

    @property
    def asked(self) -> int:
        return sum(call not in ("left", "warm", "closed") for call in self.calls)


async def speak(source: Source, text: str = "Hello.", **options: Any) -> bytes:
    async with source.open(text, SpeechOptions(**options)) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


async def fails(source: Source, kind: type[errors.OggStreamError]) -> None:
    with pytest.raises(kind):
        await speak(source)


# Which one is asked


async def test_first_that_sounds_wins_and_the_others_are_not_asked() -> None:
    parts = Scripted("a", opening=errors.ConfigError("no key")), Scripted("b"), Scripted("c")
    first = FirstOf(parts)
    assert first.traits.name == "a"
    with recorded() as seen:
        assert await speak(first) == b"b"
    assert first.traits.name == "b"
    assert [part.calls for part in parts] == [["Hello."], ["Hello.", "left"], []]
    assert seen == [
        events.Warned(at=seen[0].at, message="a: no key (trying the next source)"),
        events.FailedOver(at=seen[1].at, source="a"),
    ]


async def test_when_all_fail_the_last_error_comes_with_the_reasons_of_the_others() -> None:
    last = errors.ServerError("down")
    parts = (
        Scripted("a", opening=errors.ConfigError("no key")),
        Scripted("b", opening=errors.RateLimitError("slow")),
        Scripted("c", opening=last),
    )
    with pytest.raises(errors.ServerError) as caught:
        await speak(FirstOf(parts))
    assert caught.value is last
    assert caught.value.__notes__ == ["a: no key", "b: slow"]


async def test_sources_of_the_same_name_are_told_apart_by_their_number() -> None:
    down = errors.ServerError("down")
    with recorded() as seen:
        await speak(FirstOf([Scripted("a", opening=down), Scripted("b", opening=down), Scripted("a")]))
    assert [event.message for event in seen if isinstance(event, events.Warned)] == [
        "a #1: down (trying the next source)",
        "b: down (trying the next source)",
    ]


@pytest.mark.parametrize("error", [errors.SourceBrokenError("cut"), errors.SourceTimeoutError("silent")])
async def test_body_that_breaks_before_its_first_bytes_goes_to_the_next_too(error: Exception) -> None:
    parts = Scripted("a", error), Scripted("b")
    assert await speak(FirstOf(parts)) == b"b"
    assert parts[0].calls == ["Hello.", "left"]


async def test_empty_body_goes_to_the_next() -> None:
    empty = Scripted("a")
    empty.body = ()
    with recorded() as seen:
        assert await speak(FirstOf([empty, Scripted("b")])) == b"b"
    assert "a: the body is empty: audio expected; try again (trying the next source)" in str(seen)


async def test_body_comes_whole_with_what_it_tells_of_itself() -> None:
    async with FirstOf([Scripted("a", b"1", b"2", b"3"), Scripted("b")]).open("", SpeechOptions()) as stream:
        assert isinstance(stream, BegunStream)
        assert (stream.content_type, stream.request_id, stream.traits.format) == ("audio/ogg", "r", "opus")
        assert [chunk async for chunk in stream if isinstance(chunk, bytes)] == [b"1", b"2", b"3"]


async def test_exception_of_another_kind_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        await speak(FirstOf([Scripted("a", opening=ZeroDivisionError()), Scripted("b")]))
    with pytest.raises(TimeoutError):
        await speak(FirstOf([Scripted("a", opening=TimeoutError()), Scripted("b")]))


async def test_cancelling_does_not_ask_the_next_and_leaves_the_body() -> None:
    parts = Scripted("a", 60.0), Scripted("b")
    task = asyncio.create_task(speak(FirstOf(parts)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [part.calls for part in parts] == [["Hello.", "left"], []]


async def test_others_than_the_last_are_asked_in_a_hurry() -> None:
    parts = Scripted("a", opening=errors.ServerError("down")), Scripted("b")
    await speak(FirstOf(parts))
    assert [part.hurried for part in parts] == [[True], [False]]
    assert not hurried()


# Failures that a source is given a rest for


@pytest.mark.looptime
async def test_source_that_fails_twice_is_not_asked_for_a_while() -> None:
    parts = Scripted("a", opening=errors.ServerError("down")), Scripted("b")
    first = FirstOf(parts)
    for _ in range(5):
        assert await speak(first) == b"b"
    assert parts[0].asked == 2
    await asyncio.sleep(10)
    await speak(first)
    await speak(first)
    assert parts[0].asked == 3
    parts[0].opening = b""
    await asyncio.sleep(20)
    assert await speak(first) == b"a"
    assert first.traits.name == "a"


async def test_failures_with_a_whole_body_between_them_are_forgiven() -> None:
    parts = Scripted("a"), Scripted("b")
    first = FirstOf(parts)
    for _ in range(3):
        parts[0].opening = errors.ServerError("down")
        assert await speak(first) == b"b"
        parts[0].opening = b""
        assert await speak(first) == b"a"


@pytest.mark.looptime
@pytest.mark.parametrize(
    "error",
    [
        errors.AuthenticationError("key"),
        errors.AccessError("region"),
        errors.NotFoundError("model"),
        errors.QuotaError("credit"),
        errors.ConfigError("no key"),
        errors.LibraryError("no espeak"),
    ],
)
async def test_lasting_failure_is_met_once(error: Exception) -> None:
    parts = Scripted("a", opening=error), Scripted("b")
    first = FirstOf(parts)
    for _ in range(3):
        await speak(first)
        await asyncio.sleep(60)
    assert parts[0].asked == 1


async def test_what_one_text_or_option_is_refused_for_is_no_fault_of_the_source() -> None:
    parts = Scripted("a", opening=errors.TextError("too long")), Scripted("b")
    first = FirstOf(parts)
    for _ in range(4):
        assert await speak(first) == b"b"
    assert parts[0].asked == 4


async def test_when_all_rest_all_are_asked() -> None:
    parts = Scripted("a", opening=errors.QuotaError("a")), Scripted("b", opening=errors.QuotaError("b"))
    first = FirstOf(parts)
    await fails(first, errors.QuotaError)
    parts[1].opening = b""
    assert await speak(first) == b"b"
    assert [part.asked for part in parts] == [2, 2]


async def test_foreign_errors_in_the_block_are_no_fault_of_the_source() -> None:
    parts = Scripted("a"), Scripted("b")
    first = FirstOf(parts)
    for error in (errors.OutputError("disk full"), errors.DeviceError("gone"), ValueError("own")):
        with pytest.raises(type(error)):
            async with first.open("", SpeechOptions()):
                raise error
    assert await speak(first) == b"a"
    assert not first.another(errors.OutputError("disk full"))


# After the sound has begun


@pytest.mark.parametrize("error", [errors.SourceBrokenError("cut"), errors.WrongContainerError("MP3")])
async def test_what_breaks_later_gives_a_rest_and_the_next_takes_over(error: errors.OggStreamError) -> None:
    parts = Scripted("a", b"1", error), Scripted("b")
    first = FirstOf(parts)
    with recorded() as seen:
        await fails(first, type(error))
    assert first.another(error)
    assert [event.message for event in seen if isinstance(event, events.Warned)] == [
        f"a: {error} (the next source takes over)"
    ]
    assert await speak(first) == b"b"


async def test_error_that_the_reader_raises_over_the_body_counts_like_the_bodys_own() -> None:
    parts = Scripted("a"), Scripted("b")
    first = FirstOf(parts)
    with pytest.raises(errors.NoAudioError):
        async with first.open("", SpeechOptions()):
            raise errors.NoAudioError("headers only")
    assert await speak(first) == b"b"


async def test_nobody_else_to_ask() -> None:
    alone = FirstOf([Scripted("a", b"1", errors.SourceBrokenError("cut"))])
    with recorded() as seen:
        await fails(alone, errors.SourceBrokenError)
    assert not alone.another(errors.SourceBrokenError("cut"))
    assert seen == []
    assert not FirstOf([Scripted("a"), Scripted("b")]).another(errors.SourceBrokenError("unknown"))


async def test_interrupted_body_is_no_failure() -> None:
    parts = Scripted("a", b"1", b"2"), Scripted("b")
    first = FirstOf(parts)
    for _ in range(4):
        async with first.open("", SpeechOptions()) as stream:
            await anext(stream)
    assert first.traits.name == "a"
    assert parts[1].asked == 0


@pytest.mark.looptime
async def test_interrupted_trial_leaves_the_source_to_be_tried_again() -> None:
    parts = Scripted("a", b"1", errors.SourceBrokenError("cut")), Scripted("b")
    first = FirstOf(parts)
    await fails(first, errors.SourceBrokenError)
    parts[0].body = (60.0,)
    await asyncio.sleep(10)
    task = asyncio.create_task(speak(first))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    parts[0].body = (b"a",)
    assert await speak(first) == b"a"


# How long one is waited for


@pytest.mark.looptime
@pytest.mark.parametrize("where", ["opening", "body"])
async def test_unknown_source_that_hangs_costs_five_seconds_once_and_one_on_trial(where: str) -> None:
    parts = Scripted("a"), Scripted("b")
    if where == "opening":
        parts[0].opening = 60.0
    else:
        parts[0].body = (60.0,)
    first, time = FirstOf(parts), asyncio.get_running_loop().time
    took = []
    for pause in (0.0, 0.0, 10.0, 0.0):
        await asyncio.sleep(pause)
        began = time()
        assert await speak(first) == b"b"
        took.append(time() - began)
    assert took == pytest.approx([5, 0, 1, 0], abs=0.01)


@pytest.mark.looptime
async def test_source_that_hangs_in_mid_text_costs_little_more_than_its_usual_time() -> None:
    parts = Scripted("a", 0.2, b"a"), Scripted("b", 0.3, b"b")
    first, time = FirstOf(parts), asyncio.get_running_loop().time
    for _ in range(2):
        assert await speak(first) == b"a"
    parts[0].body = (60.0,)
    began = time()
    with recorded() as seen:
        assert await speak(first) == b"b"
    assert time() - began - 0.3 <= 0.5
    assert "a: no sound within 0.4 s (trying the next source)" in str(seen)
    assert await speak(first) == b"b"
    assert parts[0].asked == 3


@pytest.mark.looptime
async def test_patience_may_be_given() -> None:
    first = FirstOf([Scripted("a", 3.0, b"a"), Scripted("b")], patience=2.0)
    assert await speak(first) == b"b"
    first = FirstOf([Scripted("a", 8.0, b"a"), Scripted("b")], patience=9.0)
    assert await speak(first) == b"a"


@pytest.mark.looptime
async def test_last_source_is_waited_for_as_long_as_the_caller_likes() -> None:
    assert await speak(FirstOf([Scripted("a", 500.0, b"a")])) == b"a"


@pytest.mark.looptime
async def test_callers_own_limit_is_learnt_of_when_it_tells() -> None:
    first = FirstOf([Scripted("a", 60.0), Scripted("b")])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await speak(first)
    assert first.another(errors.SourceTimeoutError("nothing for 0.5 s"))
    assert await speak(first) == b"b"


# What it says of itself


def formats(*names: str) -> dict[str, Any]:
    return {"formats": lambda _: names}


async def test_traits_are_those_of_the_members() -> None:
    def told(first: FirstOf) -> tuple[str | None, tuple[str, ...]]:
        return first.traits.identity_for(SpeechOptions()), first.traits.formats_for(SpeechOptions())

    a = Scripted("a", longest_text=5000, identity=lambda _: "a||", **formats("opus", "pcm"))
    b = Scripted("b", longest_text=4096, whole=True, identity="b||", formats=("pcm",))
    first = FirstOf([a, b])
    assert (first.traits.longest_text, first.traits.whole) == (4096, False)
    assert told(first) == ("a||", ("opus", "pcm"))
    a.opening = errors.QuotaError("credit")
    await speak(first)
    assert told(first) == ("b||", ("pcm",))
    assert FirstOf([b, a]).traits.whole
    phonemes = [Scripted(name, ipa=way) for name, way in (("d", "/{ipa}/"), ("e", "/{ipa}/"), ("f", None))]
    assert [FirstOf(phonemes[:many]).traits.ipa for many in (1, 2, 3)] == ["/{ipa}/", "/{ipa}/", None]
    plain = FirstOf([Scripted("c")])
    assert (plain.traits.longest_text, *told(plain)) == (None, None, ())


async def test_source_that_lacks_a_format_gives_what_it_has() -> None:
    asked: list[str] = []

    class Listening(Scripted):
        def open(self, text: str, options: SpeechOptions) -> Any:
            asked.append(options.format)
            return super().open(text, options)

    fail = errors.ServerError("down")
    parts = Listening("a", opening=fail, **formats("opus")), Listening("b", formats=("pcm",)), Listening("c")
    assert await speak(FirstOf(parts), format="opus") == b"b"
    assert await speak(FirstOf([parts[0], parts[2]]), format="wav") == b"c"
    assert asked == ["opus", "auto", "auto", "wav"]


def test_formats_of_a_source_that_says_nothing_are_not_known() -> None:
    assert formats_for(Bare(), SpeechOptions()) == ()


async def test_the_first_that_is_fit_is_warmed_and_only_what_was_made_here_is_closed() -> None:
    parts = Scripted("a", opening=errors.QuotaError("credit")), Scripted("b")
    first = FirstOf([*parts, "http://127.0.0.1:1", Path("x.ogg")])
    await first.warm()
    await speak(first)
    await first.warm()
    await first.aclose()
    assert [part.calls for part in parts] == [["warm", "Hello."], ["Hello.", "left", "warm"]]
    owning = FirstOf(parts, owned=True)
    await owning.aclose()
    assert [part.calls[-1] for part in parts] == ["closed", "closed"]


def test_empty_sequence_is_refused() -> None:
    with pytest.raises(errors.UsageError, match="empty sequence"):
        FirstOf([])


# Over real connections


async def test_dead_service_costs_no_retries() -> None:
    async with serving(speaking()) as service:
        dead = OpenAISource(base_url=f"http://127.0.0.1:{free_port()}/v1")
        alive = OpenAISource(base_url=service.base)
        first = FirstOf([dead, alive], owned=True)
        with recorded() as seen:
            assert await speak(first) == BODY
        await first.aclose()
    assert [type(event) for event in seen if isinstance(event, (events.Retrying, events.Warned))] == [events.Warned]
    assert "connection refused" in str(seen)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_refusal_that_would_be_waited_for_goes_to_the_next(status: int) -> None:
    async with serving(answering(openai_error(status, "busy"))) as busy, serving(speaking()) as service:
        first = FirstOf([OpenAISource(base_url=busy.base), OpenAISource(base_url=service.base)], owned=True)
        assert await speak(first) == BODY
        await first.aclose()
        assert len(busy.posts) == 1


async def test_connection_that_the_service_closed_meanwhile_is_opened_again_even_in_a_hurry() -> None:
    async def closing(request: Any) -> Any:
        response = await speaking()(request)
        request.transport.close()
        return response

    async with serving(closing) as service, serving(speaking()) as other:
        first = FirstOf([OpenAISource(base_url=service.base), OpenAISource(base_url=other.base)], owned=True)
        for _ in range(3):
            assert await speak(first) == BODY
        await first.aclose()
        assert other.posts == []


async def test_service_that_never_answers_leaves_no_connection() -> None:
    async with serving(hanging) as hung, serving(speaking()) as service:
        first = FirstOf(
            [OpenAISource(base_url=hung.base), OpenAISource(base_url=service.base)], patience=0.05, owned=True
        )
        assert await speak(first) == BODY
        await first.aclose()


async def test_no_key_of_either_service_is_in_what_is_told() -> None:
    said = openai_error(401, "Incorrect API key provided: sk-proj-first-key-1871", code="invalid_api_key")
    async with serving(answering(said)) as one, serving(speaking()) as two:
        parts = (
            OpenAISource(base_url=one.base, api_key="sk-proj-first-key-1871"),
            OpenAISource(base_url=two.base, api_key="sk-proj-second-key-1872"),
        )
        first = FirstOf(parts, owned=True)
        with recorded() as seen:
            assert await speak(first) == BODY
        await first.aclose()
        assert "first-key" not in str(seen)
        assert [two.posts[0].headers["authorization"], one.posts[0].headers["authorization"]] == [
            "Bearer sk-proj-second-key-1872",
            "Bearer sk-proj-first-key-1871",
        ]
