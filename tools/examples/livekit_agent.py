"""A LiveKit agent that speaks with oggstream: frames of sound for its tracks.

Run it with ``pip install "livekit-agents[openai,silero]"``, the variables LIVEKIT_URL, LIVEKIT_API_KEY,
LIVEKIT_API_SECRET and OPENAI_API_KEY, and ``python -m tools.examples.livekit_agent dev``. `publish` is for programs
that have a room and no agent: it hears a broadcast, as browsers, a radio and others may at the same time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    Agent,
    AgentSession,
    APIConnectOptions,
    APIError,
    JobContext,
    WorkerOptions,
    cli,
    tts,
    utils,
)

import oggstream
from tools.examples.on_air import RATE, sixteen_bits, sound


class OggStreamTTS(tts.TTS[str]):
    """The voice of an `AgentSession`; ``source`` and ``options`` are those of `oggstream.stream_frames`.

    It takes the model's text as it grows and asks for the next piece while one arrives, so that no sentence tokenizer
    is wanted. When the user interrupts, LiveKit cancels the stream, and with it what was asked of the service.
    """

    def __init__(self, *, source: Any = None, **options: Any) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=True), sample_rate=RATE, num_channels=1)
        self.source = source or oggstream.OpenAISource()
        self.options = options
        self._owned = source is None

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> tts.SynthesizeStream:
        """Speech for text that will be pushed."""
        return SpeechStream(tts=self, conn_options=conn_options)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speech for a text."""
        return self._synthesize_with_stream(text, conn_options=conn_options)

    async def aclose(self) -> None:
        """Close the connection to the service."""
        if self._owned:
            await self.source.aclose()


class SpeechStream(tts.SynthesizeStream):
    """One text and its speech."""

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        voice: Any = self._tts
        started = False
        try:
            async with aclosing(oggstream.stream_frames(self._text(), source=voice.source, **voice.options)) as frames:
                async for frame in frames:
                    if not started:
                        started = True
                        output_emitter.initialize(
                            request_id=utils.shortuuid(),
                            sample_rate=frame.rate,
                            num_channels=frame.pcm.shape[1],
                            mime_type="audio/pcm",
                            frame_size_ms=20,  # its own 200 would be waited for
                            stream=True,
                        )
                        output_emitter.start_segment(segment_id=utils.shortuuid())
                    output_emitter.push(sixteen_bits(frame))
        except oggstream.OggStreamError as error:  # oggstream has tried again already, where that makes sense
            raise APIError(str(error), retryable=False) from error
        if started:
            output_emitter.end_segment()

    async def _text(self) -> AsyncGenerator[str, None]:
        async for token in self._input_ch:
            if isinstance(token, str):
                self._mark_started()
                yield token


async def publish(room: rtc.Room, broadcast: oggstream.Broadcast) -> None:
    """Let ``room`` hear what ``broadcast`` says, on a track of its own, until it ends or this is cancelled.

    Who speaks is a ``Player(sink=broadcast)``; what it stops is silent here at once, too.
    """
    output = rtc.AudioSource(RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("speech", output)
    await room.local_participant.publish_track(track)
    try:
        async with aclosing(sound(broadcast)) as frames:
            async for data in frames:
                if data is None:
                    output.clear_queue()
                else:
                    await output.capture_frame(rtc.AudioFrame(data, RATE, 1, len(data) // 2))
        await output.wait_for_playout()
    finally:
        await room.local_participant.unpublish_track(track.sid)
        await output.aclose()


async def entrypoint(context: JobContext) -> None:
    """Talk to who joins the room."""
    from livekit.plugins import openai, silero

    voice = OggStreamTTS(voice="coral")
    context.add_shutdown_callback(voice.aclose)
    await voice.source.warm()
    session: AgentSession[None] = AgentSession(vad=silero.VAD.load(), stt=openai.STT(), llm=openai.LLM(), tts=voice)
    await session.start(Agent(instructions="You are brief and kind."), room=context.room)
    await session.say("Hello! What can I do for you?")


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
