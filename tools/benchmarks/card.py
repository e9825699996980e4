"""A sound card that is none: a private PulseAudio whose output nobody hears, and sinks for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oggstream import DeviceSink


@contextlib.contextmanager
def plugged_in() -> Iterator[None]:
    """Make the virtual card the only device of this process, which must not have loaded PortAudio yet."""
    folder = tempfile.mkdtemp(prefix="oggstream-card-")
    server = f"unix:{folder}/native"
    command = [
        *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--system=no"),
        "--disable-shm=yes",
        f"--load=module-native-protocol-unix socket={folder}/native auth-anonymous=1",
        "--load=module-null-sink sink_name=SINK rate=48000 channels=2 norewinds=1",
    ]
    config = Path(folder, "asound.conf")
    config.write_text(
        f'pcm.!default {{ type pulse server "{server}" }}\nctl.!default {{ type pulse server "{server}" }}\n'
    )
    environment = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "PULSE_RUNTIME_PATH": folder}
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    os.environ["ALSA_CONFIG_PATH"] = str(config)
    os.environ["PULSE_SERVER"] = server
    try:
        while not Path(folder, "native").exists():
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def noting_sink() -> Any:
    """Return a DeviceSink that notes its stream's lead on the converter and its period, in seconds, per callback."""
    from oggstream import DeviceSink

    class NotingSink(DeviceSink):
        def __init__(self) -> None:
            super().__init__()
            self.leads: list[float] = []
            self.samples: list[int] = []

        def _callback(self, out: Any, frames: int, time: Any, status: Any) -> None:
            self.leads.append(time.outputBufferDacTime - time.currentTime)
            self.samples.append(frames)
            super()._callback(out, frames, time, status)

    return NotingSink()


def empty_sink() -> DeviceSink:
    """Return a DeviceSink whose callback does nothing."""
    from oggstream import DeviceSink

    class EmptySink(DeviceSink):
        def _callback(self, out: Any, frames: int, time: Any, status: Any) -> None:
            pass

    return EmptySink()
