"""The examples for LiveKit and Pipecat, with their packages if installed, otherwise with stand-ins."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import oggstream
import stand_ins
from oggstream.audio.frame import PcmFrame
from oggstream.errors import SourceBrokenError
from patience import PATIENCE
from scripted import ScriptedSource, pages, spoken
from stand_ins import until

SOUND = spoken(0.5, packets_per_page=1)


@pytest.fixture
def livekit() -> Iterator[Any]:
    with stand_ins.example("livekit_agent", "livekit", stand_ins.livekit) as module:
        yield module


@pytest.fixture
def pipecat() -> Iterator[Any]:
    with stand_ins.example("pipecat_service", "pipecat", stand_ins.pipecat) as module:
        yield module


async def samples() -> bytes:
    """The speech in 16 bits."""
    frames = [frame.pcm async for frame in oggstream.stream_frames("Hello.", source=ScriptedSource([(0, SOUND)]))]
    return np.clip(np.rint(np.concatenate(frames) * 32768), -32768, 32767).astype("<i2").tobytes()


async def test_livekit_gets_the_sound_of_a_growing_text_in_its_frames(livekit: Any) -> None:
    source = ScriptedSource([(0, SOUND)])
    async with livekit.OggStreamTTS(source=source).stream() as stream:
        stream.push_text("Hello")
        stream.push_text(", you.")
        stream.end_input()
        frames = [event.frame async for event in stream]
    assert "".join(source.texts) == "Hello, you."
    assert b"".join(bytes(frame.data.cast("B")) for frame in frames) == await samples()
    assert {(frame.sample_rate, frame.num_channels) for frame in frames} == {(48000, 1)}
    assert sum(frame.samples_per_channel for frame in frames) == 24000


async def test_what_is_louder_than_16_bits_is_cut(livekit: Any) -> None:
    loud = PcmFrame(np.array([[2.0, -2.0], [1.0, 0.5]], np.float32), 0, 48000, concealed=False)
    assert list(np.frombuffer(livekit.sixteen_bits(loud), np.int16)) == [32767, -32768, 32767, 16384]


async def test_an_interruption_by_livekit_closes_the_response(livekit: Any) -> None:
    source = ScriptedSource([(0, b"".join(pages(SOUND)[:16])), (60, b"")])
    async with livekit.OggStreamTTS(source=source).stream() as stream:
        stream.push_text("Hello, you.")
        stream.end_input()
        async for _ in stream:
            break
    assert source.closed == 1


async def test_livekit_is_told_of_an_error_and_not_to_try_again(livekit: Any) -> None:
    source = ScriptedSource([(0, SourceBrokenError("no voice today"))])
    async with livekit.OggStreamTTS(source=source).stream() as stream:
        stream.push_text("Hello, you.")
        stream.end_input()
        with pytest.raises(livekit.APIError, match="no voice today") as caught:
            await anext(stream)
    assert not caught.value.retryable


async def test_livekits_voice_closes_what_it_made(livekit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Source:
        async def aclose(self) -> None:
            closed.append("closed")

    monkeypatch.setattr(oggstream, "OpenAISource", Source)
    await livekit.OggStreamTTS(source=Source()).aclose()
    assert closed == []
    await livekit.OggStreamTTS().aclose()
    assert closed == ["closed"]


class Room:
    """What a room is asked for; its ``local_participant`` is itself."""

    def __init__(self) -> None:
        self.local_participant = self
        self.published: list[Any] = []
        self.unpublished: list[str] = []

    async def publish_track(self, track: Any) -> None:
        self.published.append(track)

    async def unpublish_track(self, sid: str) -> None:
        self.unpublished.append(sid)


class Output:
    """livekit.rtc's AudioSource, which keeps what it is given."""

    made: list[Output] = []  # noqa: RUF012

    def __init__(self, rate: int, channels: int) -> None:
        self.format = rate, channels
        self.data = b""
        self.done: list[str] = []
        self.made.append(self)

    async def capture_frame(self, frame: Any) -> None:
        self.data += bytes(frame.data.cast("B"))

    def clear_queue(self) -> None:
        self.done.append("cleared")

    async def wait_for_playout(self) -> None:
        self.done.append("played")

    async def aclose(self) -> None:
        self.done.append("closed")


