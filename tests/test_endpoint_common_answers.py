"""Answers that are made once for all who ask for the same."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator

import aiohttp
import pytest

from oggstream.endpoint import common_answers
from oggstream.endpoint.common_answers import CommonAnswers
from oggstream.endpoint.server import SpeechServer
from oggstream.endpoint.speaker import Speech
from oggstream.endpoint.speech_request import SpeechRequest
from oggstream.errors import SourceError
from oggstream.sources.traits import SourceTraits
from scripted import ScriptedSource, every, pages, spoken

ASKED = SpeechRequest("Hello.")


class Making:
    """What makes the speeches: each gives the numbers up to ``count``, a second apart. ``ended``: how many have."""

    outcomes = ("miss",)

    def __init__(self, count: int = 3, *, fails: bool = False) -> None:
        self.begun = self.ended = 0
        self._count = count
        self._fails = fails

    def speech(self) -> Speech:
        """One more."""
        return Speech(self._parts(), {}, self, common=True)

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        self.begun += 1
        try:
            for number in range(self._count):
                await asyncio.sleep(1)
                yield b"%d" % number
            if self._fails:
                raise SourceError("the service broke off")
        finally:
            self.ended += 1


async def read(speech: Speech, after: float = 0) -> bytes:
    """All of it, asked for after so many seconds."""
    await asyncio.sleep(after)
    found = bytearray()

    async def take(part: bytes) -> None:
        found.extend(part)

    await speech.give(take)
    return bytes(found)


async def settle() -> None:
    """Let what has ended be forgotten."""
    await asyncio.sleep(0.1)


@pytest.mark.looptime
@pytest.mark.parametrize("after", [0, 1.5, 2.9])
async def test_who_asks_while_it_is_made_gets_all_of_it_and_nothing_is_made_twice(after: float) -> None:
    answers, making = CommonAnswers(), Making()
    first, second = (answers.of(ASKED, making.speech()) for _ in range(2))
    assert list(await asyncio.gather(read(first), read(second, after))) == [b"012", b"012"]
    assert (making.begun, making.ended) == (1, 1)
    assert (first.outcomes, second.outcomes) == (("miss",), ["joined"])


@pytest.mark.looptime
async def test_it_is_made_again_once_it_has_ended_and_for_who_asks_for_something_else() -> None:
    answers, making = CommonAnswers(), Making()
    await read(answers.of(ASKED, making.speech()))
    await settle()
    others = [ASKED, ASKED._replace(format="opus"), ASKED._replace(voice="nova"), ASKED._replace(stream_format="sse")]
    await asyncio.gather(*(read(answers.of(other, making.speech())) for other in others))
    assert making.begun == 1 + len(others)
    await settle()
    assert not any(other in answers for other in others)


@pytest.mark.looptime
async def test_when_the_first_one_leaves_the_others_lose_nothing_and_with_the_last_one_it_ends() -> None:
    answers, making = CommonAnswers(), Making()
    first, second, third = (asyncio.create_task(read(answers.of(ASKED, making.speech()))) for _ in range(3))
    await asyncio.sleep(1.5)
    first.cancel()
    assert await second == b"012"
    assert await third == b"012"
    alone = asyncio.create_task(read(answers.of(ASKED._replace(text="Alone."), making.speech())))
    await asyncio.sleep(1.5)
    alone.cancel()
    await settle()
    assert (making.begun, making.ended) == (2, 2)


@pytest.mark.looptime
async def test_a_failure_reaches_all_and_nobody_joins_it() -> None:
    answers, making = CommonAnswers(), Making(fails=True)
    told = await asyncio.gather(*(read(answers.of(ASKED, making.speech())) for _ in range(2)), return_exceptions=True)
    assert [str(error) for error in told] == ["the service broke off"] * 2
    again = answers.of(ASKED, Making().speech())
    assert await read(again) == b"012"


@pytest.mark.looptime
async def test_what_is_too_long_to_be_kept_is_joined_by_nobody_and_waits_for_those_who_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(common_answers, "LONGEST", 4)
    answers, making = CommonAnswers(), Making(10)
    first = asyncio.create_task(read(answers.of(ASKED, making.speech())))
    late = asyncio.create_task(read(answers.of(ASKED, making.speech()), 6.5))
    assert await first == b"0123456789"
    assert await late == b"0123456789"
    assert making.begun == 2


@pytest.mark.parametrize("asked", [{"response_format": "opus"}, {"response_format": "wav"}, {"stream_format": "sse"}])
async def test_over_http_they_get_the_same_bytes_of_one_synthesis(asked: dict[str, str]) -> None:
    source = ScriptedSource(every(0.01, pages(spoken(0.5))))
    source.traits = SourceTraits(name="scripted", sound="scripted")
    server = SpeechServer(source=source, cache="memory")
    await server.start()
    body = json.dumps({"input": f"The same {asked}.", "response_format": "wav", **asked})

    async def ask(session: aiohttp.ClientSession) -> tuple[str | None, bytes]:
        async with session.post(f"{server.base_url}/audio/speech", data=body) as answer:
            assert answer.status == 200
            return answer.headers.get("X-Cache"), await answer.read()

    try:
        async with aiohttp.ClientSession() as session:
            told = await asyncio.gather(*(ask(session) for _ in range(4)))
    finally:
        await server.stop()
    assert Counter(outcome for outcome, _ in told) == {"miss": 1, "joined": 3}
    assert len({sound for _, sound in told}) == 1


async def test_without_a_cache_each_request_is_a_speech_of_its_own() -> None:
    source = ScriptedSource(every(0.01, pages(spoken(0.5))))
    source.traits = SourceTraits(name="scripted", sound="scripted")
    server = SpeechServer(source=source)
    await server.start()
    try:
        wanted = SpeechRequest("Hello.", format="opus")
        assert not server.speaker.speech(wanted).common
    finally:
        await server.stop()
