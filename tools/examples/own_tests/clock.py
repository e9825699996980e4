"""An application: a clock that says the time, and is interrupted when it is asked again.

Run it with ``python -m tools.examples.own_tests.clock``.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Self

import oggstream


class TalkingClock:
    """``source`` and ``sink`` are left to be chosen, which is all that a test needs of an application."""

    def __init__(self, *, source: Any = None, sink: Any = None) -> None:
        self._player = oggstream.Player(source=source, sink=sink)

    async def __aenter__(self) -> Self:
        await self._player.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._player.aclose()

    def say(self, time: datetime) -> oggstream.Speech:
        """Say the time, instead of another one that is being said."""
        return self._player.say(f"It is {time:%H:%M}.", interrupt=True)


async def main() -> None:
    """Say the time once."""
    async with TalkingClock() as clock:
        await clock.say(datetime.now().astimezone())


if __name__ == "__main__":
    asyncio.run(main())
