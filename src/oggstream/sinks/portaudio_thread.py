"""The one thread that calls PortAudio, by way of sounddevice: loading it there, and its errors as `DeviceError`.

PortAudio's functions must not overlap (portaudio.h leaves that to the caller), and WASAPI wants COM set up on the
thread that opens a stream. So one thread makes all calls, and stays. A call that hangs is left behind with its thread,
and another thread takes over.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from ..errors import DeviceError
from ..threads import CallThread
from .native_messages import log_native_messages

CALL_SECONDS = 10.0  # longest wait for a call
END_SECONDS = 2.0  # the same for the end of PortAudio, when the program ends
NAME = "oggstream-audio"
"""What the thread is called."""

_INSTALL = {
    "linux": "`sudo apt install libportaudio2` (or your system's package of PortAudio)",
    "darwin": "`brew install portaudio`",
}

T = TypeVar("T")


def _set_up_com() -> None:
    """On Windows: PortAudio does it on the thread that it is first initialised on, which may be the program's own."""
    if sys.platform == "win32":
        ctypes.windll.ole32.CoInitializeEx(None, 2)  # COINIT_APARTMENTTHREADED, as PortAudio does


_audio = CallThread(NAME, _set_up_com)


def on_audio_thread(
    call: Callable[[], T],
    seconds: float | None = None,
    *,
    late: str = "the audio system does not answer: restart it (on Linux the sound server), or this program",
    abandoned: Callable[[T], object] | None = None,
) -> T:
    """Run ``call`` on the audio thread; ``seconds`` is 10 s, else as for `CallThread.call`. Blocks the caller.

    Raises what ``call`` raises, and a `DeviceError` that says ``late`` after that time.
    """
    try:
        return _audio.call(call, CALL_SECONDS if seconds is None else seconds, abandoned=abandoned)
    except TimeoutError as error:
        raise DeviceError(late) from error


def is_frozen() -> bool:
    """Whether this program is an executable made by PyInstaller or the like."""
    return bool(vars(sys).get("frozen"))


@contextmanager
def translated(sounddevice: Any, attempt: str) -> Iterator[None]:
    """Name what was attempted when PortAudio refuses."""
    try:
        yield
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"cannot {attempt}: {reason_of(error)}") from error


def reason_of(error: Any) -> str:
    """The host's own words where it has some, else PortAudio's; not ``str``, which asks the library again."""
    if len(error.args) > 2 and error.args[2][2]:
        return str(error.args[2][2])
    return str(error.args[0]) if error.args else type(error).__name__


# On the audio thread.


def load() -> Any:
    """The module sounddevice, with PortAudio initialised. Raises `DeviceError` where it cannot be loaded."""
    try:
        if "sounddevice" not in sys.modules:
            _import_sounddevice()
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


def unload() -> None:
    """End PortAudio, if it was begun: the next call begins it anew, in the environment as it is then. Blocks."""
    sounddevice = sys.modules.get("sounddevice")
    if sounddevice is not None and sounddevice._initialized:  # noqa: SLF001  # as above
        on_audio_thread(sounddevice._terminate)  # noqa: SLF001


def _import_sounddevice() -> None:
    """Import it, which initialises PortAudio, and see that the audio thread ends PortAudio, too."""
    log_native_messages()
    with _finding_libraries_without_processes():
        import sounddevice

    if (ending := vars(sounddevice).get("_exit_handler")) is not None:
        atexit.unregister(ending)
        atexit.register(_end, ending)


def _end(ending: Callable[[], None]) -> None:
    """When the interpreter ends: close all streams and PortAudio, or leave one that hangs to the system."""
    with suppress(TimeoutError, RuntimeError):  # no thread can be started any more
        _audio.call(ending, END_SECONDS)


@contextmanager
def _finding_libraries_without_processes() -> Iterator[None]:
    """In a frozen program: on Linux, ``ctypes.util.find_library``, which sounddevice asks, starts ldconfig and gcc."""
    import ctypes.util

    original = ctypes.util.find_library
    if is_frozen() and sys.platform == "linux":
        ctypes.util.find_library = _find_library
    try:
        yield
    finally:
        ctypes.util.find_library = original


def _find_library(name: str) -> str | None:
    """The library ``name`` beside the program, or where the system's linker looks."""
    file = f"lib{name}.so.2"
    for path in (os.path.join(str(vars(sys).get("_MEIPASS", "")), file), file):
        with suppress(OSError):
            ctypes.CDLL(path)
            return path
    return None
