"""The decoders in the comparison. Each returns float32 PCM of the first channel at 48 kHz, or raises `Refused`.

Each is used as its own documentation shows, with nothing added that would repair a stream. Each stream is decoded in a
process of its own (see `play`), because some decoders crash it.
"""

from __future__ import annotations

import ctypes
import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]
SECONDS = 20  # after which a player counts as hanging


class Refused(Exception):  # noqa: N818  # the right outcome if nothing can be played
    """The decoder reports that it cannot play the stream."""


class Player(NamedTuple):
    """A decoder, its version, and how to install it."""

    name: str
    play: Callable[[Path], Pcm]
    version: Callable[[], str]
    install: str


def _oggstream(path: Path) -> Pcm:
    from oggstream.codec.frame_decoder import FrameDecoder
    from oggstream.errors import FormatError
    from oggstream.opus.opus_reader import OpusReader

    reader, decoder = OpusReader(), FrameDecoder()
    frames = []
    try:
        for items in (reader.feed(path.read_bytes()), reader.finish()):
            for item in items:
                frames += decoder.decode(item)
    except FormatError as error:
        raise Refused(str(error)) from error
    frames += decoder.finish()
    return np.concatenate([np.zeros(0, np.float32), *(frame.pcm[:, 0] for frame in frames)])


def _oggstream_version() -> str:
    from oggstream.codec.library import libopus_version

    return f"{version('oggstream')} ({libopus_version()})"


_OP_HOLE = -3


def _opusfile(path: Path) -> Pcm:
    library: Any = ctypes.CDLL("libopusfile.so.0")
    library.op_open_memory.restype = ctypes.c_void_p
    data = path.read_bytes()
    code = ctypes.c_int()
    stream = ctypes.c_void_p(library.op_open_memory(data, ctypes.c_size_t(len(data)), ctypes.byref(code)))
    if not stream.value:
        raise Refused(f"error {code.value}")
    room = 5760 * 8
    buffer = (ctypes.c_float * room)()
    parts = [np.zeros(0, np.float32)]
    while count := library.op_read_float(stream, buffer, room, None):
        if count == _OP_HOLE:  # "there was a hole in the data"; reading may continue
            continue
        if count < 0 and len(parts) == 1:
            raise Refused(f"error {count}")
        if count < 0:  # opusdec stops here, too
            break
        channels = library.op_channel_count(stream, -1)
        parts.append(np.array(buffer[: count * channels : channels], np.float32))
    return np.concatenate(parts)


def _opusfile_version() -> str:
    ctypes.CDLL("libopusfile.so.0")
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libopusfile0"], capture_output=True, check=False)
    return found.stdout.decode().partition("-")[0] or "installed"


def _ffmpeg(path: Path) -> Pcm:
    probe = "ffprobe -v error -select_streams a:0 -show_entries stream=channels -of csv=p=0".split()  # noqa: SIM905
    channels = subprocess.run([*probe, str(path)], capture_output=True, check=False).stdout.split()
    if not channels or not int(channels[0]):
        raise Refused("no stream that it knows")
    decoder = ["-c:a", "libopus"] if _ffmpeg_has_libopus() else []
    command = ["ffmpeg", "-nostdin", "-v", "error", *decoder, "-i", str(path), "-map", "0:a:0", "-f", "f32le"]
    done = subprocess.run([*command, "-ar", "48000", "-"], capture_output=True, check=False)
    pcm = np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], np.float32)
    if done.returncode and not len(pcm):
        raise Refused(done.stderr.decode(errors="replace"))
    return pcm[:: int(channels[0])]


def _ffmpeg_has_libopus() -> bool:
    found = subprocess.run(["ffmpeg", "-v", "error", "-decoders"], capture_output=True, check=True)
    return b" libopus " in found.stdout


def _ffmpeg_version() -> str:
    if not shutil.which("ffmpeg"):
        raise FileNotFoundError("ffmpeg")
    found = subprocess.run(["ffmpeg", "-version"], capture_output=True, check=True).stdout.decode().split()[2]
    return f"{found.partition('-')[0]} ({'its decoder libopus' if _ffmpeg_has_libopus() else 'its own decoder'})"


def _pyav(path: Path) -> Pcm:
    av = import_module("av")
    parts = [np.zeros(0, np.float32)]
    try:
        with av.open(io.BytesIO(path.read_bytes())) as container:
            parts += [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    except (av.error.FFmpegError, IndexError) as error:
        if len(parts) == 1:  # otherwise the part before it was played
            raise Refused(str(error)) from error
    return np.concatenate(parts)


def _sphn(path: Path) -> Pcm:
    try:
        pcm, _rate = import_module("sphn").read_opus_bytes(path.read_bytes())
    except ValueError as error:
        raise Refused(str(error)) from error
    return np.ascontiguousarray(pcm[0], np.float32)


PLAYERS = [
    Player("oggstream", _oggstream, _oggstream_version, "pip install oggstream"),
    Player("opusfile", _opusfile, _opusfile_version, "sudo apt-get install libopusfile0"),
    Player("FFmpeg", _ffmpeg, _ffmpeg_version, "sudo apt-get install ffmpeg"),
    Player("PyAV", _pyav, lambda: f"{version('av')} (FFmpeg's own decoder)", "pip install av"),
    Player("sphn", _sphn, lambda: version("sphn"), "pip install sphn"),
]


class Outcome(NamedTuple):
    """The result of a player for a stream: PCM, or how it failed ("refused", "error", "crash", "hang")."""

    pcm: Pcm
    failure: str = ""


def play(player: Player, path: Path) -> Outcome:
    """Play a stream with a player, in a process of its own."""
    program = Path(__file__).with_name("__main__.py")
    command = [sys.executable, "-P", str(program), "--play", player.name, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Outcome(np.zeros(0, np.float32), "hang")
    failure = {0: "", 3: "refused", 4: "error"}.get(done.returncode, "crash")
    return Outcome(np.frombuffer(done.stdout, np.float32) if not failure else np.zeros(0, np.float32), failure)


def play_here(name: str, path: Path) -> int:
    """The main function of that process: write the PCM; return 3 if the stream is refused, 4 for another exception."""
    (player,) = (player for player in PLAYERS if player.name == name)
    try:
        pcm = player.play(path)
    except Refused:
        return 3
    except Exception as error:  # noqa: BLE001  # whatever a foreign library raises
        print(repr(error), file=sys.stderr)
        return 4
    sys.stdout.buffer.write(pcm.astype(np.float32).tobytes())
    return 0
