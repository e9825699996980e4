"""Makes a process lack something, or hang, as ``OGGSTREAM_TRICK`` says. Python imports it at its start.

``OGGSTREAM_REACHED`` is a file that is created when a hanging call has begun.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import socket
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

MISSING = {"libopus": ("opus",), "portaudio": ("portaudio",)}


def hang(*_: object, **__: object) -> NoReturn:
    """Say that it has come this far, and stay."""
    Path(os.environ["OGGSTREAM_REACHED"]).touch()
    time.sleep(60)
    raise OSError("nobody waits that long")


def hide(parts: tuple[str, ...]) -> None:
    """Let libraries with these words in their names be missing, wherever they are looked for."""
    load, find = ctypes.CDLL.__init__, ctypes.util.find_library

    def load_others(self: Any, name: Any, *args: Any, **kwargs: Any) -> None:
        if any(part in Path(str(name)).name for part in parts):
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        load(self, name, *args, **kwargs)

    ctypes.CDLL.__init__ = load_others  # type: ignore[method-assign]
    ctypes.util.find_library = lambda name: None if any(part in name for part in parts) else find(name)


def hanging_sound() -> ModuleType:
    """A sounddevice with one output, which takes for ever to open."""
    module: Any = ModuleType("sounddevice")
    module.PortAudioError = RuntimeError
    module.default = SimpleNamespace(device={"input": -1, "output": 0})
    module.query_hostapis = lambda: [{"name": "ALSA"}]
    output = {"index": 0, "name": "Hanging", "hostapi": 0, "max_output_channels": 2}
    rates = {"default_samplerate": 48000.0, "default_low_output_latency": 0.01}
    module.query_devices = lambda: [{**output, **rates}]
    module.RawOutputStream = module._StreamBase = hang
    module._ffi = SimpleNamespace(cast=lambda _, value: value)
    module._initialized = 1
    return module  # type: ignore[no-any-return]


trick = os.environ.get("OGGSTREAM_TRICK", "")
if trick in MISSING:
    hide(MISSING[trick])
elif trick == "names":
    socket.getaddrinfo = hang
elif trick == "device":
    sys.modules["sounddevice"] = hanging_sound()
