"""Tests of ``devices``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli_run import inside
from oggstream.cli.commands import devices as module
from oggstream.errors import DeviceError
from oggstream.sinks.devices import OutputDevice

if TYPE_CHECKING:
    import pytest

FOUND = [
    OutputDevice(index=2, name="Speakers", host_api="ALSA", channels=2, rate=48000, latency=0.01, default=True),
    OutputDevice(index=11, name="A \x1bheadset", host_api="JACK", channels=1, rate=44100, latency=0.02, default=False),
]


def answer(monkeypatch: pytest.MonkeyPatch, found: list[OutputDevice] | DeviceError) -> None:
    def devices() -> list[OutputDevice]:
        if isinstance(found, DeviceError):
            raise found
        return found

    monkeypatch.setattr(module, "output_devices", devices)


def test_outputs_are_listed_with_the_default_one_marked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, FOUND)
    result = inside(capsys, "devices")
    assert (result.status, result.err) == (0, "")
    head, first, second, hint = result.out.decode().splitlines()
    assert head.split() == ["index", "channels", "rate", "name", "by", "way", "of"]
    assert first.split() == ["*", "2", "2", "48000", "Speakers", "ALSA"]
    assert second.split() == ["11", "1", "44100", "A", "\\x1bheadset", "JACK"]
    assert "--device" in hint


def test_json_has_them_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, FOUND)
    report = inside(capsys, "devices", "--json").report
    assert report["completed"] is True
    assert report["devices"][0] == {
        "index": 2,
        "name": "Speakers",
        "host_api": "ALSA",
        "channels": 2,
        "rate": 48000,
        "latency": 0.01,
        "default": True,
        "host_default": False,
    }


def test_no_output_is_said_and_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, [])
    result = inside(capsys, "devices")
    assert (result.status, result.out) == (0, b"")
    assert "no output device" in result.err
    assert inside(capsys, "devices", "--json").report["devices"] == []


def test_no_portaudio_is_an_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, DeviceError("PortAudio was not found: install it with `magic`"))
    result = inside(capsys, "devices")
    assert (result.status, result.out) == (1, b"")
    assert result.err == "oggstream: error: PortAudio was not found: install it with `magic`\n"
    result = inside(capsys, "devices", "--json")
    assert result.status == 1
    assert result.report["error"]["type"] == "DeviceError"
