"""Measures leaks over many utterances in one process, a third of them with a fault: memory, tasks, threads, sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import card, material, origin
from .process import private_bytes
from .row import Outcome, Row, Run
from .sinks import InstantSink

if TYPE_CHECKING:
    from oggstream import OpenAISource, PlaybackOptions

UTTERANCES = 200
HOUR_EACH = 18.0  # seconds of speech: an hour in all
PLAYED_EACH = 1.0  # the same for playback in real time
WARM_SHARE = 0.2
MOST_BYTES = 5_000_000
MEGABYTE = 1e6
FAULTS = ("status=401", "cut=0.5", "status=404", "stall=0.4", "cut=0.03", "cancel")
ROUND = 3 * len(FAULTS)  # utterances until every fault has occurred once
CANCEL_SECONDS = 0.4
CANCEL_AT_ONCE = 0.005  # if 18 s of speech take 0.1 s

Utter = Callable[[str], Awaitable[int]]
"""Speaks once, with the named fault (empty: none); returns the number of errors."""


class Held(NamedTuple):
    """The resources that a program may leak."""

    tasks: int
    threads: int
    sockets: int
    files: int


def measure_hour(run: Run) -> Outcome:
    """An hour of speech as fast as possible, each utterance with a connection of its own."""

    async def soak(address: str, count: int) -> tuple[float, Held, int]:
        return await _soak(count, lambda fault: _utter_alone(_with_fault(address, fault)))

    return _measure(run, run.seconds(HOUR_EACH, least=1), soak)


def measure_played(run: Run) -> Outcome:
    """The same in real time on one device, with open connections."""

    async def soak(address: str, count: int) -> tuple[float, Held, int]:
        before = _held()
        async with AsyncExitStack() as stack:
            utter = await _on_one_device(stack, address)
            growth, _, errors = await _soak(count, utter)
        return growth, await _more(before), errors

    with _device():
        return _measure(run, run.seconds(PLAYED_EACH, least=0.3), soak)


def _measure(run: Run, seconds: float, soak: Callable[[str, int], Awaitable[tuple[float, Held, int]]]) -> Outcome:
    body = material.ogg_file(run.folder, seconds)

    async def measure() -> tuple[float, Held, int]:
        return await soak(f"{address}/{body.name}", run.count(UTTERANCES, least=9))

    with origin.running(run.folder) as address:
        growth, left, errors = asyncio.run(measure())
    remains = ", ".join(f"{number} {name}" for name, number in left._asdict().items() if number) or "nothing"
    words = f"{growth / MEGABYTE:.2f} MB, {errors} faults, left: {remains}"
    figures = {"bytes": growth, "faults": float(errors), **{name: float(n) for name, n in left._asdict().items()}}
    return Outcome(words, growth < MOST_BYTES and not any(left), figures)


async def _soak(count: int, utter: Utter) -> tuple[float, Held, int]:
    """Speak ``count`` times; return the growth since the warm-up in bytes, the leaked resources, and the errors."""
    warm_up = max(min(ROUND, count // 2), round(count * WARM_SHARE))
    warm, errors = 0, 0
    before = _held()
    for number in range(count):
        errors += await utter("" if number % 3 else FAULTS[number // 3 % len(FAULTS)])
        if number == warm_up - 1:
            before, warm = _held(), _settled()
    growth = float(_settled() - warm)
    return growth, await _more(before), errors


async def _utter_alone(url: str) -> int:
    import oggstream

    source = oggstream.HttpSource(url.removesuffix("/cancel"))
    playing = oggstream.play_stream("Hello.", source=source, sink=InstantSink(), options=_impatient())
    try:
        return await _count_errors(playing, CANCEL_AT_ONCE if url.endswith("/cancel") else None)
    finally:
        await source.aclose()


async def _on_one_device(stack: AsyncExitStack, address: str) -> Utter:
    """Speak on a device that stays open, with one source per fault that keeps its connection."""
    import oggstream

    sink: Any = oggstream.DeviceSink() if _has_card() else oggstream.NullSink()
    stack.push_async_callback(sink.aclose)
    sources: dict[str, OpenAISource] = {}
    for fault in ("", *FAULTS):
        url = _with_fault(address, "" if fault == "cancel" else fault)
        sources[fault] = oggstream.OpenAISource(base_url=url, api_key="none")
        stack.push_async_callback(sources[fault].aclose)

    async def utter(fault: str) -> int:
        playing = oggstream.play_stream("Hello.", source=sources[fault], sink=sink, options=_impatient())
        return await _count_errors(playing, CANCEL_SECONDS if fault == "cancel" else None)

    return utter


async def _count_errors(playing: Awaitable[Any], cancel: float | None) -> int:
    import oggstream

    try:
        async with asyncio.timeout(cancel):
            await playing
    except (oggstream.OggStreamError, TimeoutError):
        return 1
    return 0


def _with_fault(address: str, fault: str) -> str:
    return f"{address}/{fault}" if fault else address


def _impatient() -> PlaybackOptions:
    import oggstream

    return oggstream.PlaybackOptions(first_byte_timeout=0.3, stall_timeout=0.3)


def _has_card() -> bool:
    return shutil.which("pulseaudio") is not None


@contextlib.contextmanager
def _device() -> Iterator[None]:
    """The virtual card, if it is available."""
    with card.plugged_in() if _has_card() else contextlib.nullcontext():
        yield


def _settled() -> int:
    """Bytes in use, without mapped files, which other processes share."""
    gc.collect()
    return private_bytes()


async def _more(before: Held) -> Held:
    """The resources held beyond ``before``, after ended threads have had time to disappear."""
    for _ in range(100):
        more = Held(*(max(0, now - earlier) for now, earlier in zip(_held(), before, strict=True)))
        if not any(more):
            break
        await asyncio.sleep(0.01)
    return more


def _held() -> Held:
    places = []
    for entry in os.scandir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the descriptor of the folder itself
            places.append(str(Path(entry.path).readlink()))
    sockets = sum(place.startswith("socket:") for place in places)
    return Held(len(asyncio.all_tasks()), threading.active_count(), sockets, len(places) - sockets)


ROWS = [
    Row(
        "soak",
        "an hour of utterances in one process (200, a third with a fault): growth; tasks, threads, sockets, files left",
        "< 5 MB, none",
        measure_hour,
    ),
    Row(
        "soak-played",
        "200 utterances on one device in real time, a third with a fault: growth; tasks, threads, sockets, files left",
        "< 5 MB, none",
        measure_played,
    ),
]
