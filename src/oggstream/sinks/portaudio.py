"""PortAudio's outputs: listing, opening and closing them.

The functions here wait for the audio thread (`oggstream.sinks.portaudio_thread`), within a time limit: call them in a
thread.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

from ..audio.frame import RATE
from ..errors import DeviceError
from .devices import OutputDevice, candidates, latency_for
from .native import CallbackAddress
from .portaudio_thread import is_frozen, load, on_audio_thread, reason_of, translated
from .priority import raised_for_new_threads

CLOSE_SECONDS = 2.0  # longest wait to stop and close a stream

# PaErrorCode of portaudio.h.
_HOST_ERROR, _BAD_DEVICE, _BAD_RATE, _BAD_CHANNELS = -9999, -9996, -9997, -9998
_UNAVAILABLE, _BAD_FORMAT = -9985, -9994
_REFUSALS = (_BAD_RATE, _BAD_CHANNELS, _BAD_FORMAT, _HOST_ERROR)  # worth trying another format

ASK_SECONDS = 5.0  # longest wait for another process to list the devices
_ASK_DEFAULT = "import sounddevice; print(sounddevice.query_devices(kind='output')['name'])"

Latency: TypeAlias = float | Callable[[OutputDevice], float] | None
_running: list[Any] = []  # the streams that are open


def devices() -> list[OutputDevice]:
    """All outputs there are, the default one flagged. Raises `DeviceError` without PortAudio."""

    def list_them() -> list[OutputDevice]:
        sounddevice = load()
        with translated(sounddevice, "list the output devices"):
            return _outputs(sounddevice)

    return on_audio_thread(list_them)


def open_output(
    device: str | int | None,
    callback: Callable[..., None] | CallbackAddress,
    *,
    latency: Latency = None,
    blocksize: int = 0,
    form: tuple[int, int] | None = None,
    before_start: Callable[[Any], object] | None = None,
) -> Any:
    """Open and start a float32 output stream that asks ``callback`` for samples.

    ``device`` is as for `candidates`: where the best one is busy or refuses, the next is tried. 48 kHz and two channels
    where the device takes them, one where it has one, else what it does take; with ``form`` those channels and that
    rate or nothing. ``latency`` is in seconds, or a function that gives it for a device. ``before_start`` gets the
    stream before it asks for the first sample. The
    stream is sounddevice's RawOutputStream, or with a callback in C its base class. Raises `DeviceError`.
    """
    wish = _Wish(callback, latency, blocksize, form, before_start)
    return on_audio_thread(lambda: _open_best(device, wish), abandoned=_close)


def close_output(stream: Any) -> None:
    """Stop and close a stream. What the device still holds is dropped on some systems (ALSA), played on others.

    Raises `DeviceError` where the audio system does not do so within 2 s.
    """
    late = f"the audio system did not close the device within {CLOSE_SECONDS:g} s"
    on_audio_thread(lambda: _close(stream), CLOSE_SECONDS, late=late)


def refresh() -> None:
    """Have PortAudio look again at what devices there are, unless a stream of ours is open, for it would be closed."""

    def look() -> None:
        sounddevice = load()
        if not _running:
            with translated(sounddevice, "look for the output devices again"):
                sounddevice._terminate()  # noqa: SLF001  # the only way: PortAudio lists its devices once
                sounddevice._initialize()  # noqa: SLF001

    on_audio_thread(look)


def default_output() -> str | None:
    """The name of what is the default output now, asked in a process of its own; None if that does not answer.

    PortAudio lists its devices once, and would have to close all streams to list them again. A frozen program has no
    interpreter to start, so there None is the answer.
    """
    if is_frozen():
        return None
    command = [sys.executable, "-P", "-c", _ASK_DEFAULT]
    try:
        done = subprocess.run(  # noqa: S603  # a constant
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def version() -> tuple[str, str]:
    """What PortAudio calls itself, and the file that it was loaded from, if known. Raises `DeviceError`."""

    def ask() -> tuple[str, str]:
        sounddevice = load()
        return str(sounddevice.get_portaudio_version()[1]), str(vars(sounddevice).get("_libname") or "")

    return on_audio_thread(ask)


# On the audio thread.


class _Wish(NamedTuple):
    """What `open_output` was asked for."""

    callback: Callable[..., None] | CallbackAddress
    latency: Latency
    blocksize: int
    form: tuple[int, int] | None
    before_start: Callable[[Any], object] | None


def _open_best(device: str | int | None, wish: _Wish) -> Any:
    """The first stream that opens and starts. Raises the `DeviceError` of the best device."""
    sounddevice = load()
    with translated(sounddevice, "look for the output device"):
        outputs = _outputs(sounddevice)
    refusal: DeviceError | None = None
    for found in candidates(outputs, device):
        try:
            with raised_for_new_threads():
                return _open_and_start(sounddevice, found, wish)
        except DeviceError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _open_and_start(sounddevice: Any, device: OutputDevice, wish: _Wish) -> Any:
    stream = _open(
        sounddevice,
        device,
        [wish.form] if wish.form else _formats(device),
        callback=wish.callback,
        latency=wish.latency(device) if callable(wish.latency) else latency_for(device, wish.latency),
        blocksize=wish.blocksize,
    )
    if wish.before_start is not None:
        wish.before_start(stream)
    try:
        with translated(sounddevice, f"start the output device {device.name!r}"):
            stream.start()
    except DeviceError:
        stream.close()
        raise
    _running.append(stream)
    return stream


def _close(stream: Any) -> None:
    # Not abort: on ALSA it cancels the audio thread wherever it is, which may be inside the interpreter.
    with suppress(Exception):  # a device that is gone cannot be stopped
        stream.stop()
    with suppress(Exception):
        stream.close()
    _running.remove(stream)


def _outputs(sounddevice: Any) -> list[OutputDevice]:
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device["output"]
    return [
        OutputDevice(
            index=info["index"],
            name=info["name"],
            host_api=apis[info["hostapi"]]["name"],
            channels=info["max_output_channels"],
            rate=round(info["default_samplerate"]),
            latency=info["default_low_output_latency"],
            default=info["index"] == default,
            host_default=info["index"] == apis[info["hostapi"]].get("default_output_device"),
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


def _stream(sounddevice: Any, *, callback: Callable[..., None] | CallbackAddress, **parameters: Any) -> Any:
    """A stream whose callback is a function, or C: then sounddevice passes two addresses on and is not called."""
    if not isinstance(callback, CallbackAddress):
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
    name, code, reason = repr(device.name), _code(error), reason_of(error)
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
