"""A text that grows is cut into pieces, and costs no CPU while it pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from oggstream.engine.requests.script import MOST_WAITING, Script
from oggstream.errors import UsageError
from oggstream.events import Recorder, Warned, using
from oggstream.options import PlaybackOptions
from oggstream.said import Ipa
from oggstream.text.replacing.replacements import replacements

pytestmark = pytest.mark.looptime


def silence() -> float:
    """Nothing is left to be heard."""
    return 0.0


def script(text: Any, *, limit: int | None = None, language: str | None = None, **options: Any) -> Script:
    given = PlaybackOptions(**options)
    words = replacements(given.replace) if given.replace else None
    return Script(text, given, whole=False, rate=15.0, limit=limit, language=language, replacements=words)


async def written(*items: Any, pause: float = 0.0) -> AsyncIterator[Any]:
    for item in items:
        yield item
        await asyncio.sleep(pause)


async def pieces(text: Any, reserve: Callable[[], float] = silence, **options: Any) -> list[str]:
    reading = script(text, **options)
    found = []
    async with asyncio.TaskGroup() as group:
        group.create_task(reading.read())
        while piece := await reading.piece(reserve):
            found.append(piece.text)
    if reading.failure is not None:
        raise reading.failure
    return found


@contextmanager
def counted() -> Iterator[list[object]]:
    """What is given to the running loop to do, now or later; each is a turn at most."""
    loop: Any = asyncio.get_running_loop()
    asked: list[object] = []
    calls = {name: getattr(loop, name) for name in ("call_soon", "call_at")}

    def counting(name: str) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            asked.append(given)
            return calls[name](*given, **more)

        return call

    for name in calls:
        setattr(loop, name, counting(name))
    try:
        yield asked
    finally:
        for name in calls:
            delattr(loop, name)


async def turns_of_a_pause(reserve: Callable[[], float], text: str, seconds: float = 60.0) -> int:
    """Turns of the loop in the later part of a pause of the writer."""
    reading = script(written(text, "", pause=1000.0))
    tasks = [asyncio.create_task(reading.read())]

    async def take() -> None:
        while await reading.piece(reserve):
            pass

    tasks.append(asyncio.create_task(take()))
    await asyncio.sleep(5)
    with counted() as turns:
        await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return len(turns)


@pytest.mark.parametrize("text", ["One whole sentence is here. ", "This sentence is not", "Version 0.", ""])
async def test_a_pause_of_the_writer_costs_no_turn_of_the_loop(text: str) -> None:
    assert await turns_of_a_pause(silence, text) <= 4


async def test_a_speech_that_is_held_costs_few_turns() -> None:
    assert await turns_of_a_pause(lambda: 3.0, "This sentence is not", 60.0) <= 4 * 60


async def test_what_runs_down_is_looked_at_four_times_a_second() -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + 60
    assert await turns_of_a_pause(lambda: max(0.0, end - loop.time()), "This sentence is not", 40.0) <= 8 * 5 * 40


async def test_the_rest_of_a_sentence_is_waited_for_and_not_longer() -> None:
    reading = script(written("So said the", " man.", pause=5.0))
    task = asyncio.create_task(reading.read())
    begun = asyncio.get_running_loop().time()
    piece = await reading.piece(silence)
    assert piece is not None
    assert piece.text == "So said"
    assert asyncio.get_running_loop().time() - begun == pytest.approx(0.7, abs=0.02)
    await task


async def test_a_reserve_that_runs_down_lets_a_clause_do() -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + 8
    reading = script(written("What is said first is a clause of some length, and then it goes on and", pause=60.0))
    task = asyncio.create_task(reading.read())
    assert await reading.piece(lambda: max(0.0, end - loop.time())) is not None
    assert loop.time() == pytest.approx(end - 1, abs=0.3)
    task.cancel()


async def test_streams_that_repeat_are_spoken_once_and_that_is_told() -> None:
    told: list[Any] = []
    loop = asyncio.get_running_loop()
    with using(Recorder(loop.time, loop.time(), told.append)):
        assert await pieces(written("Hi", "Hi there", "Hi there, you.")) == ["Hi there, you."]
    assert [event.message for event in told if isinstance(event, Warned)] == [
        "each item of the text repeats those before it: only what is new in it is spoken"
    ]


async def test_items_of_which_none_is_understood_are_an_error() -> None:
    with pytest.raises(UsageError, match="no text in 'dict'"):
        await pieces(written({"weather": "fine"}))


async def test_a_writer_that_is_far_ahead_waits_until_pieces_are_taken() -> None:
    count = 0

    async def writer() -> AsyncIterator[str]:
        nonlocal count
        while count < 1000:
            count += 1
            yield "One sentence of many. " * 20
            await asyncio.sleep(0)

    reading = script(writer())
    task = asyncio.create_task(reading.read())
    await asyncio.sleep(100)
    ahead = count
    assert ahead * 440 < MOST_WAITING + 1000
    for _ in range(400):
        await reading.piece(silence)
    await asyncio.sleep(100)
    assert count > ahead
    task.cancel()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("As it is,  with\ttwo blanks\nand lines.", "As it is,  with\ttwo blanks\nand lines."),
        ("a\x00b\x07c \x1b[31mred\x1b[0m", "abc red"),
        ("\x1b]0;title\x07Hello \x9b1mthere\x7f", "Hello there"),
        ("half \ud83d of one", "half \ufffd of one"),
        ("\U0001f600 stays in a plain str", "\U0001f600 stays in a plain str"),
        ("<speak>One <emphasis>two</emphasis><break/>three &amp; four</speak>", "One two three & four"),
    ],
)
async def test_no_control_character_and_no_tag_of_ssml_is_sent(text: str, sent: str) -> None:
    assert await pieces(text) == [sent]


HVAC = {"HVAC": "heating and cooling"}


async def test_words_are_replaced_in_a_short_text_and_in_one_that_grows() -> None:
    assert await pieces("The HVAC. It hums.", replace=HVAC) == ["The heating and cooling. It hums."]
    assert await pieces(written("The HV", "AC hums."), replace=HVAC) == ["The heating and cooling hums."]


async def test_phonemes_that_the_service_does_not_take_are_told_once() -> None:
    loop = asyncio.get_running_loop()
    seen: list[Any] = []
    with using(Recorder(loop.time, loop.time(), seen.append)):
        found = await pieces("An HVAC. " * 60, replace={"HVAC": Ipa("heɪvæk", say="H vac")})
    assert found[0].startswith("An H vac. An H vac.")
    told = [event.message for event in seen if isinstance(event, Warned)]
    assert told == ["the service takes no phonemes: 'HVAC' is spoken without"]


async def test_a_short_text_that_becomes_too_long_for_a_request_is_cut() -> None:
    assert len(await pieces("The HVAC. The HVAC.", replace=HVAC, limit=30)) == 2
    assert len(await pieces("The HVAC. The HVAC.", replace=HVAC, limit=60)) == 1


async def test_a_word_at_the_end_of_what_was_written_is_spoken_when_the_writer_pauses() -> None:
    found = await pieces(written("We turn on the HVAC ", "and go.", pause=5.0), replace=HVAC)
    assert found == ["We turn on the heating and cooling", "and go."]


async def test_the_language_that_is_given_decides_where_sentences_end() -> None:
    text = "Wir sehen uns am 3. Oktober in Wien. Dann ist es schon wieder kalt, und alles ruht hier."
    assert (await pieces(written(text), language="de"))[0] == "Wir sehen uns am 3. Oktober in Wien."