class Track:
    sid = "TR_1"

    @classmethod
    def create_audio_track(cls, name: str, output: Output) -> Track:
        return cls()


@pytest.fixture
def output(livekit: Any, monkeypatch: pytest.MonkeyPatch) -> list[Output]:
    """The outputs that LiveKit makes."""
    monkeypatch.setattr(livekit.rtc, "AudioSource", Output)
    monkeypatch.setattr(livekit.rtc, "LocalAudioTrack", Track)
    monkeypatch.setattr(Output, "made", [])
    return Output.made


async def test_a_room_of_livekit_hears_a_broadcast(livekit: Any, output: list[Output]) -> None:
    broadcast, room = oggstream.Broadcast(), Room()
    publishing = asyncio.create_task(livekit.publish(room, broadcast))
    await until(lambda: broadcast.listeners)
    await oggstream.play_stream("Hello.", source=ScriptedSource([(0, SOUND)]), sink=broadcast)
    await broadcast.aclose()
    await publishing
    assert output[0].format == (48000, 1)
    assert output[0].data == await samples()
    assert output[0].done == ["played", "closed"]
    assert len(room.published) == 1
    assert room.unpublished == ["TR_1"]


async def test_what_a_player_stops_is_silent_in_a_room_of_livekit_too(livekit: Any, output: list[Output]) -> None:
    async with oggstream.Broadcast() as broadcast:
        publishing = asyncio.create_task(livekit.publish(Room(), broadcast))
        async with oggstream.Player(source=ScriptedSource([(0, spoken(9.0))]), sink=broadcast) as player:
            _ = player.say("Hello.")
            await until(lambda: output and output[0].data)
            await player.stop()
        await until(lambda: output[0].done)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
    assert output[0].done == ["cleared", "closed"]


stands_in = pytest.mark.skipif(
    importlib.util.find_spec("pipecat") is not None, reason="the real pipeline does this below"
)


@stands_in
async def test_a_pipeline_of_pipecat_hears_a_broadcast(pipecat: Any) -> None:
    broadcast = oggstream.Broadcast()
    hearing = pipecat.BroadcastInput(broadcast)
    pushed: list[Any] = []

    async def push(frame: Any, direction: Any = None) -> None:
        pushed.append(frame)

    hearing.push_frame = push
    start, end = pipecat.StartFrame(), pipecat.EndFrame()
    await hearing.process_frame(start, None)
    await until(lambda: broadcast.listeners)
    await oggstream.play_stream("Hello.", source=ScriptedSource([(0, SOUND)]), sink=broadcast)
    await hearing.process_frame(end, None)
    await broadcast.aclose()
    assert pushed[0] is start
    assert pushed[-1] is end
    assert b"".join(frame.audio for frame in pushed[1:-1]) == await samples()
    assert {(frame.sample_rate, frame.num_channels) for frame in pushed[1:-1]} == {(48000, 1)}


@stands_in
async def test_what_a_player_stops_interrupts_a_pipeline_of_pipecat(pipecat: Any) -> None:
    async with oggstream.Broadcast() as broadcast:
        hearing = pipecat.BroadcastInput(broadcast)
        pushed: list[Any] = []

        async def push(frame: Any, direction: Any = None) -> None:
            pushed.append(frame)

        hearing.push_frame = push
        await hearing.process_frame(pipecat.StartFrame(), None)
        async with oggstream.Player(source=ScriptedSource([(0, spoken(9.0))]), sink=broadcast) as player:
            _ = player.say("Hello.")
            await until(lambda: len(pushed) > 10)
            await player.stop()
        await until(lambda: isinstance(pushed[-1], pipecat.InterruptionFrame))
        await hearing.process_frame(pipecat.EndFrame(), None)


async def test_pipecat_gets_the_sound_in_its_frames(pipecat: Any) -> None:
    source = ScriptedSource([(0, SOUND)])
    service = pipecat.OggStreamTTS(source=source, voice="coral")
    frames = [frame async for frame in service.run_tts("Hello.", "c-1")]
    assert source.texts == ["Hello."]
    assert b"".join(frame.audio for frame in frames) == await samples()
    assert {(frame.sample_rate, frame.num_channels, frame.context_id) for frame in frames} == {(48000, 1, "c-1")}


