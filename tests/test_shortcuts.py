"""A file, a body for a browser, the bytes of another package: each in one call."""

from __future__ import annotations

import asyncio
import sys
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.codec.encoding_writer import load_encoder
from oggstream.engine import loading
from oggstream.errors import LibraryError, OutputError, SourceError, TextError, UsageError
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from scripted import ScriptedSource, every, pages, spoken

pytestmark = pytest.mark.looptime

BODY = spoken(1.0)
SENTENCES = [f"This is sentence number {number} of a text that grows. " for number in range(6)]


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()  # in virtual time nobody waits for the thread that would do it
    load_encoder("mp3")


def source() -> ScriptedSource:
    return ScriptedSource(every(0.02, pages(spoken(1.0, packets_per_page=5))))


def decoded(path: Path) -> Any:
    """Samples of a file, by FFmpeg."""
    import av

    with av.open(str(path)) as file:
        parts = [frame.to_ndarray().astype(np.float64) for frame in file.decode(audio=0)]
    return np.concatenate(parts, axis=1)


def opus_items(path: Path) -> tuple[OpusReader, list[Any]]:
    reader = OpusReader()
    return reader, [*reader.feed(path.read_bytes()), *reader.finish()]


@pytest.mark.parametrize("ending", ["opus", "ogg", "wav", "mp3", "flac", "WAV"])
async def test_the_ending_says_the_format(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"speech.{ending}"
    report = await oggstream.save("Hello.", path, source=source())
    assert report.completed
    assert report.audio.samples == 48000
    starts = {"opus": b"OggS", "ogg": b"OggS", "wav": b"RIFF", "mp3": b"ID3", "flac": b"fLaC"}
    assert path.read_bytes().startswith(starts[ending.lower()])
    samples = decoded(path)
    assert abs(samples.shape[1] - 48000) <= (3456 if ending == "mp3" else 312)
    assert np.abs(samples).max() > 0.2 * (32768 if ending in ("wav", "WAV", "flac") else 1)


async def test_what_came_as_opus_is_kept_packet_by_packet(tmp_path: Path) -> None:
    await oggstream.save("Hello.", tmp_path / "x.opus", source=source())
    _, items = opus_items(tmp_path / "x.opus")
    assert all(item.data in spoken(1.0, packets_per_page=5) for item in items if isinstance(item, AudioPacket))


async def test_a_text_in_many_requests_is_one_link_that_says_how_long_it_is(tmp_path: Path) -> None:
    from_script = source()

    async def growing() -> AsyncIterator[str]:
        for sentence in SENTENCES:
            yield sentence
            await asyncio.sleep(5)

    report = await oggstream.save(growing(), tmp_path / "x.opus", source=from_script)
    assert len(report.segments) == len(SENTENCES)
    reader, _ = opus_items(tmp_path / "x.opus")
    assert reader.stats.links == 1
    import av

    with av.open(str(tmp_path / "x.opus")) as file:
        assert file.duration is not None
        assert file.duration / 1e6 == pytest.approx(6.0, abs=5 * 0.047)


async def test_a_long_text_is_one_request_for_a_file(tmp_path: Path) -> None:
    from_script = source()
    await oggstream.save("".join(SENTENCES * 2), tmp_path / "x.wav", source=from_script)
    assert from_script.opened == 1


@pytest.mark.parametrize(("ending", "seconds"), [("opus", 60.0), ("wav", 60.0), ("mp3", 12.0), ("flac", 12.0)])
async def test_a_file_is_written_as_fast_as_the_body_comes(tmp_path: Path, ending: str, seconds: float) -> None:
    begun = asyncio.get_running_loop().time()
    body = pages(spoken(seconds))
    report = await oggstream.save("Hello.", tmp_path / f"x.{ending}", source=ScriptedSource(every(1 / 6, body)))
    assert asyncio.get_running_loop().time() - begun <= 1.05 * len(body) / 6
    assert report.audio.seconds == seconds


@pytest.mark.parametrize("volume", [0.25, 2.0])
async def test_the_volume_is_in_the_file(tmp_path: Path, volume: float) -> None:
    options = oggstream.PlaybackOptions(volume=volume)
    await oggstream.save("Hello.", tmp_path / "plain.opus", source=source())
    await oggstream.save("Hello.", tmp_path / "x.opus", source=source(), options=options)
    await oggstream.save("Hello.", tmp_path / "x.wav", source=source(), options=options)
    _, items = opus_items(tmp_path / "x.opus")
    gains = [item.output_gain for item in items if isinstance(item, OpusHead)]
    assert gains == [round(20 * np.log10(volume) * 256)]
    plain = np.abs(decoded(tmp_path / "plain.opus")).max()
    assert np.abs(decoded(tmp_path / "x.wav")).max() / 32768 == pytest.approx(plain * volume, rel=0.02)


@pytest.mark.parametrize("name", ["x", "x.txt", "x.m4a", "-", ""])
async def test_another_ending_is_refused_with_those_there_are(tmp_path: Path, name: str) -> None:
    from_script = source()
    with pytest.raises(UsageError, match=r"use \.opus, \.ogg, \.oga, \.wav, \.mp3, \.flac"):
        await oggstream.save("Hello.", tmp_path / name if name not in ("", "-") else name, source=from_script)
    assert from_script.opened == 0


@pytest.mark.parametrize("ending", ["opus", "wav", "mp3", "flac"])
async def test_a_file_that_cannot_be_written_is_known_before_anything_is_asked(tmp_path: Path, ending: str) -> None:
    from_script = source()
    with pytest.raises(OutputError, match="cannot write"):
        await oggstream.save("Hello.", tmp_path / "none" / f"x.{ending}", source=from_script)
    assert from_script.opened == 0


async def test_without_pyav_the_error_says_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    load_encoder.cache_clear()
    from_script = source()
    with pytest.raises(LibraryError, match=r"mp3 needs PyAV: pip install 'oggstream\[codec\]'"):
        await oggstream.save("Hello.", tmp_path / "x.mp3", source=from_script)
    assert from_script.opened == 0
    assert not (tmp_path / "x.mp3").exists()


@pytest.mark.parametrize("ending", ["opus", "wav", "mp3", "flac"])
async def test_what_was_received_before_a_failure_is_in_the_file(tmp_path: Path, ending: str) -> None:
    failing = ScriptedSource([*every(0.1, pages(spoken(1.0, packets_per_page=5))[:8]), (0.0, SourceError("gone"))])
    path = tmp_path / f"x.{ending}"
    with pytest.raises(SourceError, match="gone"):
        await oggstream.save("Hello.", path, source=failing)
    assert decoded(path).shape[1] > 20_000


async def test_a_speech_that_never_began_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    for ending in ("opus", "mp3"):
        old, new = tmp_path / f"old.{ending}", tmp_path / f"new.{ending}"
        old.write_bytes(b"what it was")
        for path in (old, new):
            with pytest.raises(SourceError):
                await oggstream.save("Hello.", path, source=ScriptedSource([(0.0, SourceError("refused"))]))
        assert old.read_bytes() == b"what it was"
        assert not new.exists()


async def test_cancelling_leaves_a_file_that_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "x.opus"
    endless = ScriptedSource(every(0.1, pages(spoken(60.0, packets_per_page=5))))
    task = asyncio.create_task(oggstream.save("Hello.", path, source=endless))
    await asyncio.sleep(3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert decoded(path).shape[1] > 48000
    assert endless.closed == 1


async def test_events_come_while_it_is_saved(tmp_path: Path) -> None:
    events: list[oggstream.Event] = []
    await oggstream.save("Hello.", tmp_path / "x.opus", source=source(), on_event=events.append)
    assert {oggstream.FirstPacket, oggstream.SegmentStarted} <= {type(event) for event in events}


# play


async def test_the_bytes_of_any_container_are_played() -> None:
    report = await oggstream.play(iter([BODY[:1000], BODY[1000:]]), sink=oggstream.NullSink())
    assert report.audio.samples == 48000


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("channels", [1, 2])
async def test_samples_with_their_rate_are_played(dtype: Any, channels: int) -> None:
    async def chunks() -> AsyncIterator[Any]:
        for _ in range(10):
            yield np.zeros((2400, channels), dtype)

    report = await oggstream.play(chunks(), rate=24000, channels=channels, dtype=dtype, sink=oggstream.NullSink())
    assert report.audio.seconds == pytest.approx(1.0)
    assert report.audio.channels == channels


async def test_a_path_is_played(tmp_path: Path) -> None:
    path = tmp_path / "deepgram"  # also the name of a service
    path.write_bytes(BODY)
    for place in (path, str(path)):
        assert (await oggstream.play(place, sink=oggstream.NullSink())).audio.samples == 48000


@pytest.mark.parametrize(
    ("audio", "options", "message"),
    [
        (7, {}, "source must be"),
        (BODY, {"rate": 100}, "RATE is 2000 to 384000 Hz"),
        (BODY, {"rate": 24000, "channels": 9}, "CHANNELS 1 to 8"),
        (BODY, {"rate": "fast"}, "unknown format"),
        (BODY, {"rate": 24000, "dtype": "int24"}, "unknown dtype 'int24': use int16 or float32"),
    ],
)
async def test_what_cannot_be_played_is_refused_by_name(audio: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        await oggstream.play(audio, sink=oggstream.NullSink(), **options)


# stream_ogg


async def test_a_body_for_a_browser_is_one_link() -> None:
    body = await oggstream.stream_ogg("Hello.", source=source())
    assert body.content_type == "audio/ogg"
    got = b"".join([page async for page in body])
    frames = [frame async for frame in oggstream.decode_stream(_later(got))]
    assert sum(len(frame.pcm) for frame in frames) == 48000


async def _later(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def test_each_page_comes_with_its_packet() -> None:
    loop = asyncio.get_running_loop()
    body = await oggstream.stream_ogg("Hello.", source=ScriptedSource(every(0.5, pages(spoken(3.0)))))
    begun = loop.time()
    assert begun <= 1.5
    times = [loop.time() async for _ in body]
    assert times[-1] > begun + 1.0


async def test_what_fails_before_there_is_sound_fails_when_it_is_awaited() -> None:
    with pytest.raises(TextError):
        _ = await oggstream.stream_ogg("", source=oggstream.OpenAISource(api_key="x"))
    with pytest.raises(SourceError, match="refused"):
        _ = await oggstream.stream_ogg("Hello.", source=ScriptedSource([(0.0, SourceError("refused"))]))
    with pytest.raises(TypeError, match=r"stream_ogg\(\) got .*'voise'"):
        _ = await oggstream.stream_ogg("Hello.", voise="x")  # type: ignore[call-arg]


async def test_leaving_or_closing_it_closes_the_response() -> None:
    from_script = ScriptedSource(every(0.5, pages(spoken(3.0))))
    async with oggstream.stream_ogg("Hello.", source=from_script) as body:
        await anext(body)
    assert from_script.closed == 1
    with pytest.raises(StopAsyncIteration):
        await anext(body)
    await body.aclose()


async def test_it_may_be_read_without_being_awaited_first() -> None:
    got = [page async for page in oggstream.stream_ogg("Hello.", source=source())]
    assert got[0].startswith(b"OggS")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no advisory locks")
@pytest.mark.parametrize(
    "write",
    [lambda path: oggstream.save("x", path, source=str(path)), lambda path: oggstream.play(path, sink=f"wav:{path}")],
)
async def test_a_file_that_is_still_being_read_is_not_written_over(
    tmp_path: Path, write: Callable[[Path], Awaitable[object]]
) -> None:
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 48000 * 300))
    before = path.read_bytes()
    with pytest.raises(OutputError, match="it is being read or written already"):
        await write(path)
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="there are no advisory locks")
async def test_two_sinks_do_not_write_over_each_other(tmp_path: Path) -> None:
    (tmp_path / "b.wav").symlink_to("a.wav")
    sinks = [f"wav:{tmp_path}/a.wav", f"wav:{tmp_path}/b.wav"]
    report = await oggstream.play_stream("Hello.", source=source(), sink=sinks)
    first, second = report.sinks
    assert first.error is None
    assert second.error is not None
    assert "b.wav: it is being read or written already" in second.error.message
    assert decoded(tmp_path / "a.wav").shape == (1, 48000)
