"""Measures the speed from bytes to packets, and from packets to samples, in one process."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import material
from .row import Outcome, Row, Run
from .stats import alternate

CHUNK = 4096
BEST_OF = 5
BEST_OF_SHORT = 15


def measure_pages(run: Run) -> Outcome:
    """Split a stream into pages and packets, checksums included: 4 KB at a time, and byte by byte."""
    seconds = run.seconds(600, least=1)
    body = material.ogg_file(run.folder, seconds).read_bytes()
    few = material.ogg_file(run.folder, run.seconds(60, least=1)).read_bytes()
    few_seconds = run.seconds(60, least=1)
    whole, bytewise = alternate(
        run.count(BEST_OF), lambda: _time(lambda: _split(body, CHUNK)), lambda: _time(lambda: _split(few, 1))
    )
    fast, slow = seconds / min(whole), few_seconds / min(bytewise)
    return Outcome(
        f"{fast:.0f} x, {slow:.0f} x real time", fast >= 20000 and slow >= 200, {"chunks": fast, "bytes": slow}
    )


def _split(body: bytes, size: int) -> None:
    from oggstream.ogg.packet import PacketReader
    from oggstream.ogg.page import Page, PageReader

    pages = PageReader()
    packets = PacketReader(0)
    for at in range(0, len(body), size):
        for page in pages.feed(body[at : at + size]):
            assert isinstance(page, Page)
            packets.feed(page, 0)


def measure_pcm(run: Run) -> Outcome:
    """Decode a stream from its bytes, against a loop in C over its packets with the same libopus."""
    seconds = run.seconds(120, least=1)
    packets = material.packet_file(run.folder, seconds)
    body = material.ogg_file(run.folder, seconds).read_bytes()
    loop = _compile_loop(run.folder)
    ours, bare = alternate(
        run.count(BEST_OF_SHORT),
        lambda: _time(lambda: _decode(body)),
        lambda: float(subprocess.run([loop, packets], capture_output=True, check=True).stdout),
    )
    ratio = min(ours) / min(bare)
    figures = {"ratio": ratio, "ours": min(ours), "loop": min(bare)}
    return Outcome(f"{ratio:.2f} x ({min(ours):.2f} s, {min(bare):.2f} s)", ratio <= 1.2, figures)


def _decode(body: bytes) -> None:
    from oggstream.codec.frame_decoder import FrameDecoder
    from oggstream.opus.opus_reader import OpusReader

    reader = OpusReader()
    decoder = FrameDecoder(stats=reader.stats)
    for at in range(0, len(body), CHUNK):
        for item in reader.feed(body[at : at + CHUNK]):
            decoder.decode(item)
    for item in reader.finish():
        decoder.decode(item)


def _compile_loop(folder: Path) -> Path:
    """Build the loop against the same libopus that we use: a file, or a name that the linker finds."""
    from oggstream.codec.library import library_path

    program = folder / "decode_loop"
    if not program.exists():
        source = Path(__file__).with_name("decode_loop.c")
        subprocess.run(["cc", "-O2", "-o", program, source, library_path()], check=True)
    return program


def _time(work: Callable[[], None]) -> float:
    """Return the CPU time that this process spends on ``work``."""
    began = time.process_time()
    work()
    return time.process_time() - began


ROWS = [
    Row(
        "pages",
        "page and packet layers alone, checksums included, 40 kbit/s: fed 4 KB at a time, byte by byte",
        ">= 20000 x, >= 200 x real time",
        measure_pages,
    ),
    Row(
        "pcm",
        "bytes to PCM in one process, CPU against a bare C loop of opus_decode_float, best of 15",
        "<= 1.2 x",
        measure_pcm,
        programs=["cc"],
    ),
]
