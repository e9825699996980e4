from __future__ import annotations

import asyncio
import errno
import io
import os
import struct
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

import oggstream
from oggstream.audio.ring import PcmRing
from oggstream.errors import OutputError
from oggstream.sinks.sink import PreparedSink, SinkFormat
from oggstream.sinks.wav_sink import WavSink

RAMP = np.linspace(-1, 1, 4800, dtype=np.float32)[:, None]


async def play(sink: WavSink, pcm: np.ndarray[tuple[int, int], np.dtype[np.float32]], rate: int = 48000) -> PcmRing:
    ring = PcmRing(pcm.shape[1], rate)
    sink.start(ring)
    ring.begin()
    for at in range(0, len(pcm), 960):
        ring.write(pcm[at : at + 960])
    ring.finish()
    await sink.drain()
    return ring


def contents(file: str | Path | io.BytesIO) -> tuple[int, int, np.ndarray[tuple[int], np.dtype[np.int16]]]:
    """Channels, rate and samples."""
    if isinstance(file, io.BytesIO):
        file.seek(0)
    with wave.open(str(file) if isinstance(file, Path) else file, "rb") as wav:
        assert wav.getsampwidth() == 2
        return wav.getnchannels(), wav.getframerate(), np.frombuffer(wav.readframes(wav.getnframes()), np.int16)


async def test_it_writes_16_bits_with_the_streams_channels(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    sink = WavSink(path)
    assert isinstance(sink, PreparedSink)
    assert await sink.prepare() == SinkFormat(None, 48000)
    ring = await play(sink, np.hstack((RAMP, -RAMP)))
    await sink.aclose()
    channels, rate, samples = contents(path)
    assert (channels, rate, len(samples)) == (2, 48000, 9600)
    assert np.array_equal(samples[::2], np.rint(RAMP[:, 0] * 32768).clip(-32768, 32767))
    assert (ring.stalls, ring.done) == (0, True)


async def test_what_is_too_loud_is_clipped() -> None:
    file = io.BytesIO()
    sink = WavSink(file)
    await play(sink, np.array([[2.0], [-2.0], [1.0], [-1.0]], np.float32))
    assert contents(file)[2].tolist() == [32767, -32768, 32767, -32768]


async def test_a_sample_counts_as_heard_when_it_is_written() -> None:
    loop = asyncio.get_running_loop()
    sink, begun = WavSink(io.BytesIO()), loop.time()
    ring = await play(sink, np.zeros((480_000, 1), np.float32))
    end = ring.time_of(480_000)
    assert end is not None
    assert end - begun < 5  # ten seconds of sound
    assert ring.runs == [(0, ring.time_of(0))]


async def test_nothing_is_written_before_the_ring_begins() -> None:
    file, ring = io.BytesIO(), PcmRing(1)
    sink = WavSink(file)
    sink.start(ring)
    ring.write(RAMP)
    assert len(file.getvalue()) == 44
    ring.begin()
    assert len(file.getvalue()) == 44 + 9600


async def test_draining_waits_for_the_end_and_completes_the_header() -> None:
    file, ring = io.BytesIO(), PcmRing(1)
    sink = WavSink(file)
    sink.start(ring)
    ring.write(RAMP)
    ring.begin()
    draining = asyncio.create_task(sink.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    ring.finish()
    await draining
    assert struct.unpack_from("<I", file.getvalue(), 40) == (9600,)


async def test_several_speeches_go_into_one_file() -> None:
    file = io.BytesIO()
    sink = WavSink(file)
    await play(sink, RAMP)
    await play(sink, RAMP)
    await sink.aclose()
    assert len(contents(file)[2]) == 9600


async def test_a_speech_of_another_format_is_refused() -> None:
    sink = WavSink(io.BytesIO())
    await play(sink, RAMP)
    with pytest.raises(OutputError, match="has 1 channels at 48000 Hz, not 2"):
        sink.start(PcmRing(2))
    sink.start(PcmRing(1))


async def test_an_aborted_speech_leaves_a_whole_file() -> None:
    file, ring = io.BytesIO(), PcmRing(1)
    sink = WavSink(file)
    sink.start(ring)
    ring.begin()
    ring.write(RAMP)
    sink.abort()
    sink.abort()
    ring.write(RAMP)
    await sink.drain()
    await sink.aclose()
    assert len(contents(file)[2]) == 4800


async def test_a_given_file_stays_open_and_an_opened_one_is_closed(tmp_path: Path) -> None:
    file = io.BytesIO()
    given, opened = WavSink(file), WavSink(str(tmp_path / "a.wav"))
    for sink in (given, opened):
        await play(sink, RAMP)
    inside = opened._file
    for sink in (given, opened):
        await sink.aclose()
        await sink.aclose()
    assert not file.closed
    assert isinstance(inside, io.BufferedWriter)
    assert inside.closed


async def test_a_dash_is_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))
    sink = WavSink("-")
    await play(sink, RAMP)
    await sink.aclose()
    assert len(contents(output)[2]) == 4800


async def test_closing_without_a_speech_leaves_no_file(tmp_path: Path) -> None:
    sink = WavSink(tmp_path / "a.wav")
    await sink.aclose()
    await sink.prepare()
    assert (tmp_path / "a.wav").exists()
    await sink.aclose()
    assert not (tmp_path / "a.wav").exists()


