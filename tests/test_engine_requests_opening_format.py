"""The learnt format of the opening piece. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.codec.encoder import OpusEncoder
from oggstream.engine import loading as codec
from oggstream.engine.requests.opening_format import PCM_BYTES, LinkMeter, opening_format
from oggstream.errors import RequestRefusedError
from oggstream.events import RequestSent, ResponseStarted, emit
from oggstream.history import History
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_writer import OggOpusWriter
from oggstream.opus.tags import OpusTags
from oggstream.playout.habits import Habits
from oggstream.sinks.null_sink import NullSink
from oggstream.sources.traits import SourceTraits
from scripted import Arrival, ScriptedStream, pages, spoken


def habits(link: float = 1e6, seen: int = 5, **first_packet: float) -> Habits:
    return Habits(seen=seen, first_packet=tuple(first_packet.items()), link=link)


def test_opus_is_asked_for_where_nothing_is_known() -> None:
    assert opening_format(None) == "opus"
    assert opening_format(Habits()) == "opus"
    assert opening_format(habits(seen=1, opus=1.0)) == "opus"


def test_samples_are_tried_once_the_link_has_shown_that_it_carries_them() -> None:
    assert opening_format(habits(opus=1.3)) == "pcm"
    assert opening_format(habits(link=PCM_BYTES, opus=1.3)) == "opus"


def test_what_has_sounded_first_is_asked_for_again() -> None:
    assert opening_format(habits(opus=1.3, pcm=1.1)) == "pcm"
    assert opening_format(habits(opus=0.3, pcm=0.3)) == "opus"


def test_a_link_that_became_thin_gets_opus() -> None:
    assert opening_format(habits(link=12_500, opus=1.3, pcm=1.1)) == "opus"


def test_now_and_then_the_other_one_is_tried() -> None:
    assert opening_format(habits(seen=31, opus=1.3, pcm=1.1)) == "opus"
    assert opening_format(habits(seen=31, opus=1.1, pcm=60.0)) == "pcm"


def test_a_thin_link_is_measured_as_one_and_a_burst_as_what_the_link_can_do() -> None:
    thin, wide = LinkMeter(), LinkMeter()
    for segment in range(20):
        thin.add(segment * 0.12, 1500)
        wide.add(segment * 0.15, 4096)
        wide.add(segment * 0.15 + 0.001, 4300)
    assert thin.rate == pytest.approx(30_000)
    assert wide.rate == pytest.approx(168_000, rel=0.01)


class TwoFormats:
    """A service as OpenAI's: samples as they are synthesised, Opus by ffmpeg's muxer, both ``rate`` times real time."""

    traits = SourceTraits(name="two", formats=("opus", "pcm"), samples_known=True, identity="two|model|voice")

    def __init__(self, rate: float = 6.5, link: float = 1e7, *, refuses: bool = False) -> None:
        self.rate, self.link, self.refuses = rate, link, refuses
        self.asked: list[str] = []

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        self.asked.append(options.format)
        emit(RequestSent, characters=len(text))
        if options.format == "pcm" and self.refuses:
            raise RequestRefusedError("no such format", status=400)
        seconds = max(1.0, len(text) / 13.6)
        ready = self._samples(seconds) if options.format == "pcm" else self._opus(seconds)
        stream = ScriptedStream(self._over_the_link(ready), asyncio.get_running_loop().time())
        stream.content_type = "audio/pcm" if options.format == "pcm" else "audio/ogg"
        emit(ResponseStarted, content_type=stream.content_type, request_id="req-1")
        yield stream

    def _samples(self, seconds: float) -> list[tuple[float, bytes]]:
        tone = (8000 * np.sin(np.arange(round(24000 * seconds)) / 9)).astype("<i2").tobytes()
        return [(0.8 + (at / 48000 + 0.25) / self.rate, tone[at : at + 12000]) for at in range(0, len(tone), 12000)]

    def _opus(self, seconds: float) -> list[tuple[float, bytes]]:
        head, tags, *audio = pages(spoken(round(seconds, 2)))
        times = [0.8 + min(max(2.0, n + 1.0), seconds) / self.rate for n in range(len(audio))]
        return [(0.8, head + tags), *zip(times, audio, strict=True)]

    def _over_the_link(self, ready: list[tuple[float, bytes]]) -> list[Arrival]:
        arrivals: list[Arrival] = []
        free = 0.0
        for at, data in ready:
            for start in range(0, len(data), 1500):
                part = data[start : start + 1500]
                free = max(free, at) + len(part) / self.link
                arrivals.append((free, part))
        return arrivals


TEXT = "This is what is said, again and again, to a service that has two formats. " * 2


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


async def first_samples(service: TwoFormats, path: Path, times: int, **options: Any) -> list[float]:
    """Seconds to the first sample of one speech after the other."""
    waits = []
    for _ in range(times):
        report = await oggstream.play_stream(
            TEXT, source=service, sink=NullSink(), options=PlaybackOptions(history=path), **options
        )
        assert report.playout.stalls == 0
        assert report.timing.first_sample is not None
        waits.append(report.timing.first_sample)
    return waits


@pytest.mark.looptime
async def test_once_learnt_the_first_sound_is_a_fifth_of_a_second_earlier(tmp_path: Path) -> None:
    service = TwoFormats()
    waits = await first_samples(service, tmp_path / "history.json", 6)
    assert service.asked == ["opus"] * 2 + ["pcm"] * 4
    assert waits[0] - waits[-1] >= 0.2


class OneTone(TwoFormats):
    """Speaks the same tone in both formats."""

    def _samples(self, seconds: float) -> list[tuple[float, bytes]]:
        return [(0.5, self._tone(seconds).tobytes())]

    def _opus(self, seconds: float) -> list[tuple[float, bytes]]:
        encoder = OpusEncoder(24000)
        writer = OggOpusWriter(OpusHead.simple(1, encoder.pre_skip, 24000, serial=7), OpusTags(vendor="test"), 10)
        tone = self._tone(seconds)
        padded = np.zeros(-(-(len(tone) + encoder.pre_skip) // 480) * 480, "<i2")
        padded[: len(tone)] = tone
        packets = [encoder.encode(frame.tobytes()) for frame in padded.reshape(-1, 480)]
        return [
            (0.5, b"".join([writer.headers(), *(writer.write(p, 960) for p in packets), writer.finish(2 * len(tone))]))
        ]

    def _tone(self, seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
        """400 Hz, which begins and ends within 5 ms, as speech does."""
        samples = round(seconds * 400) * 60
        edge = np.ones(samples)
        edge[:120] = 0.5 - 0.5 * np.cos(np.pi * np.arange(120) / 120)
        edge[-120:] = edge[:120][::-1]
        return (8000 * edge * np.sin(2 * np.pi * np.arange(samples) / 60)).astype("<i2")


@pytest.mark.looptime
async def test_where_samples_end_and_opus_goes_on_there_is_no_gap_no_step_and_the_same_level(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    History(path).put("two|model|voice|1", habits(opus=1.3, pcm=1.1))
    sink = NullSink(record=True)
    text = ["The opening piece comes as samples, ", "and what follows it is asked for as Opus, in the usual way. "]
    service = OneTone()
    report = await oggstream.play_stream(text, source=service, sink=sink, options=PlaybackOptions(history=path))
    assert service.asked == ["pcm", "auto"]
    first, second = report.segments
    assert first.end_sample == second.start_sample
    played = sink.recording[:, 0]
    played = played[int(np.flatnonzero(played)[0]) :]
    join = first.end_sample
    level = [
        20 * np.log10(np.sqrt(np.mean(part**2))) for part in (played[join - 9600 : join], played[join + 960 :][:9600])
    ]
    assert abs(level[0] - level[1]) < 0.5
    steady = np.abs(np.diff(played[join - 9600 : join - 960])).max()
    assert np.abs(np.diff(played[join - 480 : join + 480])).max() < 1.2 * steady  # no step
    loud = np.flatnonzero(np.abs(played[join - 960 : join + 960]) > 0.1)
    assert np.diff(loud).max() < 0.008 * 48000  # no gap but the two edges


@pytest.mark.looptime
async def test_on_a_thin_link_opus_stays(tmp_path: Path) -> None:
    service = TwoFormats(link=12_500)
    waits = await first_samples(service, tmp_path / "history.json", 5)
    assert "pcm" not in service.asked
    assert waits[-1] <= waits[0] + 0.01


@pytest.mark.looptime
async def test_a_service_that_refuses_samples_is_asked_for_opus_and_not_again_for_samples(
    tmp_path: Path,
) -> None:
    service = TwoFormats(refuses=True)
    await first_samples(service, tmp_path / "history.json", 6)
    assert service.asked.count("pcm") == 1
    assert service.asked[service.asked.index("pcm") + 1] == "auto"


@pytest.mark.looptime
async def test_a_format_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    service = TwoFormats()
    await first_samples(service, tmp_path / "history.json", 5, format="opus")
    assert set(service.asked) == {"opus"}
