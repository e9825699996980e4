"""What is meant to be right: a type checker finds nothing (see test_types.py)."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import openai

import oggstream


async def tokens() -> AsyncIterator[str]:
    """Text that grows."""
    yield "Hello."


def chunks() -> Iterator[bytes]:
    """What a client gives."""
    yield b""


async def later() -> AsyncIterator[bytes]:
    """What an asynchronous client gives."""
    yield b""


async def on_event(event: oggstream.Event) -> None:
    """Take an event."""
    print(event.at, event.speech)


async def main() -> None:
    """Use it all."""
    client = openai.AsyncOpenAI()
    answer = await client.chat.completions.create(model="m", messages=[], stream=True)
    report = await oggstream.play_stream(answer, source=client, voice="coral", speed=1.2, format="pcm:24000")
    await oggstream.play_stream(["Hello, ", "you."], source=["deepgram", "offline"], sink="null", on_event=on_event)
    await oggstream.play_stream(tokens(), source=Path("x.opus"), sink=oggstream.NullSink(), on_event=print)
    await oggstream.play_stream("", source=chunks())
    await oggstream.play_stream("", source=later(), voice={"id": "mine"})
    for audio in (b"", io.BytesIO(), Path("x.opus")):
        await oggstream.play(audio)
    await oggstream.play(chunks(), rate=24000, dtype="float32")
    await oggstream.play(await client.audio.speech.create(model="m", voice="coral", input="Hello."))
    await oggstream.save("Hello.", Path("x.mp3"), instructions=None)
    async with oggstream.stream_ogg("Hello.", source="openai") as body:
        print(body.content_type, [page async for page in body])
    async with oggstream.WavSink("x.wav") as sink, oggstream.Player(sink=sink, model="m") as player:
        speech = player.say("Hello.", voice="alloy")
        player.volume = 1
        heard = await player.stop()
        print(heard.text, (await speech).completed, report.timing.first_sample)
    async for frame in oggstream.stream_frames("Hello."):
        print(frame.pcm.shape)


asyncio.run(main())
