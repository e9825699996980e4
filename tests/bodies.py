"""Bodies for tests: WAV in any variant, events around a body, and the output of a reader."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from oggstream.audio.frame import PcmFrame
from oggstream.body.body_reader import BodyReader
from oggstream.errors import OggStreamError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oggstream.body.body_reader import BodyItem

SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def tone(samples: int = 2400, rate: int = 24000, channels: int = 1, frequency: float = 440.0) -> NDArray[np.int16]:
    """A tone of 16-bit samples, shape (samples, channels), each channel softer than the one before."""
    times = np.arange(samples)[:, None] / rate
    return (np.sin(2 * np.pi * frequency * times) * 12000 / np.arange(1, channels + 1)).astype(np.int16)


def form(
    tag: int = 1, channels: int = 1, rate: int = 24000, *, bits: int = 16, extra: bytes = b"", order: str = "<"
) -> bytes:
    """The content of a "fmt " chunk."""
    align = channels * -(-bits // 8)
    return struct.pack(order + "HHIIHH", tag, channels, rate, rate * align, align, bits) + extra


def extensible(subformat: int, bits: int, channels: int = 1) -> bytes:
    """The same, of an extensible format."""
    return form(0xFFFE, channels, bits=bits, extra=struct.pack("<HHIH", 22, bits, 0, subformat) + SUBFORMAT_TAIL)


def chunk(name: bytes, content: bytes, size: int | None = None, order: str = "<") -> bytes:
    """A chunk, with its padding where its size is true and odd."""
    padding = b"\0" * (len(content) & 1) if size is None else b""
    return name + struct.pack(order + "I", len(content) if size is None else size) + content + padding


def wav(
    data: bytes, fmt: bytes | None = None, size: int | None = None, *, before: bytes = b"", after: bytes = b""
) -> bytes:
    """A WAV file of ``data``; ``size`` is what its header says if that is not the truth."""
    content = b"WAVE" + chunk(b"fmt ", fmt or form()) + before + chunk(b"data", data, size) + after
    return chunk(b"RIFF", content, size)


def events(
    body: bytes, size: int = 999, end: bytes = b"\n", key: str = "audio", kind: str = "speech.audio.delta"
) -> bytes:
    """``body`` as server-sent events of so many bytes each, without one that ends it."""
    return b"".join(event({"type": kind, key: b64(body[at : at + size])}, end) for at in range(0, len(body), size))


def event(value: object, end: bytes = b"\n") -> bytes:
    """One event of JSON."""
    return b"data: " + json.dumps(value).encode() + 2 * end


def b64(data: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(data).decode()


def read(body: bytes, cuts: Iterable[int] = (), **said: Any) -> tuple[BodyReader, list[BodyItem]]:
    """Feed a body cut at those places, of which that is ``said``; return the reader and all items."""
    reader = BodyReader(**said)
    items = [item for piece in pieces(body, cuts) for item in reader.feed(piece)]
    return reader, items + reader.finish()


def outcome(body: bytes, cuts: Iterable[int] = (), **said: Any) -> tuple[object, ...]:
    """The samples or packets of a body cut at those places, what was noted, and the error in words."""
    reader = BodyReader(**said)
    items: list[BodyItem] = []
    problem = ""
    try:
        for piece in pieces(body, cuts):
            items += reader.feed(piece)
        items += reader.finish()
        if reader.failure is not None:
            raise reader.failure
    except OggStreamError as error:
        problem = str(error)
    frames = b"".join(item.pcm.tobytes() for item in items if isinstance(item, PcmFrame))
    others = [item for item in items if not isinstance(item, PcmFrame)]
    return frames, others, problem, reader.stats.warnings, reader.container, reader.announced, reader.ended


def pieces(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """``body`` cut at those places of them that lie in it."""
    return [body[a:b] for a, b in pairwise([0, *sorted(cut for cut in cuts if 0 < cut < len(body)), len(body)])]


def every(step: int, body: bytes) -> range:
    """Cuts into pieces of ``step`` bytes."""
    return range(step, len(body), step)


def joined(items: Iterable[object]) -> NDArray[np.float32]:
    """The samples of the frames, whose positions and shapes are looked at."""
    frames = [item for item in items if isinstance(item, PcmFrame)]
    samples = 0
    for frame in frames:
        assert frame.pcm.dtype == np.float32
        assert frame.pcm.flags.c_contiguous
        assert len(frame.pcm)
        assert abs(frame.position - samples * 48000 / frame.rate) <= 1
        samples += len(frame.pcm)
    return np.concatenate([frame.pcm for frame in frames]) if frames else np.empty((0, 1), np.float32)