async def test_pipecat_is_told_of_an_error_in_a_frame(pipecat: Any) -> None:
    service = pipecat.OggStreamTTS(source=ScriptedSource([(0, SourceBrokenError("no voice today"))]))
    (frame,) = [frame async for frame in service.run_tts("Hello.", "c-1")]
    assert "no voice today" in frame.error


@pytest.mark.parametrize("ending", ["stop", "cancel"])
@stands_in
async def test_the_connection_is_opened_before_it_is_needed_and_closed(
    pipecat: Any, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Source:
        async def warm(self) -> None:
            done.append("warm")

        async def aclose(self) -> None:
            done.append("closed")

    monkeypatch.setattr(oggstream, "OpenAISource", Source)
    service = pipecat.OggStreamTTS()
    assert service.can_generate_metrics()
    await service.start(None)
    assert done == ["warm"]
    await getattr(service, ending)(None)
    assert done == ["warm", "closed"]


async def test_a_pipeline_of_pipecat_speaks(pipecat: Any) -> None:
    pytest.importorskip("pipecat.tests.utils", reason="Pipecat is not installed: tools/examples/check tests with it")
    from pipecat.frames.frames import TTSAudioRawFrame, TTSSpeakFrame, TTSStartedFrame, TTSStoppedFrame
    from pipecat.tests.utils import run_test

    service = pipecat.OggStreamTTS(source=ScriptedSource([(0, SOUND)]))
    down, up = await run_test(service, frames_to_send=[TTSSpeakFrame("Hello.")], start_timeout=5)
    kinds = [type(frame) for frame in down]
    assert kinds.index(TTSStartedFrame) < kinds.index(TTSAudioRawFrame) < kinds.index(TTSStoppedFrame)
    spoken_frames = [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]
    assert b"".join(frame.audio for frame in spoken_frames) == await samples()
    assert not list(up)


async def test_a_real_pipeline_of_pipecat_hears_a_broadcast_and_its_interruption(pipecat: Any) -> None:
    pytest.importorskip("pipecat.tests.utils", reason="Pipecat is not installed: tools/examples/check tests with it")
    from pipecat.frames.frames import InterruptionFrame, OutputAudioRawFrame
    from pipecat.tests.utils import SleepFrame, run_test

    async def speak() -> None:
        await until(lambda: broadcast.listeners)
        await oggstream.play_stream("Hello.", source=ScriptedSource([(0, SOUND)]), sink=broadcast)
        async with oggstream.Player(source=ScriptedSource([(0, spoken(9.0))]), sink=broadcast) as player:
            _ = player.say("Hello.")
            await asyncio.sleep(0.3)
            await player.stop()
            await asyncio.sleep(0.2)

    async with oggstream.Broadcast() as broadcast:
        speaking = asyncio.create_task(speak())
        sleeping = (SleepFrame(sleep=0.05) for _ in iter(speaking.done, True))
        down, _ = await run_test(pipecat.BroadcastInput(broadcast), frames_to_send=sleeping, start_timeout=PATIENCE)
        await speaking
    frames = [frame for frame in down if isinstance(frame, OutputAudioRawFrame)]
    assert b"".join(frame.audio for frame in frames).startswith(await samples())
    assert any(isinstance(frame, InterruptionFrame) for frame in down)


async def test_a_session_of_livekit_speaks(livekit: Any) -> None:
    agents = pytest.importorskip(
        "livekit.agents.voice.io", reason="LiveKit is not installed: tools/examples/check tests with it"
    )
    from livekit.agents import Agent, AgentSession

    class Kept(agents.AudioOutput):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__(label="kept", capabilities=agents.AudioOutputCapabilities(pause=False))
            self.data = b""

        async def capture_frame(self, frame: Any) -> None:
            await super().capture_frame(frame)
            self.data += bytes(frame.data.cast("B"))

        def flush(self) -> None:
            super().flush()
            self.on_playback_finished(playback_position=len(self.data) / 96000, interrupted=False)

        def clear_buffer(self) -> None: ...

    output = Kept()
    session = AgentSession[None](tts=livekit.OggStreamTTS(source=ScriptedSource([(0, SOUND)])))
    session.output.audio = output
    await session.start(Agent(instructions="Be brief."))
    async with asyncio.timeout(PATIENCE):
        await session.say("Hello.")
    await session.aclose()
    assert output.data == await samples()
