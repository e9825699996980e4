from __future__ import annotations

import builtins
import ctypes.util
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_sounddevice import (
    HOST_ERROR,
    INVALID_DEVICE,
    UNAVAILABLE,
    FakeSoundDevice,
    FakeStream,
    PortAudioError,
    device,
    sounddevice,
)
from oggstream.errors import DeviceError
from oggstream.sinks import portaudio, portaudio_thread
from oggstream.sinks.devices import OutputDevice
from oggstream.sinks.portaudio import close_output, devices, open_output
from patience import PATIENCE
from pulse import SoundServer, sound_server

__all__ = ["sound_server", "sounddevice"]


def opened(name: str | int | None = None) -> FakeStream:
    stream: FakeStream = open_output(name, lambda *_: None, latency=0.02, blocksize=0)
    return stream


def test_the_outputs_are_listed_without_the_inputs(sounddevice: FakeSoundDevice) -> None:
    assert devices() == [
        OutputDevice(1, "Speakers", "ALSA", 2, 44100, 0.01, default=True),
        OutputDevice(2, "Headset", "JACK", 1, 44100, 0.01, default=False),
    ]


def test_the_real_portaudio_lists_the_speakers(sound_server: SoundServer) -> None:
    assert [(found.name, found.host_api, found.default) for found in devices()] == [
        ("speaker", "ALSA", True),
        ("cd", "ALSA", False),
        ("intercom", "ALSA", False),
    ]


def test_a_stream_is_opened_at_48_khz_with_two_channels(sounddevice: FakeSoundDevice) -> None:
    stream = opened()
    assert (stream.device, stream.channels, stream.samplerate) == (1, 2, 48000)
    assert (stream.latency, stream.blocksize, stream.active) == (0.02, 0, True)


def test_a_device_of_one_channel_gets_one(sounddevice: FakeSoundDevice) -> None:
    assert opened("headset").channels == 1


@pytest.mark.parametrize(
    ("takes", "form"),
    [
        ([(2, 44100)], (2, 44100)),
        ([(2, 32000)], (2, 32000)),
        ([(1, 48000)], (1, 48000)),
        ([(8, 44100), (8, 32000)], (8, 32000)),
        ([(1, 48000), (2, 44100)], (2, 44100)),
    ],
)
def test_a_device_that_refuses_gets_what_it_takes(
    sounddevice: FakeSoundDevice, takes: list[tuple[int, int]], form: tuple[int, int]
) -> None:
    sounddevice.devices[1] = device("Speakers", outputs=8, rate=32000)
    sounddevice.takes = takes
    stream = opened()
    assert (stream.channels, stream.samplerate) == form


def test_a_stereo_device_is_never_asked_for_mono_first(sounddevice: FakeSoundDevice) -> None:
    sounddevice.takes = [(2, 48000)]
    opened()
    assert sounddevice.tried == [(2, 48000)]


def test_a_device_that_takes_nothing_is_an_error_that_lists_what_was_tried(sounddevice: FakeSoundDevice) -> None:
    sounddevice.takes = []
    message = "'Speakers' takes none of these rates and channels: 48000 Hz with 2, 44100 Hz with 2, 48000 Hz with 1,"
    with pytest.raises(DeviceError, match=re.escape(message)) as caught:
        opened()
    assert isinstance(caught.value.__cause__, PortAudioError)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PortAudioError("x: Device unavailable", UNAVAILABLE), "'Speakers' is busy: close the program that uses it"),
        (PortAudioError("x", HOST_ERROR, (0, -16, "Device or resource busy")), "'Speakers' is busy: close"),
        (PortAudioError("x: Invalid device", INVALID_DEVICE), "'Speakers' is gone: connect it, or choose another"),
        (
            PortAudioError("x", HOST_ERROR, (0, -5, "Input/output error")),
            "cannot be opened (Input/output error): choose",
        ),
        (PortAudioError("Out of memory", -9992), "'Speakers' cannot be opened (Out of memory)"),
        (PortAudioError("Odd"), "'Speakers' cannot be opened (Odd)"),
        (PortAudioError(), "'Speakers' cannot be opened (PortAudioError)"),
    ],
)
def test_a_device_that_cannot_be_opened_says_why(sounddevice: FakeSoundDevice, error: Exception, message: str) -> None:
    sounddevice.refusal = error
    with pytest.raises(DeviceError, match=re.escape(message)):
        opened()


