"""PortAudio, by way of sounddevice: loading it, its outputs, opening one; its errors become `DeviceError` here.

All of this may block (a hung sound server, Bluetooth): call it in a thread. PortAudio's functions that open, close or
list must not overlap (portaudio.h leaves that to the caller), so they run under one lock.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ..audio.frame import RATE
from ..errors import DeviceError
from .native import NativeCallback

LOCK_SECONDS = 10.0  # after which another thread's call is taken to hang

_INSTALL = {
    "linux": "`sudo apt install libportaudio2` (or your system's package of PortAudio)",
    "darwin": "`brew install portaudio`",
}
# PaErrorCode of portaudio.h.
_HOST_ERROR, _BAD_DEVICE, _BAD_RATE, _BAD_CHANNELS = -9999, -9996, -9997, -9998
_UNAVAILABLE, _BAD_FORMAT = -9985, -9994
_REFUSALS = (_BAD_RATE, _BAD_CHANNELS, _BAD_FORMAT, _HOST_ERROR)  # worth trying another format

ASK_SECONDS = 5.0  # longest wait for another process to list the devices
_ASK_DEFAULT = "import sounddevice; print(sounddevice.query_devices(kind='output')['name'])"

_lock = Lock()
_running: list[Any] = []  # the streams that are open


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """An output as PortAudio lists it.

    ``index`` is PortAudio's number of it, ``channels`` the most it takes, ``rate`` its own samples per second,
    ``latency`` the seconds that it calls its low latency; ``default`` says that it is the system's default output.
    """

    index: int
    name: str
    host_api: str
    channels: int
    rate: int
    latency: float
    default: bool


def devices() -> list[OutputDevice]:
    """All outputs there are, the default one flagged. Raises `DeviceError` without PortAudio."""
    with _locked():
        sounddevice = load()
        with _translated(sounddevice, "list the output devices"):
            return _outputs(sounddevice)


def open_output(
    device: str | int | None,
    callback: Callable[..., None] | NativeCallback,
    *,
    latency: float,
    blocksize: int,
    form: tuple[int, int] | None = None,
    before_start: Callable[[Any], object] | None = None,
) -> Any:
    """Open and start a float32 output stream that asks ``callback`` for samples.

    48 kHz and two channels where the device takes them, one where it has one, else what it does take; with ``form``
    those channels and that rate or nothing. ``before_start`` gets the stream before it asks for the first sample. The
    stream is sounddevice's RawOutputStream, or with a callback in C its base class. Raises `DeviceError`.
    """
    with _locked():
        sounddevice = load()
        with _translated(sounddevice, "look for the output device"):
            outputs = _outputs(sounddevice)
        found = find(outputs, device)
        stream = _open(
            sounddevice,
            found,
            [form] if form else _formats(found),
            callback=callback,
            latency=latency,
            blocksize=blocksize,
        )
        if before_start is not None:
            before_start(stream)
        try:
            with _translated(sounddevice, f"start the output device {found.name!r}"):
                stream.start()
        except DeviceError:
            stream.close()
            raise
        _running.append(stream)
        return stream


def close_output(stream: Any) -> None:
    """Stop and close a stream. What the device still holds is dropped on some systems (ALSA), played on others."""
    with _locked():
        # Not abort: on ALSA it cancels the audio thread wherever it is, which may be inside the interpreter.
        with suppress(Exception):  # a device that is gone cannot be stopped
            stream.stop()
        with suppress(Exception):
            stream.close()
        _running.remove(stream)


def refresh() -> None:
    """Have PortAudio look again at what devices there are, unless a stream of ours is open, for it would be closed."""
    with _locked():
        sounddevice = load()
        if not _running:
            with _translated(sounddevice, "look for the output devices again"):
                sounddevice._terminate()  # noqa: SLF001  # the only way: PortAudio lists its devices once
                sounddevice._initialize()  # noqa: SLF001


def default_output() -> str | None:
    """The name of what is the default output now, asked in a process of its own; None if that does not answer.

    PortAudio lists its devices once, and would have to close all streams to list them again.
    """
    command = [sys.executable, "-P", "-c", _ASK_DEFAULT]
    try:
        done = subprocess.run(  # noqa: S603  # a constant
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def load() -> Any:
    """The module sounddevice, with PortAudio initialised. Raises `DeviceError` where it cannot be loaded."""
    try:
        import sounddevice

        if not sounddevice._initialized:  # noqa: SLF001  # `refresh` was refused
            sounddevice._initialize()  # noqa: SLF001
    except OSError as error:
        install = _INSTALL.get(sys.platform, "`pip install --force-reinstall sounddevice`, which carries it")
        raise DeviceError(f"PortAudio, which plays the sound, was not found: install it with {install}") from error
    except ImportError as error:
        raise DeviceError("sounddevice is not installed: `pip install sounddevice`") from error
    except Exception as error:  # its PortAudioError, which cannot be imported now
        raise DeviceError(f"PortAudio does not start: {error.args[0] if error.args else error}") from error
    return sounddevice


def find(outputs: list[OutputDevice], device: str | int | None) -> OutputDevice:
    """The output that ``device`` means: an index, a name, a part of a name, or None for the default one.

    A name is compared without regard to case, whole names first. Raises `DeviceError`, listing what there is.
    """
    if not outputs:
        raise DeviceError("there is no output device: connect or enable one, or use the sink wav:PATH")
    if device is None:
        return next((output for output in outputs if output.default), outputs[0])
    matches = _matches(outputs, device)
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise DeviceError(f"there is no output device {device!r}: choose one of {_listed(outputs)}")
    raise DeviceError(f"{device!r} may be any of {_listed(matches)}: give the index")


def _matches(outputs: list[OutputDevice], device: str | int) -> list[OutputDevice]:
    """By index, else by whole name (with or without the host API), else by a part of it; the first way that finds."""
    indexed = [output for output in outputs if str(output.index) == str(device)]
    if isinstance(device, int) or indexed:
        return indexed
    wanted = device.casefold()
    names = [(output, output.name.casefold(), f"{output.name}, {output.host_api}".casefold()) for output in outputs]
    whole = [output for output, name, full in names if wanted in (name, full)]
    return whole or [output for output, _, full in names if wanted in full]


def _listed(outputs: list[OutputDevice]) -> str:
    return ", ".join(f"{output.name!r} ({output.index}, {output.host_api})" for output in outputs)


def _outputs(sounddevice: Any) -> list[OutputDevice]:
    apis = [api["name"] for api in sounddevice.query_hostapis()]
    default = sounddevice.default.device["output"]
    return [
        OutputDevice(
            index=info["index"],
            name=info["name"],
            host_api=apis[info["hostapi"]],
            channels=info["max_output_channels"],
            rate=round(info["default_samplerate"]),
            latency=info["default_low_output_latency"],
            default=info["index"] == default,
        )
        for info in sounddevice.query_devices()
        if info["max_output_channels"] > 0
    ]


def _open(sounddevice: Any, device: OutputDevice, formats: list[tuple[int, int]], **parameters: Any) -> Any:
    """Open the stream in the first of ``formats`` (channels, rate) that the device takes."""
    refusal = None
    for channels, rate in formats:
        try:
            return _stream(
                sounddevice, samplerate=rate, channels=channels, dtype="float32", device=device.index, **parameters
            )
        except sounddevice.PortAudioError as error:
            if _code(error) not in _REFUSALS:
                raise DeviceError(_opening_failed(device, error, formats)) from error
            refusal = refusal or error
    raise DeviceError(_opening_failed(device, refusal, formats)) from refusal


def _stream(sounddevice: Any, *, callback: Callable[..., None] | NativeCallback, **parameters: Any) -> Any:
    """A stream whose callback is a function, or C: then sounddevice passes two addresses on and is not called."""
    if not isinstance(callback, NativeCallback):
        return sounddevice.RawOutputStream(callback=callback, **parameters)
    function = sounddevice._ffi.cast("PaStreamCallback *", callback.function)  # noqa: SLF001  # its way for libraries
    data = sounddevice._ffi.cast("void *", callback.data)  # noqa: SLF001
    return sounddevice._StreamBase(kind="output", callback=function, userdata=data, wrap_callback=None, **parameters)  # noqa: SLF001


def _formats(device: OutputDevice) -> list[tuple[int, int]]:
    """Channels and rates to try, the best first."""
    channels = [1, 2] if device.channels == 1 else [2, device.channels, 1]
    rates = [RATE, device.rate, 44100]
    return list(dict.fromkeys((count, rate) for count in channels for rate in rates))


def _opening_failed(device: OutputDevice, error: Any, formats: list[tuple[int, int]]) -> str:
    name, code, reason = repr(device.name), _code(error), _reason(error)
    if code == _UNAVAILABLE or "busy" in reason.lower():
        return f"the output device {name} is busy: close the program that uses it, or choose another device"
    if code == _BAD_DEVICE:
        return f"the output device {name} is gone: connect it, or choose another"
    if code == _HOST_ERROR:
        return f"the output device {name} cannot be opened ({reason}): choose another"
    if code in _REFUSALS:
        tried = ", ".join(f"{rate} Hz with {channels}" for channels, rate in formats)
        return f"the output device {name} takes none of these rates and channels: {tried}; choose another device"
    return f"the output device {name} cannot be opened ({reason})"


def _code(error: Any) -> int:
    return error.args[1] if len(error.args) > 1 else 0


def _reason(error: Any) -> str:
    """The host's own words where it has some, else PortAudio's; not ``str``, which asks the library again."""
    if len(error.args) > 2 and error.args[2][2]:
        return str(error.args[2][2])
    return str(error.args[0]) if error.args else type(error).__name__


@contextmanager
def _locked() -> Iterator[None]:
    if not _lock.acquire(timeout=LOCK_SECONDS):
        raise DeviceError("the audio system does not answer: restart it (on Linux the sound server), or this program")
    try:
        yield
    finally:
        _lock.release()


@contextmanager
def _translated(sounddevice: Any, attempt: str) -> Iterator[None]:
    """Name what was attempted when PortAudio refuses."""
    try:
        yield
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"cannot {attempt}: {_reason(error)}") from error
