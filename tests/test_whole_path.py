"""The whole path with nothing left out: a real server, a real connection, the real decoder, a real sound server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from aiohttp import web

import oggstream
from oggstream.annotations import Annotation, Word
from oggstream.errors import SourceBrokenError
from oggstream.events import FirstPacket, RequestSent, ResponseStarted, SegmentStarted, Started
from oggstream.sources.source import ByteStream, Source
from oggstream.sources.wrapper import SourceWrapper, StreamWrapper
from patience import PATIENCE
from pulse import sound_server
from scripted import pages
from speech_server import Service, serving

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oggstream.events import Event
    from pulse import SoundServer

__all__ = ["sound_server"]

FIXTURES = Path(__file__).parent / "fixtures"
LAYOUTS = ("generation_a", "generation_b", "restart", "stereo", "chained")
EDGE = 2400  # 50 ms


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.opus").read_bytes()


async def decoded(body: bytes) -> NDArray[np.float32]:
    """What is to be heard: the samples of the body, in stereo as the device takes them."""

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    frames = [frame.pcm async for frame in oggstream.decode_stream(chunks())]
    return np.concatenate([pcm if pcm.shape[1] == 2 else np.repeat(pcm, 2, axis=1) for pcm in frames])


@asynccontextmanager
async def speech_service(
    body: bytes, *, chunk: int = 1369, pause: float = 0.0, cut: bool = False
) -> AsyncIterator[Service]:
    """A speech endpoint that answers with ``body`` in chunks, ``pause`` seconds apart; ``cut`` breaks the line off."""

    async def speak(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "audio/ogg"})
        await response.prepare(request)
        for start in range(0, len(body), chunk):
            await response.write(body[start : start + chunk])
            await asyncio.sleep(pause)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    async with serving(speak) as service:
        yield service


def voice_of(service: Service) -> oggstream.OpenAISource:
    return oggstream.OpenAISource(base_url=service.base, api_key="sk-test")


async def speak(service: Service) -> oggstream.PlaybackReport:
    """Play on the default device, with a latency that holds while the machine is busy with other tests."""
    source, sink = voice_of(service), oggstream.DeviceSink(latency=0.2)
    try:
        return await oggstream.play_stream("Hello.", source=source, sink=sink)
    finally:
        await sink.aclose()
        await source.aclose()


ATTEMPTS = 3  # a busy machine may cost the sound server a block, whoever plays


def between_zeros(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    loud = np.flatnonzero(np.any(pcm != 0, axis=1))
    return pcm[loud[0] : loud[-1] + 1]


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_what_the_loudspeaker_gets_is_the_decoded_stream_sample_for_sample(
    sound_server: SoundServer, layout: str
) -> None:
    body = fixture(layout)
    expected = between_zeros(await decoded(body))
    for _ in range(ATTEMPTS):
        async with speech_service(body) as service, sound_server.recording() as recording:
            report = await speak(service)
        heard = recording.sound
        if len(heard) == len(expected):
            break
    assert len(heard) == len(expected)
    assert np.array_equal(heard[:EDGE], expected[:EDGE])
    assert np.array_equal(heard[-EDGE:], expected[-EDGE:])
    assert np.array_equal(heard, expected)
    assert report.completed
    assert report.sink == "device"
    assert report.playout.stalls == report.playout.device_underflows == 0


async def test_a_line_that_breaks_is_heard_to_the_last_whole_page(sound_server: SoundServer) -> None:
    head, tags, first, *_ = pages(fixture("generation_a"))
    received = head + tags + first
    async with speech_service(received + b"OggS\x00\x00", cut=True) as service, sound_server.recording() as recording:
        with pytest.raises(SourceBrokenError) as caught:
            await speak(service)
    assert caught.value.report is not None
    assert caught.value.report.audio.samples == 48000 - 312
    expected = await decoded(received)
    assert np.array_equal(recording.sound, between_zeros(expected))


async def test_a_wav_file_gets_the_streams_own_channels(tmp_path: Path) -> None:
    import wave

    body = fixture("stereo")
    sink = oggstream.WavSink(tmp_path / "out.wav")
    async with speech_service(body) as service:
        source = voice_of(service)
        report = await oggstream.play_stream("Hello.", source=source, sink=sink)
        await sink.aclose()
        await source.aclose()
    with wave.open(str(tmp_path / "out.wav")) as written:
        assert (written.getnchannels(), written.getframerate(), written.getsampwidth()) == (2, 48000, 2)
        samples = np.frombuffer(written.readframes(1 << 30), np.int16).reshape(-1, 2)
    exact = np.clip(np.rint(await decoded(body) * 32768), -32768, 32767)
    assert report.audio.samples == len(samples)
    assert np.abs(samples - exact).max() <= 1


async def test_every_time_of_the_report_is_there_and_in_order(sound_server: SoundServer) -> None:
    async with speech_service(fixture("generation_b"), pause=0.005) as service:
        source = voice_of(service)
        report = await oggstream.play_stream("Hello.", source=source)
        await source.aclose()
    times: list[Any] = [
        *(report.timing.request_sent, report.timing.headers, report.timing.first_byte, report.timing.first_packet),
        *(report.timing.start, report.timing.first_sample, report.timing.first_audible, report.timing.end),
    ]
    assert times == sorted(times)
    assert report.requests.sent == 1
    assert report.requests.characters == 6


KINDS = [RequestSent, ResponseStarted, FirstPacket, Started, SegmentStarted]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_cancelling_at_any_event_leaves_no_task_no_response_and_a_silent_device(
    sound_server: SoundServer, kind: type[Event]
) -> None:
    reached = asyncio.Event()
    others = asyncio.all_tasks()
    async with speech_service(fixture("generation_a"), pause=0.02) as service, sound_server.recording() as recording:
        source = voice_of(service)

        def listener(event: Event) -> None:
            if type(event) is kind:
                reached.set()

        speaking = asyncio.create_task(oggstream.play_stream("Hello.", source=source, on_event=listener))
        await reached.wait()
        speaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speaking
        await recording.grow(0.1, 48000)
        quiet_from = len(recording.samples)
        await recording.grow(0.2, 48000)
        await source.aclose()
        async with asyncio.timeout(PATIENCE):
            while service.connections:  # noqa: ASYNC110  # the server notices by itself, and tells nobody
                await asyncio.sleep(0.01)
        assert not recording.samples[quiet_from:].any()
    assert {task for task in asyncio.all_tasks() - others if "RequestHandler" not in repr(task)} == set()


class Overheard(SourceWrapper):
    """The offline voice, and what it gave: for each piece its words and its body."""

    def __init__(self) -> None:
        super().__init__(oggstream.OfflineVoice())
        self.pieces: list[tuple[list[Word], bytearray]] = []

    @asynccontextmanager
    async def opened(self, source: Source, text: str, options: oggstream.SpeechOptions) -> AsyncIterator[ByteStream]:
        piece: tuple[list[Word], bytearray] = ([], bytearray())
        self.pieces.append(piece)
        async with source.open(text, options) as stream:
            yield _Noted(stream, *piece)


class _Noted(StreamWrapper):
    def __init__(self, stream: ByteStream, words: list[Word], body: bytearray) -> None:
        super().__init__(stream)
        self._words, self._body = words, body

    async def __anext__(self) -> bytes | Annotation:
        item = await super().__anext__()
        if isinstance(item, bytes):
            self._body += item
        elif isinstance(item, Word):
            self._words.append(item)
        return item


async def test_words_of_the_offline_voice_lie_where_their_sound_is_in_what_the_loudspeaker_gets(
    sound_server: SoundServer,
) -> None:
    texts = ["Cats and dogs are asleep in the garden by now. ", "Birds sing louder than anybody else in the morning."]
    for _ in range(ATTEMPTS):
        sink, voice = oggstream.DeviceSink(latency=0.2), Overheard()
        async with sound_server.recording() as recording:
            report = await oggstream.play_stream(texts, source=voice, sink=sink)
            await sink.aclose()
        sound = [await decoded(bytes(body)) for _, body in voice.pieces]
        whole = np.concatenate(sound)
        expected = between_zeros(whole)
        heard = recording.sound
        if len(heard) == len(expected):
            break
    assert len(sound) == 2
    assert np.array_equal(heard, expected)
    found = [word for segment in report.segments for word in segment.words]
    told = [(word, at) for (words, _), at in zip(voice.pieces, (0, len(sound[0])), strict=True) for word in words]
    assert [word.text for word in found] == [word.text for word, _ in told]
    assert [word.start_sample for word in found] == [word.start_sample + at for word, at in told]
    assert {segment.words_from for segment in report.segments} == {"voice"}
    assert ["".join(texts)[word.start : word.end] for word in found] == [word.text for word in found]