async def test_what_a_file_held_stays_until_a_speech_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(100_000))
    sink = WavSink(path)
    await sink.prepare()
    await sink.aclose()
    assert path.stat().st_size == 100_000
    await play(sink, RAMP)
    await sink.aclose()
    assert path.stat().st_size == 44 + 2 * len(RAMP)


async def test_a_path_that_cannot_be_written_is_known_before_the_speech(tmp_path: Path) -> None:
    sink = WavSink(tmp_path / "none" / "a.wav")
    with pytest.raises(OutputError, match=r"cannot write .*a\.wav: No such file or directory"):
        await sink.prepare()
    await sink.aclose()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in the file system")
async def test_a_pipe_waits_for_its_reader_and_the_loop_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    sink = WavSink(path)
    opening = asyncio.ensure_future(sink.prepare())
    await asyncio.sleep(0.05)
    assert not opening.done()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    await opening
    os.set_blocking(reader, True)
    ring = PcmRing(1)
    sink.start(ring)
    ring.begin()
    for _ in range(18):  # more than a pipe and the sink hold
        ring.write(RAMP)
    assert ring.space == 0 or ring.fill
    ring.finish()
    draining = asyncio.ensure_future(sink.drain())
    await asyncio.sleep(0.05)
    assert not draining.done()
    received = await asyncio.to_thread(lambda: read_bytes(reader, 44 + 18 * 2 * len(RAMP)))
    await draining
    await sink.aclose()
    assert received[44:] == np.tile(np.rint(RAMP[:, 0] * 32768).clip(-32768, 32767).astype("<i2"), 18).tobytes()
    assert path.is_fifo()
    os.close(reader)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in the file system")
async def test_waiting_for_the_reader_of_a_pipe_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    sink = WavSink(path)
    opening = asyncio.ensure_future(sink.prepare())
    await asyncio.sleep(0.05)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    with pytest.raises(OutputError, match="it is a pipe that nobody reads"):
        sink.start(PcmRing(1))
    await sink.aclose()
    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))  # lets the thread go on


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in the file system")
async def test_a_reader_that_leaves_is_told_by_check_and_drain_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = WavSink(path)
    await sink.prepare()
    os.close(reader)
    ring = PcmRing(1)
    sink.start(ring)
    ring.begin()
    with pytest.raises(OutputError, match=r"cannot write .*pipe: Broken pipe") as caught:
        await sink.drain()
    assert isinstance(caught.value.__cause__, BrokenPipeError)
    sink.check()
    await sink.aclose()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
async def test_a_device_is_written_to_and_stays(device: str) -> None:
    sink = WavSink(device)
    await sink.prepare()
    if device == "/dev/full":
        with pytest.raises(OutputError, match="No space left"):
            await play(sink, RAMP)
    else:
        await play(sink, RAMP)
    await sink.aclose()
    assert Path(device).is_char_device()


def read_bytes(descriptor: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(descriptor, count)
    return data


class FullDisk(io.BytesIO):
    """Takes a header and 1000 bytes."""

    name = "/dev/full"

    def write(self, data: object) -> int:
        if self.tell() + len(memoryview(data)) > 1044:  # type: ignore[arg-type]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)  # type: ignore[arg-type]


async def test_a_full_disk_comes_out_of_the_write_once() -> None:
    sink, ring = WavSink(FullDisk()), PcmRing(1)
    sink.start(ring)
    ring.begin()
    ring.write(RAMP[:400])
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device") as caught:
        ring.write(RAMP)
    assert isinstance(caught.value.__cause__, OSError)
    ring.write(RAMP)
    await sink.drain()
    await sink.aclose()


async def test_a_file_that_fails_when_it_is_closed_says_so(tmp_path: Path) -> None:
    class Fails(io.BytesIO):
        def close(self) -> None:
            super().close()
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    sink = WavSink(tmp_path / "a.wav")
    sink._file = Fails()
    await play(sink, RAMP)
    with pytest.raises(OutputError, match=r"a\.wav: Input/output error"):
        await sink.aclose()
    await sink.aclose()


async def test_a_file_that_failed_is_closed_quietly(tmp_path: Path) -> None:
    class Fails(FullDisk):
        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sink = WavSink(tmp_path / "a.wav")
    sink._file = Fails()
    with pytest.raises(OutputError, match="No space left on device"):
        await play(sink, RAMP)
    await sink.aclose()


async def test_a_sink_that_could_not_open_its_file_says_so_each_time_until_it_can(tmp_path: Path) -> None:
    sink = WavSink(tmp_path / "missing" / "x.wav")
    for _ in range(2):
        with pytest.raises(OutputError, match="No such file or directory"):
            await sink.prepare()
    (tmp_path / "missing").mkdir()
    await sink.prepare()
    await sink.aclose()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
async def test_a_sink_that_failed_in_a_speech_takes_no_further_one() -> None:
    sink = WavSink("/dev/full")
    for message in ("No space left on device", "No space left on device|it failed before"):
        with pytest.raises(OutputError, match=message):
            await oggstream.play_stream("Hello.", source="offline", sink=sink)
    await sink.aclose()
