"""A virtual sound card: a private PulseAudio with a null output, and sinks for it."""

from __future__ import annotations

import asyncio
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

TAIL_BYTES = 48000 * 8 // 5  # 0.2 s


@contextlib.contextmanager
def plugged_in() -> Iterator[None]:
    """Make the virtual card the only device of this process, which must not have loaded PortAudio yet."""
    folder = tempfile.mkdtemp(prefix="oggstream-card-")
    server = f"unix:{folder}/native"
    command = [
        *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--system=no"),
        "--disable-shm=yes",
        f"--load=module-native-protocol-unix socket={folder}/native auth-anonymous=1",
        "--load=module-null-sink sink_name=SINK format=float32le rate=48000 channels=2 norewinds=1",
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


@contextlib.contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Record the card's output into ``path``, float32 in two channels, until a little after the block."""
    command = ["parec", "--raw", "--device=SINK.monitor", "--format=float32le", "--rate=48000", "--channels=2"]
    with path.open("wb") as file:
        process = subprocess.Popen([*command, "--latency-msec=10"], stdout=file, stderr=subprocess.DEVNULL)
    try:
        _grow(path, 1)
        yield
        _grow(path, path.stat().st_size + TAIL_BYTES)
    finally:
        process.terminate()
        process.wait()


def _grow(path: Path, size: int) -> None:
    while path.stat().st_size < size:
        time.sleep(0.01)


class Notes:
    """Notes of a sink's stream while the block runs: its lead on the converter and its period, in samples."""

    def __init__(self, sink: DeviceSink) -> None:
        self.leads: list[float] = []
        self.samples: list[int] = []
        self._sink = sink

    async def take(self) -> None:
        """Take notes until cancelled."""
        while True:
            output = self._sink._stream.output  # noqa: SLF001
            if output is not None and output.callbacks:
                lead, samples = output.latest
                self.leads.append(lead)
                self.samples.append(samples)
            await asyncio.sleep(0.01)


def empty_sink() -> DeviceSink:
    """Return a DeviceSink whose callback does nothing: in Python, or the C callback without a ring."""
    from oggstream import DeviceSink
    from oggstream.sinks.stream_callback import PythonCallback

    class EmptyOutput(PythonCallback):
        def _call(self, out: Any, frames: int, time: Any, status: Any) -> None:
            pass

    sink = DeviceSink()
    if sink.callback == "python":
        sink._stream.make_callback = EmptyOutput  # noqa: SLF001
    return sink
