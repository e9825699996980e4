"""Tests of where sound goes by default."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

import oggstream
from cli_run import names
from oggstream.audio.frame import RATE
from oggstream.audio.ring import PcmRing
from oggstream.cli import fallback
from oggstream.cli.fallback import DeviceOrFile
from oggstream.cli.terminal.console import Console
from oggstream.errors import DeviceError, OutputError, SourceBrokenError
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.sink import SinkFormat, SinkTraits
from scripted import ScriptedSource, spoken


class Missing(NullSink):
    """A device that is not there."""

    async def prepare(self) -> SinkFormat:
        raise DeviceError("no device here")


class Device(NullSink):
    """A device that is there."""

    traits = SinkTraits(name="device")

    def __init__(self) -> None:
        super().__init__(channels=2, rate=44100)
        self.underflows = 5
        self.closings = 0

    def check(self) -> None: ...

    def start(self, ring: PcmRing) -> None:
        super().start(ring)
        self.underflows += 3

    async def aclose(self) -> None:
        await super().aclose()
        self.closings += 1


@pytest.fixture
def no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fallback, "DeviceSink", Missing)
    monkeypatch.setattr(fallback, "_has_output", lambda: False)
    return tmp_path


async def test_a_device_that_vanishes_in_mid_speech_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Vanishing(Device):
        def check(self) -> None:
            raise DeviceError("gone")

    monkeypatch.setattr(fallback, "DeviceSink", Vanishing)
    with pytest.raises(DeviceError, match="gone"):
        await speak(spoken(3.0))


async def speak(*arrivals: bytes | BaseException) -> oggstream.PlaybackReport:
    sink = DeviceOrFile(Console())
    try:
        source = ScriptedSource([(0.0, arrival) for arrival in arrivals])
        return await oggstream.play_stream("Hello.", source=source, sink=sink)
    finally:
        await sink.aclose()


@pytest.mark.looptime
async def test_a_device_that_is_there_is_played_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "DeviceSink", Device)
    report = await speak(spoken(1.0))
    assert report.sink == "device"
    assert report.playout.device_underflows == 3
    assert report.timing.end is not None
    assert report.timing.end > 1


async def test_without_any_output_the_file_is_written_and_it_is_said(
    no_device: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await speak(spoken(1.0))
    assert (report.sink, report.completed) == ("wav", True)
    with wave.open(str(no_device / "speech.wav")) as written:
        assert (written.getframerate(), written.getnchannels(), written.getnframes()) == (RATE, 1, RATE)
    assert capsys.readouterr().err == "oggstream: no device here; writing speech.wav instead\n"


async def test_an_earlier_file_is_kept_and_it_is_said(no_device: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (no_device / "speech.wav").write_bytes(b"precious")
    await speak(spoken(1.0))
    assert (no_device / "speech.wav~").read_bytes() == b"precious"
    assert (no_device / "speech.wav").stat().st_size > 90_000
    assert "the earlier one is now speech.wav~" in capsys.readouterr().err


async def test_a_request_that_fails_touches_no_file(no_device: Path) -> None:
    (no_device / "speech.wav").write_bytes(b"precious")
    with pytest.raises(SourceBrokenError):
        await speak(SourceBrokenError("cut"))
    assert names(no_device) == ["speech.wav"]
    assert (no_device / "speech.wav").read_bytes() == b"precious"


async def test_a_device_that_is_there_and_fails_is_an_error(no_device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "_has_output", lambda: True)
    with pytest.raises(DeviceError, match="no device here"):
        await speak(spoken(1.0))
    assert names(no_device) == []


async def test_a_folder_that_cannot_be_written_is_an_error(no_device: Path) -> None:
    (no_device / "speech.wav").mkdir()
    with pytest.raises(OutputError, match=r"speech\.wav"):
        await speak(spoken(1.0))


async def test_an_earlier_file_that_cannot_be_kept_is_an_error(no_device: Path) -> None:
    (no_device / "speech.wav").write_bytes(b"precious")
    (no_device / "speech.wav~").mkdir()
    with pytest.raises(OutputError, match=r"cannot write speech\.wav"):
        await speak(spoken(1.0))
    assert (no_device / "speech.wav").read_bytes() == b"precious"


@pytest.mark.looptime
async def test_aborting_and_closing_reach_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device()
    monkeypatch.setattr(fallback, "DeviceSink", lambda: device)
    sink = DeviceOrFile(Console())
    assert await sink.prepare() == SinkFormat(2, 44100)
    sink.abort()
    await sink.aclose()
    assert device.closings == 1


@pytest.mark.parametrize(("found", "has"), [([], False), (["one"], True), (DeviceError("no PortAudio"), False)])
def test_an_output_is_what_portaudio_lists(
    found: list[str] | DeviceError, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def devices() -> list[str]:
        if isinstance(found, DeviceError):
            raise found
        return found

    monkeypatch.setattr("oggstream.sinks.portaudio.devices", devices)
    assert fallback._has_output() is has


async def test_a_player_writes_all_that_it_says_into_one_file(no_device: Path) -> None:
    sink = DeviceOrFile(Console(quiet=True))
    source = ScriptedSource([(0.0, spoken(0.5)[:2000]), (0.3, spoken(0.5)[2000:])])
    async with oggstream.Player(source=source, sink=sink) as player:
        reports = [await player.say("One."), await player.say("Two.")]
    await sink.aclose()
    assert names(no_device) == ["speech.wav"]
    with wave.open("speech.wav") as written:
        assert written.getnframes() == 2 * 24000
    assert [report.playout.concealed_seconds for report in reports] == [0, 0]  # nothing can be late
