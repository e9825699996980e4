"""What is imported in threads when something is first spoken, imported: in virtual time nobody waits for a thread."""

from __future__ import annotations

import asyncio
import functools

import oggstream
from oggstream.engine import loading
from oggstream.sinks.null_sink import NullSink
from scripted import ScriptedSource, spoken


@functools.cache
def warm() -> None:
    """Speak once, in real time."""
    loading._load_codec()

    async def speak() -> None:
        async with oggstream.Player(source=ScriptedSource([(0.0, spoken(0.1))]), sink=NullSink()) as player:
            await player.say("One.")

    asyncio.run(speak())