def test_a_stream_that_does_not_start_is_closed(sounddevice: FakeSoundDevice) -> None:
    sounddevice.start_error = PortAudioError("Wait timed out", -9987)
    with pytest.raises(DeviceError, match="cannot start the output device 'Speakers': Wait timed out"):
        opened()
    assert sounddevice.streams[0].closed


def test_a_list_that_fails_is_a_device_error(sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise PortAudioError("Error querying device 0")

    monkeypatch.setattr(sounddevice, "query_devices", fail)
    with pytest.raises(DeviceError, match="cannot list the output devices: Error querying device 0"):
        devices()
    with pytest.raises(DeviceError, match="cannot look for the output device: Error querying device 0"):
        opened()


def test_a_call_that_hangs_is_given_up_and_another_thread_takes_over(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portaudio, "CLOSE_SECONDS", 0.02)
    stream = opened()
    sounddevice.closing.clear()
    with pytest.raises(DeviceError, match=r"the audio system did not close the device within 0\.02 s"):
        close_output(stream)
    sounddevice.opening.clear()
    with monkeypatch.context() as patch:
        patch.setattr(portaudio_thread, "CALL_SECONDS", 0.02)
        with pytest.raises(DeviceError, match="the audio system does not answer"):
            opened()
    assert len(devices()) == 2  # on the third thread
    sounddevice.opening.set()
    sounddevice.closing.set()


def test_a_stream_that_opens_after_it_was_given_up_is_closed(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portaudio_thread, "CALL_SECONDS", 0.02)
    sounddevice.opening.clear()
    with pytest.raises(DeviceError, match="the audio system does not answer"):
        opened()
    hanging = sounddevice.calls[-1][1]
    sounddevice.opening.set()
    hanging.join()
    assert [stream.closed for stream in sounddevice.streams] == [True]


def test_all_calls_are_made_by_one_thread_that_is_not_the_callers(sounddevice: FakeSoundDevice) -> None:
    for _ in range(2):
        devices()
        close_output(opened())
        portaudio.refresh()
    assert {what for what, _ in sounddevice.calls} == {
        *("initialize", "query", "open", "start", "stop", "close", "terminate")
    }
    (thread,) = {thread for _, thread in sounddevice.calls}
    assert thread is not threading.current_thread()
    assert (thread.name, thread.daemon) == (portaudio_thread.NAME, True)


def test_where_the_best_device_is_busy_the_next_best_is_opened(sounddevice: FakeSoundDevice) -> None:
    sounddevice.devices = [device("Analog (hw:0,0)"), device("pulse"), device("sysdefault")]
    sounddevice.busy = {1}
    assert opened().device == 2
    sounddevice.busy = {1, 2}
    assert opened().device == 0


def test_where_every_device_is_busy_the_best_one_is_named(sounddevice: FakeSoundDevice) -> None:
    sounddevice.busy = {1, 2}
    with pytest.raises(DeviceError, match="the output device 'Speakers' is busy"):
        opened()


def test_a_device_that_was_chosen_is_not_replaced_by_another(sounddevice: FakeSoundDevice) -> None:
    sounddevice.busy = {1}
    with pytest.raises(DeviceError, match="the output device 'Speakers' is busy"):
        opened("Speakers")


@pytest.mark.parametrize(("wanted", "asked"), [(None, 0.09), (0.03, 0.03)])
def test_a_device_is_asked_for_a_latency_that_its_host_api_can_hold(
    sounddevice: FakeSoundDevice, wanted: float | None, asked: float
) -> None:
    sounddevice.hosts = ["MME"]
    sounddevice.devices = [device("Speakers") | {"default_low_output_latency": 0.09}]
    assert open_output(None, lambda *_: None, latency=wanted).latency == asked


def test_a_frozen_program_starts_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sounddevice itself is loaded, and asks for PortAudio as it does everywhere."""

    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("a process was started")

    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(subprocess, "Popen", refused)
    assert portaudio.default_output() is None
    with portaudio_thread._finding_libraries_without_processes():
        found = ctypes.util.find_library
        assert found("no-such-library") is None
    if sys.platform == "linux":
        assert found is portaudio_thread._find_library
    assert ctypes.util.find_library is not portaudio_thread._find_library


def test_a_program_that_forgets_to_close_ends_without_delay_and_in_silence(sound_server: SoundServer) -> None:
    code = """
import asyncio
from oggstream.sinks.device_sink import DeviceSink

asyncio.run(DeviceSink().prepare())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")


def importing(monkeypatch: pytest.MonkeyPatch, fail: Callable[[], Any]) -> None:
    """Let ``import sounddevice`` do ``fail``."""
    original = builtins.__import__

    def import_(name: str, *args: Any, **kwargs: Any) -> Any:
        return fail() if name == "sounddevice" else original(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", import_)


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", "`sudo apt install libportaudio2`"),
        ("darwin", "`brew install portaudio`"),
        ("win32", "`pip install --force-reinstall sounddevice`"),
    ],
)
def test_a_missing_portaudio_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, platform: str, command: str
) -> None:
    def fail() -> None:
        raise OSError("PortAudio library not found")

    importing(monkeypatch, fail)
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(DeviceError, match=re.escape(command)):
        devices()
    with pytest.raises(DeviceError, match=re.escape(command)):
        opened()


