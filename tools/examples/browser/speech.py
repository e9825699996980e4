"""What a server does to hand speech on to browsers, whatever its framework: nothing is transcoded.

`ogg` is the body of a response of type audio/ogg. `converse` is one end of a WebSocket: the browser sends texts, each
of which takes the place of the one before (an empty one only stops it); it gets ``begin N`` for the Nth, a message per
Opus packet, and ``end`` or ``error: ...``. A packet has two numbers in front, little-endian, 16 bits each: the samples
at 48 kHz to be dropped at its start and at its end. Words, where the source tells them, are JSON: the characters of the
text, and the sample of the speech with which each begins.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import oggstream
from oggstream.opus.remux import Remuxer

AHEAD = 10.0  # seconds that a browser is ahead of what it has played; what is not sent need not be paid for
PAGE = Path(__file__).with_name("page.html")
WORKLET = Path(__file__).with_name("worklet.js")

Send = Callable[[bytes | str], Awaitable[object]]


def voice() -> Any:
    """One source for all requests, so that its connection stays warm. Close it with ``aclose``."""
    return oggstream.OpenAISource() if os.environ.get("OPENAI_API_KEY") else oggstream.OfflineVoice()


async def packets(
    text: str, source: Any, on_word: Callable[[oggstream.Word], object] | None = None
) -> AsyncGenerator[oggstream.AudioPacket, None]:
    """The speech's packets as they come, at most `AHEAD` of what can have been played; ``on_word`` gets its words."""
    clock = asyncio.get_running_loop()
    ends = clock.time()
    async with aclosing(oggstream.stream_packets(text, source=source, on_word=on_word)) as stream:
        async for packet in stream:
            await asyncio.sleep(ends - clock.time() - AHEAD)
            ends = max(ends, clock.time()) + packet.samples / 48000
            yield packet


async def ogg(text: str, source: Any) -> AsyncGenerator[bytes, None]:
    """The speech as Ogg Opus, a page per packet. For `<audio>`, and for everything that knows no WebCodecs."""
    remuxer = Remuxer()
    async with aclosing(packets(text, source)) as stream:
        async for packet in stream:
            if pages := remuxer.take(packet):
                yield pages
    if pages := remuxer.finish():
        yield pages


async def converse(texts: AsyncIterable[str], send: Send, source: Any) -> None:
    """Speak each of ``texts`` instead of the one before it, until there are no more: the browser has gone.

    Whatever is interrupted is closed at its service, too.
    """
    speaking: asyncio.Task[None] | None = None
    try:
        turn = 0
        async for text in texts:
            turn += 1
            await _stopped(speaking)
            speaking = asyncio.create_task(_speak(turn, text, send, source)) if text else None
    finally:
        await _stopped(speaking)


async def _speak(turn: int, text: str, send: Send, source: Any) -> None:
    await send(f"begin {turn}")
    words: list[oggstream.Word] = []
    try:
        async with aclosing(packets(text, source, words.append)) as stream:
            async for packet in stream:
                await _tell(words, send)
                trims = packet.trim_start.to_bytes(2, "little") + packet.trim_end.to_bytes(2, "little")
                await send(trims + packet.data)
        await _tell(words, send)
        await send("end")
    except oggstream.OggStreamError as error:
        await send(f"error: {error}")


async def _tell(words: list[oggstream.Word], send: Send) -> None:
    """Send the words that have come, and forget them."""
    for word in words:
        await send(json.dumps({"start": word.start, "end": word.end, "sample": word.start_sample}))
    words.clear()


async def _stopped(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # a browser that has gone makes sending fail
