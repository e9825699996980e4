"""The part of sounddevice's interface that oggstream uses, with devices that refuse, fail and hang on demand.

Streams have no thread: a test requests blocks itself, with `FakeStream.ask`.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from oggstream.sinks.portaudio_thread import NAME
from oggstream.threads import CallThread

INVALID_DEVICE, INVALID_RATE, INVALID_CHANNELS, UNAVAILABLE, HOST_ERROR = -9996, -9997, -9998, -9985, -9999


class PortAudioError(Exception):
    """Arguments as in sounddevice: text, code, and for a host error (API, code, text)."""


class FakeStream:
    """An output stream; its clock is `time`, and the device is ``lead`` seconds behind it."""

    def __init__(self, module: FakeSoundDevice, callback: Callable[..., None], **parameters: Any) -> None:
        self.module = module
        self.callback = callback
        self.device: int = parameters["device"]
        self.channels: int = parameters["channels"]
        self.samplerate: float = float(parameters["samplerate"])
        self.latency: float = parameters["latency"]
        self.blocksize: int = parameters["blocksize"]
        self.active = False
        self.closed = False
        self.time = 1000.0
        self.lead = 0.03

    def start(self) -> None:
        self.module.note("start")
        if self.module.start_error is not None:
            raise self.module.start_error
        self.active = True

    def stop(self) -> None:
        self.module.note("stop")
        self.module.closing.wait()
        self.active = False

    def close(self) -> None:
        self.module.note("close")
        self.active = False
        self.closed = True

    def ask(self, frames: int = 480, *, underflow: bool = False) -> list[float]:
        """Call for a block, as the audio thread would, into memory that is dirty; return the samples."""
        out = bytearray(b"\xaa" * (4 * frames * self.channels))
        time = SimpleNamespace(currentTime=self.time, outputBufferDacTime=self.time + self.lead)
        self.callback(out, frames, time, SimpleNamespace(output_underflow=True) if underflow else 0)
        self.time += frames / self.samplerate
        return list(array("f", bytes(out)))

    def vanish(self) -> None:
        """Be the stream of a device that was unplugged: nothing is asked for, and PortAudio says so."""
        self.active = False


class Times(ctypes.Structure):
    """PaStreamCallbackTimeInfo."""

    _fields_ = (("input", ctypes.c_double), ("called", ctypes.c_double), ("dac", ctypes.c_double))


CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.POINTER(Times),
    ctypes.c_ulong,
    ctypes.c_void_p,
)
OUTPUT_UNDERFLOW = 4


def calling(function: int, data: int) -> Callable[..., None]:
    """The callback at an address, in the form of one in Python."""
    native = CALLBACK(function)

    def call(out: bytearray, frames: int, time: Any, status: Any) -> None:
        address = ctypes.addressof(ctypes.c_char.from_buffer(out))
        times = Times(0.0, time.currentTime, time.outputBufferDacTime)
        assert native(None, address, frames, ctypes.byref(times), OUTPUT_UNDERFLOW if status else 0, data) == 0

    return call


class FakeSoundDevice(ModuleType):
    """The module. ``takes`` are the formats (channels, rate) that its devices accept; None: all."""

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.PortAudioError = PortAudioError
        self.default = SimpleNamespace(device={"input": -1, "output": 1})
        self.hosts = ["ALSA", "JACK"]
        self.devices = [device("Microphone", outputs=0), device("Speakers"), device("Headset", host=1, outputs=1)]
        self.takes: list[tuple[int, int]] | None = None
        self.refusal: Exception | None = None
        self.start_error: Exception | None = None
        self.initializing: Exception | None = None
        self.streams: list[FakeStream] = []
        self.tried: list[tuple[int, int]] = []
        self.opening = threading.Event()  # cleared: opening hangs
        self._initialized = 1
        self.listings = 1  # how often the devices were looked for
        self._ffi = SimpleNamespace(cast=lambda kind, value: value)
        self.closing = threading.Event()  # cleared: closing hangs
        self.opening.set()
        self.closing.set()
        self.busy: set[int] = set()  # devices that another program has
        self.calls: list[tuple[str, threading.Thread]] = []  # into PortAudio, and who made them

    def note(self, what: str) -> None:
        self.calls.append((what, threading.current_thread()))

    def query_hostapis(self) -> list[dict[str, Any]]:
        self.note("query")
        return [{"name": name} for name in self.hosts]

    def query_devices(self) -> list[dict[str, Any]]:
        return [{**entry, "index": index} for index, entry in enumerate(self.devices)]

    def RawOutputStream(self, callback: Callable[..., None], **parameters: Any) -> FakeStream:  # noqa: N802  # its name
        self.note("open")
        self.opening.wait()
        if parameters["device"] in self.busy:
            raise PortAudioError("Error opening RawOutputStream: Device unavailable", UNAVAILABLE)
        form = (parameters["channels"], round(parameters["samplerate"]))
        self.tried.append(form)
        if self.refusal is not None:
            raise self.refusal
        if self.takes is not None and form not in self.takes:
            raise self.refused(form)
        self.streams.append(FakeStream(self, callback, **parameters))
        return self.streams[-1]

    def _StreamBase(  # noqa: N802  # its name
        self, kind: str, callback: int, userdata: int, wrap_callback: None, **parameters: Any
    ) -> FakeStream:
        assert (kind, wrap_callback) == ("output", None)
        return self.RawOutputStream(calling(callback, userdata), **parameters)

    def _terminate(self) -> None:
        self.note("terminate")
        assert all(stream.closed for stream in self.streams), "it would take a stream away"
        assert self._initialized == 1
        self._initialized = 0

    def _initialize(self) -> None:
        self.note("initialize")
        if self.initializing is not None:
            raise self.initializing
        self._initialized = 1
        self.listings += 1

    def refused(self, form: tuple[int, int]) -> PortAudioError:
        assert self.takes is not None
        if form[0] in {channels for channels, _ in self.takes}:
            return PortAudioError("Error opening RawOutputStream: Invalid sample rate", INVALID_RATE)
        return PortAudioError("Error opening RawOutputStream: Invalid number of channels", INVALID_CHANNELS)


def device(name: str, *, host: int = 0, outputs: int = 2, rate: float = 44100.0) -> dict[str, Any]:
    """An entry of ``query_devices``."""
    return {
        "name": name,
        "hostapi": host,
        "max_output_channels": outputs,
        "default_samplerate": rate,
        "default_low_output_latency": 0.01,
    }


@pytest.fixture
def sounddevice(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSoundDevice]:
    """A `FakeSoundDevice` in place of the module, for as long as the test runs."""
    module = FakeSoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr("oggstream.sinks.portaudio._running", [])  # streams that a test may leave open
    thread = CallThread(NAME)  # which a test may make hang
    monkeypatch.setattr("oggstream.sinks.portaudio_thread._audio", thread)
    yield module
    thread.retire()
