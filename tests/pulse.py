"""A private PulseAudio with null sinks, reached by PortAudio as the only output devices, and recorded.

Import the fixture where it is used: ``from pulse import sound_server``. It needs no sound card, no systemd and no
user session. PortAudio reads its environment when it is initialised, so the fixture initialises it again when the
server is up, and once more when it is gone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oggstream.sinks.portaudio_thread import on_audio_thread
from patience import PATIENCE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROGRAMS = ("pulseaudio", "pactl", "parec")
INSTALL = "sudo apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2"
UP_SECONDS = PATIENCE
TAIL_SECONDS = 0.2  # of silence, recorded after what is to be recorded

SPEAKERS = {  # the server's sinks, by name, and their formats; the first one is PortAudio's default output
    "speaker": "format=float32le rate=48000 channels=2",
    "cd": "format=s16le rate=44100 channels=2",
    "intercom": "format=float32le rate=48000 channels=1",
}


class Recording:
    """What a speaker plays: ``samples`` has shape (samples, channels), 48 kHz and two channels unless told."""

    def __init__(self, path: Path, channels: int) -> None:
        self._path = path
        self._channels = channels

    @property
    def samples(self) -> NDArray[np.float32]:
        import numpy as np

        data = self._path.read_bytes()
        return np.frombuffer(data[: len(data) // (4 * self._channels) * 4 * self._channels], np.float32).reshape(
            -1, self._channels
        )

    @property
    def sound(self) -> NDArray[np.float32]:
        """The samples from the first one that is not silent to the last one."""
        import numpy as np

        samples = self.samples
        loud = np.flatnonzero(np.any(samples != 0, axis=1))
        return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]

    async def grow(self, seconds: float, rate: int) -> None:
        """Wait until that much more is recorded."""
        goal = self._size() + round(seconds * rate) * 4 * self._channels
        async with asyncio.timeout(UP_SECONDS):
            while self._size() < goal:  # noqa: ASYNC110  # the file is another process's: there is no event
                await asyncio.sleep(0.01)

    def _size(self) -> int:
        return self._path.stat().st_size


def forget_jack() -> None:
    """Remove JACK's database where no JACK server runs: a process that was killed may have left it locked, and then
    PortAudio, which asks JACK for its devices, waits for ever.
    """
    if sys.platform == "linux" and not _jack_runs():
        shutil.rmtree(f"/dev/shm/jack_db-{os.getuid()}", ignore_errors=True)


def _jack_runs() -> bool:
    for name in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if name.read_text().strip() in ("jackd", "jackdbus"):
                return True
    return False


class SoundServer:
    """A running PulseAudio; ``environment`` is what a process needs to play into it, through ALSA or directly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "native"
        self._process: subprocess.Popen[bytes] | None = None
        private = ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH", "PULSE_CONFIG_PATH")
        self.environment = {
            **dict.fromkeys(private, str(folder)),
            "PULSE_SERVER": f"unix:{self._socket}",
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }

    def start(self) -> None:
        """Start the daemon, and wait until it can be reached."""
        devices = [f'pcm.{name} {{ type pulse server "unix:{self._socket}" device "{name}" }}' for name in SPEAKERS]
        devices.append("pcm.absent { type hw card 99 }")  # PortAudio 19.6 asserts that one cannot be opened
        (self._folder / "asound.conf").write_text("\n".join(devices) + "\n")
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-level=0"]
        command += ["-L", f"module-native-protocol-unix socket={self._socket} auth-anonymous=1"]
        for name, form in SPEAKERS.items():
            # Without norewinds the sink works in blocks of 2 s and loses the first 50 ms.
            command += ["-L", f"module-null-sink sink_name={name} norewinds=1 {form}"]
        self._process = subprocess.Popen(
            command, env=os.environ | self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + UP_SECONDS
        while self._run("pactl", "info").returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("the private PulseAudio does not come up")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the daemon; devices that are open on it lose their stream."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def unplug(self, speaker: str) -> None:
        """Take a speaker away; what plays on it loses its stream."""
        modules = self._run("pactl", "list", "short", "modules").stdout.decode().splitlines()
        number = next(line.split("\t")[0] for line in modules if f"sink_name={speaker} " in line)
        assert self._run("pactl", "unload-module", number).returncode == 0

    def plug_in(self, speaker: str) -> None:
        """Bring it back."""
        arguments = [f"sink_name={speaker}", "norewinds=1", *SPEAKERS[speaker].split()]
        assert self._run("pactl", "load-module", "module-null-sink", *arguments).returncode == 0

    @asynccontextmanager
    async def recording(
        self, speaker: str = "speaker", *, rate: int = 48000, channels: int = 2
    ) -> AsyncIterator[Recording]:
        """Record what ``speaker`` plays while the block runs and a little longer."""
        path = self._folder / f"{speaker}-{time.monotonic_ns()}.f32"
        command = ["parec", "--raw", f"--device={speaker}.monitor", "--format=float32le", "--latency-msec=10"]
        with path.open("wb") as file:
            process = subprocess.Popen(  # noqa: ASYNC220  # a millisecond, and no child watcher to leave behind
                [*command, f"--rate={rate}", f"--channels={channels}"],
                env=os.environ | self.environment,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
        try:
            recording = Recording(path, channels)
            await recording.grow(0.01, rate)
            yield recording
            await recording.grow(TAIL_SECONDS, rate)
        finally:
            process.terminate()
            process.wait()

    def _run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, env=os.environ | self.environment, capture_output=True, check=False)


def sounddevice() -> Any:
    """The module, with PortAudio initialised for the environment as it is now: behind a device that is still closed."""
    return on_audio_thread(_begun_anew)


def _begun_anew() -> Any:
    initialised = "sounddevice" not in sys.modules
    import sounddevice

    if not initialised:
        while sounddevice._initialized:  # more than once where a device was lost in the midst of it
            sounddevice._terminate()
        sounddevice._initialize()
    return sounddevice


@pytest.fixture
def sound_server() -> Iterator[SoundServer]:
    """A `SoundServer` that is running, and whose speakers are all the devices that PortAudio knows."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: {INSTALL}")
    with tempfile.TemporaryDirectory(prefix="pulse") as folder:  # a short path: it holds a socket
        server = SoundServer(Path(folder))
        server.start()
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in server.environment.items():
                    patch.setenv(name, value)
                try:
                    sounddevice()
                except OSError:
                    pytest.skip(f"no PortAudio: {INSTALL}")
                yield server
        finally:
            server.stop()
            if "sounddevice" in sys.modules:
                sounddevice()
