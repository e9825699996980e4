"""How far the estimate of word times is off: ``python -m tools.hearing.word_times``.

hibari and espeak tell the true times of their words. These are hidden from the engine, which plays the same sound on a
virtual clock; its `WordStarted` events are compared with them. Every other sentence is for tuning, and not counted
unless ``--tuning`` asks for those instead. ``--write FILE`` writes sentences for a test: true times in ms, and the
sound as lengths of silence and of sound in turn, in steps of 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import oggstream
from oggstream.annotations import Word
from oggstream.engine.output.decoding import AUDIBLE
from oggstream.events import RequestSent, WordStarted, emit
from oggstream.lab.virtual_clock import VirtualLoop

from .answers import ANSWERS
from .sentences import SENTENCES

ENGINES = ("hibari", "espeak")
TEXTS = (*SENTENCES, *ANSWERS)
NEAR = 0.15


class Spoken(NamedTuple):
    """A sentence as a voice spoke it: the body, and the true start of each word, by its first character."""

    text: str
    body: bytes
    starts: dict[int, float]


class Untold:
    """A source that speaks one body, and tells nothing of its words; ``rate``: seconds of sound in a second."""

    def __init__(self, spoken: Spoken, rate: float) -> None:
        self._body = spoken.body
        self._size = round(len(spoken.body) * 0.04 / (max(spoken.starts.values()) + 0.5))  # of 40 ms
        self._rate = rate

    @asynccontextmanager
    async def open(self, text: str, _options: oggstream.SpeechOptions) -> AsyncIterator[_Stream]:
        """Send the body at ``rate``."""
        emit(RequestSent, characters=len(text))
        yield _Stream(self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), self._size):
            yield self._body[at : at + self._size]
            await asyncio.sleep(0.04 / self._rate)


class _Stream:
    content_type = "audio/ogg"
    request_id = None

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)


async def spoken_by(engine: str, text: str) -> Spoken:
    """What a voice of this machine makes of a sentence."""
    body, starts = bytearray(), dict[int, float]()
    options = oggstream.SpeechOptions(language="en")
    async with oggstream.OfflineVoice(engine).open(text, options) as stream:
        async for item in stream:
            if isinstance(item, Word):
                starts[item.start] = item.start_sample / 48000
            elif isinstance(item, bytes):
                body += item
    return Spoken(text, bytes(body), starts)


async def errors(spoken: Spoken, rate: float) -> list[float]:
    """How many seconds each estimated word is late."""
    events: list[WordStarted] = []
    report = await oggstream.play_stream(
        spoken.text,
        source=Untold(spoken, rate),
        sink=oggstream.NullSink(),
        options=oggstream.PlaybackOptions(history=None),
        on_event=lambda event: events.append(event) if isinstance(event, WordStarted) else None,
    )
    first = report.timing.first_sample or 0.0
    return [event.at - first - spoken.starts[event.start] for event in events if event.start in spoken.starts]


async def written(engine: str, spoken: Spoken) -> str:
    """A line of the file for a test."""
    runs = [0]

    async def body() -> AsyncIterator[bytes]:
        yield spoken.body

    loud = False
    async for frame in oggstream.decode_stream(body()):
        if loud != bool((abs(frame.pcm) > AUDIBLE).any()):
            loud = not loud
            runs.append(0)
        runs[-1] += 1
    starts = {str(at): round(1000 * seconds) for at, seconds in spoken.starts.items()}
    row = {"voice": engine, "text": spoken.text, "starts": starts, "frames": runs}
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    """Print a row for each voice and rate of arrival."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="the sentences that the estimate was tuned on")
    parser.add_argument("--write", metavar="FILE", type=Path)
    args = parser.parse_args()
    texts = TEXTS[0 if args.tuning else 1 :: 2]
    lines: list[str] = []
    for engine in ENGINES:
        sentences = [asyncio.run(spoken_by(engine, text)) for text in texts]
        lines += [asyncio.run(written(engine, spoken)) for spoken in sentences[::2]] if args.write else []
        for rate in (10.0, 1.5):
            with asyncio.Runner(loop_factory=VirtualLoop) as runner:
                off = [abs(late) for spoken in sentences for late in runner.run(errors(spoken, rate))]
            near, median = sum(each <= NEAR for each in off) / len(off), 1000 * sorted(off)[len(off) // 2]
            print(f"{engine}, arriving {rate:g} times as fast as it sounds: {near:.1%} of {len(off)} words of ", end="")
            print(f"{len(sentences)} sentences within {1000 * NEAR:.0f} ms, median {median:.0f} ms")
    if args.write:
        args.write.write_text("[\n{}\n]\n".format(",\n".join(lines)), encoding="utf-8")


if __name__ == "__main__":
    main()
