"""One context for each speech: entered late, replaced when it is lost, always left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

import oggstream
from contexts import ContextService
from oggstream.errors import ServerError, SourceBrokenError, SourceConnectionError
from oggstream.options import SpeechOptions
from oggstream.sources.context import SpeechContext
from oggstream.sources.resolve_source import FirstOf
from oggstream.sources.source import ByteStream, Source
from scripted import ScriptedSource, said, spoken

PLAIN = SpeechOptions()


async def speak(source: Source, text: str) -> bytes:
    async with source.open(text, PLAIN) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


async def test_a_source_without_contexts_is_asked_as_it_is() -> None:
    source = ScriptedSource([(0.0, b"one")])
    async with SpeechContext(source, PLAIN) as context:
        assert await speak(context, "a") == b"one"


async def test_the_pieces_of_a_speech_share_a_context_that_is_left_with_it() -> None:
    service = ContextService()
    async with SpeechContext(service, PLAIN) as context:
        assert service.log == []
        assert await speak(context, "a") == b"1:a"
        assert await speak(context, "b") == b"1:b"
    assert service.log == ["enter 1", "a in 1", "b in 1", "leave 1"]


async def test_a_context_that_is_lost_in_a_body_is_left_and_another_one_is_entered() -> None:
    service = ContextService(lambda number, text: [SourceBrokenError("cut")] if number == 1 else [b"ok"])
    async with SpeechContext(service, PLAIN) as context:
        with pytest.raises(SourceBrokenError):
            await speak(context, "a")
        assert await speak(context, "a") == b"ok"
    assert service.log == ["enter 1", "a in 1", "leave 1", "enter 2", "a in 2", "leave 2"]


async def test_a_context_that_is_lost_on_opening_is_entered_anew() -> None:
    service = ContextService()
    service.opening["b"] = SourceBrokenError("gone")
    async with SpeechContext(service, PLAIN) as context:
        await speak(context, "a")
        with pytest.raises(SourceBrokenError):
            await speak(context, "b")
        assert await speak(context, "b") == b"2:b"


async def test_a_piece_that_is_refused_keeps_the_context() -> None:
    service = ContextService()
    service.opening["b"] = ServerError("no", status=500)
    async with SpeechContext(service, PLAIN) as context:
        await speak(context, "a")
        with pytest.raises(ServerError):
            await speak(context, "b")
        assert await speak(context, "c") == b"1:c"


async def test_a_context_that_cannot_be_entered_is_tried_again_by_the_next_piece() -> None:
    service = ContextService()
    service.entering.append(SourceConnectionError("refused"))
    async with SpeechContext(service, PLAIN) as context:
        with pytest.raises(SourceConnectionError):
            await speak(context, "a")
        assert await speak(context, "b") == b"1:b"


async def test_cancelling_while_a_piece_is_open_leaves_the_context() -> None:
    service = ContextService()

    async def hang() -> None:
        async with SpeechContext(service, PLAIN) as context, context.open("a", PLAIN):
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})
    assert service.log == ["enter 1", "a in 1", "leave 1"]


async def test_fail_over_asks_each_member_within_its_own_context() -> None:
    service = ContextService()
    service.opening["b"] = ServerError("down", status=500)
    other = ContextService()
    async with SpeechContext(FirstOf([service, other]), PLAIN) as context:
        assert await speak(context, "a") == b"1:a"
        assert await speak(context, "b") == b"1:b"
    assert service.log == ["enter 1", "a in 1", "b in 1", "leave 1"]
    assert other.log == ["enter 1", "b in 1", "leave 1"]


OPTIONS = oggstream.PlaybackOptions(history=None, requests=1)


def borders(service: ContextService) -> list[str]:
    return [line for line in service.log if line.startswith(("enter", "leave"))]


@pytest.mark.looptime
async def test_the_rest_of_a_speech_whose_context_is_lost_is_asked_in_another_one() -> None:
    def body(number: int, text: str) -> list[bytes | BaseException]:
        return [SourceBrokenError("cut")] if number == 1 and text.startswith("Two") else [spoken(0.5)]

    service = ContextService(body)
    texts = ["One is a sentence. ", "Two is a sentence. ", "Three is a sentence."]
    report = await oggstream.play_stream(texts, source=service, sink=oggstream.NullSink(), options=OPTIONS)
    assert report.completed
    assert borders(service) == ["enter 1", "leave 1", "enter 2", "leave 2"]


@pytest.mark.looptime
async def test_each_speech_of_a_player_has_a_context_of_its_own() -> None:
    service = ContextService(lambda number, text: [spoken(0.5)])
    async with oggstream.Player(source=service, sink=oggstream.NullSink(), options=OPTIONS) as player:
        first = player.say("One.")
        await player.say("Two.")
        await first
    assert sorted(borders(service)) == ["enter 1", "enter 2", "leave 1", "leave 2"]


class _Finishing(ContextService):
    """A service that notes when it is told that a context has all its pieces."""

    @asynccontextmanager
    async def context(self, options: SpeechOptions) -> AsyncIterator[Source]:
        async with super().context(options) as inner:
            service = self

            class Finishing:
                def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
                    return inner.open(text, options)

                async def finish(self) -> None:
                    service.log.append("finish")

            yield Finishing()


async def test_a_context_is_told_when_its_last_piece_has_been_asked_for() -> None:
    service = _Finishing()
    async with SpeechContext(service, PLAIN) as context, asyncio.TaskGroup() as group:
        finishing = group.create_task(context.finish(2))
        await speak(context, "a")
        assert not finishing.done()
        await speak(context, "b")
    assert service.log == ["enter 1", "a in 1", "b in 1", "finish", "leave 1"]


async def test_a_context_that_is_entered_for_what_failed_is_told_at_once() -> None:
    service = _Finishing(lambda number, text: [SourceBrokenError("cut")] if number == 1 else [b"ok"])
    async with SpeechContext(service, PLAIN) as context:
        with pytest.raises(SourceBrokenError):
            await speak(context, "a")
        await context.finish(1)
        assert await speak(context, "a") == b"ok"
    assert service.log == ["enter 1", "a in 1", "leave 1", "enter 2", "finish", "a in 2", "leave 2"]


async def test_a_speech_tells_its_context_that_the_text_has_ended_behind_its_last_piece() -> None:
    service = _Finishing(lambda _number, text: [said(text)])
    await oggstream.play_stream(["One sentence is here. ", "Another one is there."], source=service, sink="null")
    assert service.log[-2:] == ["finish", "leave 1"]
