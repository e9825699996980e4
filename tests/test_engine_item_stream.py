"""Iterators over frames and packets: closed by any task at any time, or dropped without closing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import oggstream
from oggstream.engine import loading as codec
from oggstream.errors import AccessError, UsageError
from scripted import ScriptedSource, every, pages, spoken

STREAMS: list[Callable[..., Any]] = [oggstream.stream_frames, oggstream.stream_packets]

pytestmark = [pytest.mark.looptime, pytest.mark.parametrize("stream", STREAMS)]


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


def slow() -> ScriptedSource:
    return ScriptedSource(every(5.0, pages(spoken(3.0))))


def left() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task is not None}


async def test_closing_from_another_task_twice_ends_who_waits(stream: Callable[..., Any]) -> None:
    source = slow()
    items = stream("Hi", source=source)
    await anext(items)

    async def rest() -> int:
        return len([item async for item in items])

    waiting = asyncio.create_task(rest())
    await asyncio.sleep(7.0)
    await asyncio.gather(items.aclose(), items.aclose())
    await waiting
    await items.aclose()
    assert source.closed == 1
    assert not left()
    assert await anext(items, None) is None


async def test_a_loop_that_is_left_closes_the_response_by_itself(stream: Callable[..., Any]) -> None:
    source = slow()
    async for _ in stream("Hi", source=source):
        break
    await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert source.closed == 1
    assert not left()


async def test_who_waits_and_is_cancelled_leaves_nothing(stream: Callable[..., Any]) -> None:
    source = slow()
    items = stream("Hi", source=source)
    await anext(items)

    async def rest() -> None:
        async for _ in items:
            pass

    waiting = asyncio.create_task(rest())
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert source.closed == 1
    assert not left()


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_closed_after_any_number_of_steps_nothing_is_left(stream: Callable[..., Any], steps: int) -> None:
    source = ScriptedSource(every(0.01, pages(spoken(0.5))))
    items = stream("Hi", source=source)

    async def rest() -> None:
        async for _ in items:
            pass

    waiting = asyncio.create_task(rest())
    for _ in range(steps):
        await asyncio.sleep(0)
    await items.aclose()
    await waiting
    assert source.closed == source.opened
    assert not left()


async def test_what_nobody_iterates_over_asks_for_nothing(stream: Callable[..., Any]) -> None:
    source = slow()
    items = stream("Hi", source=source)
    await items.aclose()
    assert await anext(items, None) is None
    stream("Hi", source=source)
    assert source.texts == []


async def test_a_wrong_option_is_refused_by_the_call(stream: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        stream("Hi", voise="coral")
    with pytest.raises(UsageError):
        stream("Hi", speed=-1.0)


async def test_what_came_before_a_failure_is_given_out_and_then_it_is_raised(stream: Callable[..., Any]) -> None:
    arrivals: list[Any] = [(0.0, page) for page in pages(spoken(1.0))[:5]]
    source = ScriptedSource([*arrivals, (0.1, AccessError("not for you"))])
    items, count = stream("Hi", source=source), 0

    async def rest() -> None:
        nonlocal count
        async for _ in items:
            count += 1

    with pytest.raises(AccessError):
        await rest()
    assert count
    assert await anext(items, None) is None
    assert not left()


async def test_it_behaves_as_a_generator_otherwise(stream: Callable[..., Any]) -> None:
    source = slow()
    items = stream("Hi", source=source)
    assert await items.asend(None) is not None
    with pytest.raises(UsageError):
        await items.asend(1)
    with pytest.raises(LookupError):
        await items.athrow(LookupError("stop"))
    assert source.closed == 1


PROGRAM = """
import asyncio, sys
sys.path.insert(0, {tests!r})
import oggstream
from scripted import every, pages, spoken
from speech_server import serving, speaking

async def main(way):
    async with serving(speaking(*pages(spoken(1.0)), gap=0.01)) as service:
        source = oggstream.OpenAISource(base_url=service.base, api_key="sk-12345678", trust_env=False)
        items = oggstream.{stream}("Hello.", source=source)
        if way == "break":
            async for item in items:
                break
            del items
        elif way == "held":
            await anext(items)
            sys.held = items
        elif way == "two":
            await anext(items)
            waiting = asyncio.create_task(anext(items, None))
            await asyncio.gather(items.aclose(), items.aclose())
            await waiting
        await source.aclose()

asyncio.run(main({way!r}))
"""


@pytest.mark.parametrize("way", ["break", "held", "two", "never"])
def test_python_in_development_mode_has_nothing_to_say(stream: Callable[..., Any], way: str) -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parent), stream=stream.__name__, way=way)
    command = [sys.executable, "-X", "dev", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    said = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]  # slow, on a busy machine
    assert said == []
