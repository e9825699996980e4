"""The containers in which speech can be delivered: each turns 24 kHz mono PCM into the bytes of a body."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Protocol

from ..errors import UsageError
from .wire import RATE

if TYPE_CHECKING:
    from ..codec.encoder import OpusEncoder
    from ..opus.opus_writer import OggOpusWriter

_OPUS_RATE = 48000  # Ogg Opus counts in it, whatever the rate of the speech (RFC 7845 section 4)
# Measured on 7 s of speech: 32 us a packet at complexity 3, 55 at 5, 275 at 8 (which turns to hybrid). The bits that
# this costs are free on the same machine.
_BITRATE = 48000
_COMPLEXITY = 3
_UNKNOWN_SIZE = 0xFFFFFFFF


class Body(Protocol):
    """A body being made: `begin` once, `feed` with any number of 16-bit samples in native order, `finish` once."""

    def begin(self) -> bytes:
        """The bytes before any audio."""
        ...

    def feed(self, pcm: bytes) -> bytes:
        """The bytes that are complete now, perhaps none."""
        ...

    def finish(self) -> bytes:
        """The rest."""
        ...


class OpusBody:
    """Ogg Opus: 20 ms packets, a page for each, so that none waits for others; pre-skip and end are exact.

    The same ``identity`` gives the same serial number. Raises `LibraryError` without libopus.
    """

    def __init__(self, identity: str) -> None:
        from ..codec.encoder import OpusEncoder

        self._encoder: OpusEncoder = OpusEncoder(RATE, 1, bitrate=_BITRATE, complexity=_COMPLEXITY, application="audio")
        self._writer = _writer(self._encoder, zlib.crc32(identity.encode("utf-8", "replace")))
        self._pcm = b""
        self._fed = 0  # bytes of PCM
        self._encoded = 0  # samples at 48 kHz

    def begin(self) -> bytes:
        """The two header pages."""
        return self._writer.headers()

    def feed(self, pcm: bytes) -> bytes:
        """Whole pages. The newest packet stays back: it may have to carry the end of the stream."""
        self._fed += len(pcm)
        return self._encode(self._pcm + pcm)

    def finish(self) -> bytes:
        """The last pages: silence pushes the last sample out of the encoder, the end trim cuts the silence off."""
        samples = self._fed // 2 * (_OPUS_RATE // RATE)
        wanted = self._encoder.pre_skip + samples
        missing = -(-(wanted - self._encoded) // self._encoder.packet_samples) * self._encoder.frame_bytes
        pages = self._encode(self._pcm + bytes(missing - len(self._pcm)))
        return pages + self._writer.finish(samples)

    def _encode(self, pcm: bytes) -> bytes:
        size = self._encoder.frame_bytes
        whole = len(pcm) // size * size
        pages = []
        for start in range(0, whole, size):
            packet = self._encoder.encode(pcm[start : start + size])
            pages.append(self._writer.write(packet, self._encoder.packet_samples))
            self._encoded += self._encoder.packet_samples
        self._pcm = pcm[whole:]
        return b"".join(pages)


class PcmBody:
    """16-bit little-endian samples and nothing else."""

    def __init__(self) -> None:
        self._swap = struct.pack("=H", 1) != struct.pack("<H", 1)

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def feed(self, pcm: bytes) -> bytes:
        """The samples."""
        if not self._swap:
            return pcm
        swapped = bytearray(pcm)
        swapped[::2], swapped[1::2] = pcm[1::2], pcm[::2]
        return bytes(swapped)

    def finish(self) -> bytes:
        """Nothing."""
        return b""


class WavBody(PcmBody):
    """WAV of a length not known ahead: its sizes are the largest, which readers take for "until the end"."""

    def begin(self) -> bytes:
        """The RIFF header."""
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
        riff = struct.pack("<4sI4s", b"RIFF", _UNKNOWN_SIZE, b"WAVE")
        return riff + form + struct.pack("<4sI", b"data", _UNKNOWN_SIZE)


CONTENT_TYPES = {"opus": "audio/ogg", "wav": "audio/wav", "pcm": "audio/pcm"}
"""The formats there are, and their media types."""


def make_body(format: str, identity: str = "") -> Body:  # noqa: A002 - the word that the service uses
    """A body of that format, a key of `CONTENT_TYPES`. Raises `UsageError` for any other, `LibraryError` without
    libopus.
    """
    if format == "opus":
        return OpusBody(identity)
    if format == "wav":
        return WavBody()
    if format == "pcm":
        return PcmBody()
    raise UsageError(f"no speech as {format!r}: use one of {', '.join(CONTENT_TYPES)}")


def _writer(encoder: OpusEncoder, serial: int) -> OggOpusWriter:
    from ..codec.library import libopus_version
    from ..opus.head import OpusHead
    from ..opus.opus_writer import OggOpusWriter
    from ..opus.tags import OpusTags

    head = OpusHead.simple(1, encoder.pre_skip, RATE, serial=serial)
    return OggOpusWriter(head, OpusTags(libopus_version(), ("ENCODER=oggstream",)))
