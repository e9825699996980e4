"""Twelve mistakes, one a line, each marked: a type checker finds them all and nothing else (see test_types.py)."""

import asyncio

import oggstream


def without_event() -> None:
    """Not what ``on_event`` takes."""


async def main() -> None:
    """Make all of them."""
    await oggstream.play_stream("Hello.", voise="coral")  # mistake
    await oggstream.play_stream("Hello.", sourse="openai")  # mistake
    await oggstream.play_stream("Hello.", speed="fast")  # mistake
    await oggstream.play_stream(42)  # mistake
    await oggstream.play_stream("Hello.", source=3.5)  # mistake
    await oggstream.play_stream("Hello.", on_event=without_event)  # mistake
    await oggstream.save("Hello.", 7)  # mistake
    options = oggstream.PlaybackOptions(gain="loud")  # mistake
    async with oggstream.Player(options=options, sink=print) as player:  # mistake
        player.volume = "loud"  # mistake
        player.say("Hello.", interupt=True).cancel()  # mistake
    report = await oggstream.play_stream("Hello.")
    print(report.timing.first_sampel)  # mistake


asyncio.run(main())