def test_a_missing_sounddevice_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'sounddevice'")

    importing(monkeypatch, fail)
    with pytest.raises(DeviceError, match="sounddevice is not installed: `pip install sounddevice`"):
        devices()


def test_a_portaudio_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise PortAudioError("Error initializing PortAudio: Unanticipated host error", HOST_ERROR)

    importing(monkeypatch, fail)
    with pytest.raises(DeviceError, match="PortAudio does not start: Error initializing PortAudio"):
        devices()


def test_the_devices_are_looked_for_again_when_no_stream_is_open(sounddevice: FakeSoundDevice) -> None:
    stream = opened()
    portaudio.refresh()
    assert sounddevice.listings == 1
    close_output(stream)
    portaudio.refresh()
    assert sounddevice.listings == 2


def test_a_refused_look_is_made_up_for_by_the_next_call(sounddevice: FakeSoundDevice) -> None:
    sounddevice.initializing = PortAudioError("Error initializing PortAudio", HOST_ERROR)
    with pytest.raises(DeviceError, match="cannot look for the output devices again"):
        portaudio.refresh()
    with pytest.raises(DeviceError, match="PortAudio does not start"):
        devices()
    sounddevice.initializing = None
    assert len(devices()) == 2


def test_a_stream_that_cannot_be_stopped_is_closed(sounddevice: FakeSoundDevice) -> None:
    stream = opened()

    def fail() -> None:
        raise PortAudioError("Error stopping stream", UNAVAILABLE)

    stream.stop = fail  # type: ignore[method-assign]
    close_output(stream)
    assert stream.closed


def test_a_stream_is_settled_before_it_starts_and_its_format_may_be_given(sounddevice: FakeSoundDevice) -> None:
    seen: list[tuple[int, bool]] = []
    open_output(
        None,
        lambda *_: None,
        latency=0.02,
        blocksize=0,
        form=(1, 44100),
        before_start=lambda stream: seen.append((stream.channels, stream.active)),
    )
    assert seen == [(1, False)]
    assert sounddevice.tried == [(1, 44100)]


def test_another_process_names_the_default_output(sound_server: SoundServer) -> None:
    assert portaudio.default_output() == "speaker"


def test_a_process_that_knows_no_default_output_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio, "_ASK_DEFAULT", "raise SystemExit(1)")
    assert portaudio.default_output() is None
    monkeypatch.setattr(portaudio, "_ASK_DEFAULT", "input()")
    monkeypatch.setattr(portaudio, "ASK_SECONDS", 0.0)
    assert portaudio.default_output() is None
