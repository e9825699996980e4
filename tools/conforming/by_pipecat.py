"""What a speech service of Pipecat's gives for a text, in a pipeline of its own."""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat.frames.frames import EndFrame, ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame, TTSStoppedFrame, TTSTextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner

from patience import PATIENCE
from socket_services.speaking import RATE

from .hearing import TEXT, Heard, Timed


class _Listener(FrameProcessor):
    """Keeps what comes; ``ended`` is set with the end of the speech, or an error."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = Heard()
        self.errors: list[str] = []
        self.ended = asyncio.Event()

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            assert frame.sample_rate == RATE
            self.heard.pcm += frame.audio
        elif isinstance(frame, TTSTextFrame) and frame.pts:
            self.heard.words.append(Timed(frame.text, frame.pts / 1e9, None))
        elif isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        if isinstance(frame, TTSStoppedFrame):
            self.ended.set()
        await self.push_frame(frame, direction)


async def said_by_pipecat(service: Any, text: str = "".join(TEXT)) -> Heard:
    """The audio and the words, which have no ends. Their times count from the first word's true start: 40 ms."""
    listener = _Listener()
    worker = PipelineWorker(
        Pipeline([service, listener]),
        params=PipelineParams(audio_out_sample_rate=RATE),
        cancel_on_idle_timeout=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        await worker.queue_frame(TTSSpeakFrame(text))
        async with asyncio.timeout(PATIENCE):
            await listener.ended.wait()
    finally:
        await worker.queue_frame(EndFrame())
        await running
    assert not listener.errors
    heard = listener.heard
    if heard.words:
        zero = heard.words[0].start - 0.04
        heard.words = [Timed(word.text, word.start - zero, None) for word in heard.words]
    return heard
