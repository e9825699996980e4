"""Fuzzes `BodyReader`: any bytes, as any body, give sound or a documented error, however they are cut."""

from __future__ import annotations

import base64
import hashlib
import math
import random
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from oggstream.audio.frame import PcmFrame
from oggstream.body.body_reader import BodyReader
from oggstream.errors import FormatError, SourceError

LOUDEST = 4.0


class Said(NamedTuple):
    """The media type that a service states for a body, and the requested format."""

    content_type: str
    format: str


KINDS = (
    Said("audio/pcm", "pcm"),
    Said("audio/L16;rate=16000;channels=2", "pcm"),
    Said("", "opus"),
    Said("text/event-stream", "pcm"),
    Said("audio/wav", "wav"),
)


class Heard(NamedTuple):
    """The output of a reader for a body."""

    samples: int
    digest: str
    others: list[Any]
    counters: dict[str, Any]
    problem: str


def readings(data: bytes, chance: int, finding: type[Exception]) -> Iterator[Callable[[], None]]:
    """What is to be tried with ``data`` as it is, and wrapped in each container: two readings each.

    They raise ``finding`` for a violation.
    """
    turns = random.Random(chance)  # noqa: S311  # no secret
    said = KINDS[chance % len(KINDS)]
    for body in (data, _wav(data, turns), _events(data, turns)):
        step = turns.choice((1, 2, 3, 7, 64, 701)) if len(body) < 2000 else turns.choice((64, 701, 5000))
        heard: list[Heard] = []
        yield partial(_read_whole, body, said, finding, heard)
        yield partial(_read_pieces, body, step, said, finding, heard)


def _read_whole(body: bytes, said: Said, finding: type[Exception], heard: list[Heard]) -> None:
    whole = read(body, len(body) or 1, said, finding)
    heard[:] = [whole]
    if "\n" in whole.problem or not (whole.samples or whole.others or whole.problem):
        raise finding(f"neither audio nor an error of one line: {whole.problem!r}")


def _read_pieces(body: bytes, step: int, said: Said, finding: type[Exception], heard: list[Heard]) -> None:
    if read(body, step, said, finding) != heard[0]:
        raise finding(f"pieces of {step} bytes, as {said}, give something else")


def read(data: bytes, step: int, said: Said, finding: type[Exception]) -> Heard:
    """Return the output for a body that is cut into pieces of ``step`` bytes."""
    reader = BodyReader(content_type=said.content_type, format=said.format)
    sound = _Sound(finding)
    problem = ""
    try:
        for at in range(0, len(data), step):
            sound.take(reader.feed(data[at : at + step]))
            while reader.pending:
                sound.take(reader.feed(b""))
        sound.take(reader.finish())
        if reader.failure is not None:
            raise reader.failure
    except (FormatError, SourceError) as error:
        problem = f"{type(error).__name__}: {error}"
    counters = dict(reader.stats.as_dict())
    if problem:
        del counters["bytes"]  # how many more had come by then depends on the pieces
    return Heard(sound.samples, sound.digest.hexdigest(), sound.others, counters, problem)


class _Sound:
    """What a reader gives. Of the samples only a digest is kept: a small body may hold many."""

    def __init__(self, finding: type[Exception]) -> None:
        self.samples = 0
        self.digest = hashlib.blake2b()
        self.others: list[Any] = []
        self._position = 0.0
        self._finding = finding

    def take(self, items: Iterable[Any]) -> None:
        """The next items. Raises a finding for an impossible frame."""
        for item in items:
            if isinstance(item, PcmFrame):
                self._take_frame(item)
            else:
                self.others.append(item)

    def _take_frame(self, frame: PcmFrame) -> None:
        pcm = frame.pcm
        loudest = max(pcm.max(), -pcm.min()) if len(pcm) else math.nan
        if abs(frame.position - self._position) > 2 or not loudest <= LOUDEST:  # nor NaN
            raise self._finding(f"an impossible frame at {frame.position}")
        self._position += len(pcm) * 48000 / frame.rate
        self.samples += len(pcm)
        self.digest.update(pcm.tobytes())


def _wav(data: bytes, turns: random.Random) -> bytes:
    """A WAV header, valid or not, before ``data``."""
    tag, bits = turns.choice(((1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8), (1, 17), (2, 4)))
    channels, rate = turns.choice((1, 1, 2, 6, 0)), turns.choice((8000, 24000, 48000, 96000, 0, 1))
    form = struct.pack("<HHIIHH", tag, channels, rate, 0, channels * bits // 8, bits)
    size = turns.choice((0, 0xFFFFFFFF, len(data), len(data) // 2, 1 << 30, len(data) + 1))
    odd = turns.choice((b"", b"LIST\x03\0\0\0abc\0", b"fact\x04\0\0\0\0\0\0\0", data[:9]))
    return b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + form + odd + b"data" + struct.pack("<I", size) + data


def _events(data: bytes, turns: random.Random) -> bytes:
    """``data`` in events, some of which are not in order."""
    size, end = turns.choice((1, 10, 100, 1000)) * (1 + len(data) // 5000), turns.choice((b"\n", b"\r\n", b"\r"))
    key = turns.choice((b"audio", b"delta", b"data", b"other"))
    body = b""
    for at in range(0, len(data), size):
        text = base64.b64encode(data[at : at + size])
        if turns.random() < 0.03:
            text = text[:-1] or b"?"
        body += b'data: {"type": "speech.audio.delta", "' + key + b'": "' + text + b'"}' + end + end
        body += turns.choice((b"", b"", b": ping" + end, b"event: x" + end, data[at : at + 5]))
    return body + turns.choice((b"", b"data: [DONE]" + end + end, b'data: {"error": {"message": "x"}}' + end + end))
