"""A Pipecat service that speaks with oggstream: its frames in a pipeline.

It takes the place of another TTS service: ``Pipeline([..., llm, OggStreamTTS(voice="coral"), transport.output()])``.
Run it with ``pip install pipecat-ai`` and ``python -m tools.examples.pipecat_service``: it speaks a sentence and says
when its first frame was there. `BroadcastInput` is for a pipeline that hears what a `Player` says to others as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

import oggstream
from tools.examples.on_air import RATE, sixteen_bits, sound


class OggStreamTTS(TTSService):
    """Speaks each text of the pipeline; ``source`` and ``options`` are those of `oggstream.stream_frames`.

    Pipecat cancels `run_tts` when the user interrupts, which closes what was asked of the service.
    """

    def __init__(self, *, source: Any = None, voice: str | None = None, **options: Any) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=RATE,
            settings=TTSSettings(model=options.get("model"), voice=voice, language=None),
        )
        self._source = source or oggstream.OpenAISource()
        self._owned = source is None
        self._options = {"voice": voice, **options}

    def can_generate_metrics(self) -> bool:
        """The time to the first byte is measured."""
        return True

    async def start(self, frame: StartFrame) -> None:
        """Open the connection before there is anything to say."""
        await super().start(frame)
        if hasattr(self._source, "warm"):
            await self._source.warm()

    async def stop(self, frame: EndFrame) -> None:
        """Close it."""
        await super().stop(frame)
        await self._close()

    async def cancel(self, frame: CancelFrame) -> None:
        """Close it."""
        await super().cancel(frame)
        await self._close()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """The speech for ``text``, 16 bits, as its packets are decoded."""
        try:
            async with aclosing(oggstream.stream_frames(text, source=self._source, **self._options)) as frames:
                await self.start_tts_usage_metrics(text)
                async for frame in frames:
                    await self.stop_ttfb_metrics()
                    yield TTSAudioRawFrame(sixteen_bits(frame), frame.rate, frame.pcm.shape[1], context_id=context_id)
        except oggstream.OggStreamError as error:
            yield ErrorFrame(error=str(error))
        finally:
            await self.stop_ttfb_metrics()

    async def _close(self) -> None:
        if self._owned:
            await self._source.aclose()


class BroadcastInput(FrameProcessor):
    """Puts what ``broadcast`` says into a pipeline: ``Pipeline([BroadcastInput(broadcast), transport.output()])``.

    Others hear it elsewhere at the same time. What its player stops is an interruption of the pipeline.
    """

    def __init__(self, broadcast: oggstream.Broadcast) -> None:
        super().__init__()
        self._broadcast = broadcast
        self._speaking: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Hand all frames on; speak from the first one to the last one."""
        await super().process_frame(frame, direction)
        if isinstance(frame, EndFrame | CancelFrame) and self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._speaking = asyncio.create_task(self._speak())

    async def _speak(self) -> None:
        async with aclosing(sound(self._broadcast)) as frames:
            async for data in frames:
                await self.push_frame(InterruptionFrame() if data is None else OutputAudioRawFrame(data, RATE, 1))


async def main() -> None:
    """Speak a sentence through a pipeline."""
    from pipecat.frames.frames import TTSSpeakFrame
    from pipecat.tests.utils import run_test

    voice = oggstream.OfflineVoice()
    asked: list[float] = []
    came: list[float] = []

    class Timed(OggStreamTTS):
        async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
            asked.append(time.monotonic())
            async for frame in super().run_tts(text, context_id):
                came.append(time.monotonic())
                yield frame

    await run_test(Timed(source=voice), frames_to_send=[TTSSpeakFrame("Hello, pipeline.")])
    await voice.aclose()
    print(f"{len(came)} frames, the first one after {(came[0] - asked[0]) * 1000:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
