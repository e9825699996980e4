"""The invariants for any bytes: frames or a documented error, the same for any split, within a time limit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any
from zlib import crc32

from oggstream.cli.commands.inspect import Survey
from oggstream.cli.output.listing import listing
from oggstream.codec.decode_body import decode_body
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.codec.link_decoder import RATES
from oggstream.errors import FormatError
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket, Hole, PageBegun, PageSettled, PageWithdrawn
from oggstream.opus.opus_reader import Item, OpusReader
from tools.fuzzing import bodies

if TYPE_CHECKING:
    from oggstream.audio.frame import PcmFrame

SECONDS = 2.0
"""The most CPU seconds that one part may take for 200 KB or less."""


class Finding(AssertionError):  # noqa: N818  # not an error of the tool
    """A violated invariant."""


def examine(data: bytes) -> float:
    """Run ``data`` through all parts; return the CPU seconds of the slowest one. Raises any finding."""
    return max(_timed(part, check) for part, check in _parts(data))


def slowest(data: bytes) -> tuple[float, str]:
    """The CPU seconds of the slowest part, however many, and which it is. Raises any other finding."""
    return max((_at_least(check), part) for part, check in _parts(data))


def _parts(data: bytes) -> list[tuple[str, Callable[[], None]]]:
    chance = crc32(data)
    return [
        ("reader", lambda: _check_reading(data, 1 + chance % 1500)),
        *_early(data, chance),
        ("frames", lambda: _check_frames(data)),
        ("decode", lambda: _check_decoding(data, chance)),
        ("inspect", lambda: _check_survey(data)),
        *(("a body", reading) for reading in bodies.readings(data, chance, Finding)),
    ]


def read(data: bytes, step: int, eager: Callable[[], bool] = bool) -> tuple[list[Item], dict[str, Any], str]:
    """Return items, counters and the error's words (empty without one) of a body cut into pieces of ``step`` bytes.

    ``eager`` is called before each piece: whether to read it eagerly.
    """
    reader = OpusReader()
    items: list[Item] = []
    try:
        for at in range(0, len(data), step):
            reader.eager = eager()
            items += reader.feed(data[at : at + step])
        items += reader.finish()
    except FormatError as error:
        return items, dict(reader.stats.as_dict()), str(error)
    return items, dict(reader.stats.as_dict()), ""


def _check_reading(data: bytes, step: int) -> None:
    whole = read(data, len(data) or 1)
    if read(data, step) != whole:
        raise Finding(f"pieces of {step} bytes give something else")
    items, _, problem = whole
    if not items and not problem:
        raise Finding("neither audio nor an error")
    if "\n" in problem:
        raise Finding(f"an error of several lines: {problem!r}")
    _check_positions(items)


def _check_positions(items: list[Item]) -> None:
    position = 0
    for number, item in enumerate(items):
        if not number and not isinstance(item, OpusHead):
            raise Finding("audio without a head")
        if isinstance(item, AudioPacket | Hole):
            if item.position != position:
                raise Finding(f"position {item.position}, {position} expected")
            position += item.samples
        if isinstance(item, AudioPacket):
            if min(item.trim_start, item.trim_end, item.samples - item.trim_start - item.trim_end) < 0:
                raise Finding(f"impossible trims: {item}")
            position -= item.trim_start + item.trim_end


def standing(items: list[Item]) -> list[Item]:
    """Return the items of an eager reader without the withdrawn ones."""
    stood: list[Item] = []
    begun: int | None = None
    for item in items:
        if not isinstance(item, PageBegun | PageSettled | PageWithdrawn):
            stood.append(item)
            continue
        if isinstance(item, PageBegun) != (begun is None):
            raise Finding(f"{item} in the wrong place")
        if isinstance(item, PageWithdrawn):
            del stood[begun:]
            if item.position != _end(stood):
                raise Finding(f"withdrawn from {item.position} on, {_end(stood)} expected")
        begun = len(stood) if isinstance(item, PageBegun) else None
    return stood[:begun]


def _end(items: list[Item]) -> int:
    """Return the position behind the last sample."""
    for item in reversed(items):
        if isinstance(item, AudioPacket):
            return item.position + item.samples - item.trim_start - item.trim_end
        if isinstance(item, Hole):
            return item.position + item.samples
    return 0


def _early(data: bytes, chance: int) -> list[tuple[str, Callable[[], None]]]:
    """Reading eagerly, and what is heard of that; a part for each time that the body is read or decoded."""
    turns = random.Random(chance)  # noqa: S311  # no secret
    step, often = 1 + chance % 700, turns.choice((0.3, 0.9, 1.0))
    items: list[Item] = []
    whole: list[Item] = []
    told: list[Any] = []
    sound: list[Any] = []

    def read_eagerly() -> None:
        items[:], *told[:] = read(data, step, lambda: turns.random() < often)

    def read_whole() -> None:
        whole[:], *expected = read(data, len(data) or 1)
        if (standing(items), told) != (whole, expected):
            raise Finding(f"what stands of early packets, in pieces of {step} bytes, is something else")
        if not any(isinstance(item, PageWithdrawn) for item in items):
            whole.clear()  # nothing sounds, or the same items do

    def decode_eagerly() -> None:
        with suppress(FormatError):
            sound[:] = frames_of(items) if whole else []

    def decode_whole() -> None:
        with suppress(FormatError):
            if sound and sound != frames_of(whole):
                raise Finding(f"early packets, in pieces of {step} bytes, sound different")

    return [
        ("reading early packets", read_eagerly),
        ("reading the same", read_whole),
        ("decoding early packets", decode_eagerly),
        ("decoding the same", decode_whole),
    ]


def frames_of(items: list[Item]) -> list[tuple[int, bool, int]]:
    """Return, per frame that was not withdrawn: position, whether it is concealment, and a checksum of its samples."""
    decoder = FrameDecoder()
    frames: list[tuple[int, bool, int]] = []
    begun, state = 0, decoder.save()
    for item in items:
        if isinstance(item, PageBegun):
            begun, state = len(frames), decoder.save()
        elif isinstance(item, PageWithdrawn):
            del frames[begun:]
            decoder.restore(state)
        frames += map(_described, decoder.decode(item))
    return [*frames, *map(_described, decoder.finish())]


def _described(frame: PcmFrame) -> tuple[int, bool, int]:
    return frame.position, frame.concealed, crc32(frame.pcm.tobytes())


def _check_frames(data: bytes) -> None:
    reader = OpusReader()
    decoder = FrameDecoder(stats=reader.stats)
    position = 0
    try:
        for item in chain(reader.feed(data), reader.finish()):
            for frame in decoder.decode(item):
                if frame.position != position:
                    raise Finding(f"frame at {frame.position}, {position} expected")
                position += len(frame.pcm)
    except FormatError:
        return
    decoder.finish()


class _Nowhere:
    """An output that only counts bytes."""

    written = 0

    def open(self, _channels: int, _mask: int | None) -> _Nowhere:
        return self

    def write(self, samples: Any) -> None:
        self.written += len(memoryview(samples).cast("B"))

    def close(self) -> None:
        """Keep the number."""


def _check_decoding(data: bytes, chance: int) -> None:
    output = _Nowhere()
    sample = ("int16", "float32")[chance >> 8 & 1]
    channels = (None, 1, 2, 6)[chance >> 10 & 3]
    try:
        result = decode_body(
            [data], output.open, rate=RATES[(chance >> 16) % len(RATES)], sample=sample, channels=channels, gain="track"
        )
    except FormatError:
        return
    width = {"int16": 2, "float32": 4}[sample] * result.audio["channels"]
    if output.written != result.audio["samples"] * width:
        raise Finding(f"{output.written} bytes written, {result.audio['samples']} samples reported")


def _check_survey(data: bytes) -> None:
    survey = Survey(data)
    lines = list(listing(survey))
    if not lines[0].startswith("verdict: ") or "\n" in lines[0]:
        raise Finding(f"no verdict: {lines[0]!r}")
    survey.as_json()


def _timed(part: str, check: Callable[[], None]) -> float:
    taken = _at_least(check)
    if taken > SECONDS:
        raise Finding(f"{part} took {taken:.2f} s")
    return taken


def _at_least(check: Callable[[], None]) -> float:
    """The CPU seconds, without those that other load on this machine may have added."""
    taken = _seconds(check)
    return min(taken, _seconds(check)) if taken > SECONDS else taken


def _seconds(check: Callable[[], None]) -> float:
    began = time.process_time()
    check()
    return time.process_time() - began
