"""Writes the sentences as WAV files: ``python -m tools.hearing.speak ENGINE FOLDER``, in oggstream's environment."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import oggstream

from .sentences import SENTENCES


async def speak(engine: str, folder: Path) -> None:
    """A file for each sentence, in the engine's usual voice."""
    voice = oggstream.OfflineVoice(engine)
    for number, sentence in enumerate(SENTENCES):
        async with oggstream.WavSink(folder / f"{number:02}.wav") as sink:
            report = await oggstream.play_stream(sentence, source=voice, sink=sink, language="en")
        assert report.segments[0].engine == engine, report.segments[0].engine


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(speak(sys.argv[1], Path(sys.argv[2])))
