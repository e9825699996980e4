"""Random operations on a `Player` from several tasks, in virtual time: no deadlock, no leak, the right heard text.

``python -m tools.fuzzing.operations --seeds 1000``
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from typing import TYPE_CHECKING, Any

from oggstream import NullSink, PlaybackOptions, Player
from oggstream.errors import OggStreamError, SourceBrokenError
from oggstream.events import RequestSent, emit
from oggstream.lab.virtual_clock import VirtualLoop
from oggstream.sources.traits import SourceTraits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

from contextlib import asynccontextmanager

OPERATIONS = 500
TASKS = 4
LIMIT = 3600.0  # seconds of virtual time for all of them
TEXTS = ("One.", "A sentence of some length, with a pause in it.", "Short. And another one. And a third.", "Ähm…", "")


class Found(Exception):  # noqa: N818  # that is what it is
    """A violation of what the player promises."""


class Service:
    """Answers with ``body`` after a while, breaks off now and then, and counts open requests."""

    traits = SourceTraits(name="service", longest_text=400)

    def __init__(self, body: bytes, chance: random.Random) -> None:
        self.open_now = 0
        self._body = body
        self._chance = chance

    @asynccontextmanager
    async def open(self, text: str, options: object) -> AsyncIterator[_Stream]:  # noqa: ARG002
        """Answer."""
        self.open_now += 1
        try:
            emit(RequestSent, characters=len(text))
            await asyncio.sleep(self._chance.choice((0.0, 0.05, 0.4)))
            yield _Stream(self._body, self._chance)
        finally:
            self.open_now -= 1


class _Stream:
    content_type = "audio/ogg"
    request_id = None

    def __init__(self, body: bytes, chance: random.Random) -> None:
        self._chunks = [body[at : at + 700] for at in range(0, len(body), 700)]
        self._breaks = chance.random() < 0.05
        self._chance = chance

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(self._chance.choice((0.0, 0.01, 0.1)))
        if not self._chunks:
            raise StopAsyncIteration
        if self._breaks and len(self._chunks) == 2:
            raise SourceBrokenError("cut")
        return self._chunks.pop(0)


async def operate(body: bytes, seed: int, operations: int = OPERATIONS) -> int:
    """Do so many ``operations`` on a player; return how many speeches were heard to their end. Raises `Found`."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    service = Service(body, chance)
    player = Player(source=service, sink=NullSink(), options=PlaybackOptions(history=None))
    speeches: list[Any] = []
    async with player, asyncio.timeout(LIMIT):
        share = operations // TASKS
        await asyncio.gather(*(_operator(player, speeches, chance, share) for _ in range(TASKS)))
        player.resume()
        ended = await asyncio.gather(*speeches, return_exceptions=True)
    reports = [report for report in ended if not isinstance(report, BaseException)]
    for error in ended:
        if isinstance(error, BaseException) and not isinstance(error, OggStreamError):
            raise Found(f"a speech ended with {error!r}") from error
    await asyncio.sleep(1.0)
    if service.open_now:
        raise Found(f"{service.open_now} requests are left open")
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        raise Found(f"tasks are left: {left}")
    return sum(report.completed for report in reports)


async def _operator(player: Player, speeches: list[Any], chance: random.Random, operations: int) -> None:
    for _ in range(operations):
        match chance.choice(("say", "say", "interrupt", "stop", "pause", "resume", "volume", "cancel", "wait", "wait")):
            case "say" | "interrupt" as how:
                text: Any = chance.choice(TEXTS)
                if chance.random() < 0.3:
                    text = _growing(text, chance)
                speeches.append(player.say(text, interrupt=how == "interrupt"))
            case "stop":
                heard = await player.stop()
                if len(heard.text) != heard.chars or heard.seconds < 0:
                    raise Found(f"what was heard makes no sense: {heard}")
            case "cancel" if speeches:
                chance.choice(speeches).cancel()
            case "volume":
                player.volume = chance.random()
            case "pause" | "resume" as name:
                getattr(player, name)()
        await asyncio.sleep(chance.choice((0.0, 0.001, 0.03, 0.5, 2.0)))
        if player.position < 0:
            raise Found("a position below 0")


async def _growing(text: str, chance: random.Random) -> AsyncIterator[str]:
    for word in text.split(" "):
        yield word + " "
        await asyncio.sleep(chance.choice((0.0, 0.02, 0.3)))


def run(body: bytes, seed: int, operations: int = OPERATIONS) -> int:
    """`operate` on a loop with a virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(operate(body, seed, operations))


def main() -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzzing.operations", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--first", type=int, default=0, help="the first one (0)")
    parser.add_argument("--operations", type=int, default=OPERATIONS, help=f"on each player ({OPERATIONS})")
    parser.add_argument("body", nargs="?", default="tests/fixtures/mono.opus", help="an Ogg Opus file to answer with")
    options = parser.parse_args()
    with open(options.body, "rb") as file:  # noqa: PTH123
        body = file.read()
    heard = 0
    for seed in range(options.first, options.first + options.seeds):
        try:
            heard += run(body, seed, options.operations)
        except (Found, TimeoutError) as error:
            print(f"seed {seed}: {error!r}", file=sys.stderr)
            return 1
    print(f"{options.seeds} seeds of {options.operations} operations: nothing found; {heard} speeches heard whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
