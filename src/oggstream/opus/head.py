"""OpusHead, the identification header that begins a link (RFC 7845 section 5.1, RFC 8486 for families 2 and 3)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from ..errors import FormatError

MAGIC = b"OpusHead"
SILENT = 255
"""The index in a mapping table that stands for a channel of silence (RFC 7845 section 5.1.1)."""

_FIXED = struct.Struct("<8sBBHIhB")
_PROJECTION = 3
_MAX_CHANNELS = {0: 2, 1: 8}


class OpusHead(NamedTuple):
    """How the packets of one link are to be decoded.

    ``pre_skip`` counts samples at 48 kHz; ``input_sample_rate`` (Hz) is information only; ``output_gain`` in steps of
    1/256 dB (Q7.8). ``mapping`` has one byte per channel: its index among the decoded ones, or 255 for silence; with
    family 3 ``demixing`` (16-bit little-endian, Q15, column after column) stands in its place and ``mapping`` is the
    identity. ``serial`` is the Ogg stream's and not part of the packet.
    """

    serial: int
    version: int
    channels: int
    pre_skip: int
    input_sample_rate: int
    output_gain: int
    mapping_family: int
    streams: int
    coupled: int
    mapping: bytes
    demixing: bytes | None = None

    @classmethod
    def simple(
        cls, channels: int, pre_skip: int, input_sample_rate: int = 48000, output_gain: int = 0, serial: int = 0
    ) -> OpusHead:
        """A head of family 0: one or two channels in one stream."""
        return cls(
            serial, 1, channels, pre_skip, input_sample_rate, output_gain, 0, 1, channels - 1, bytes(range(channels))
        )

    @classmethod
    def parse(cls, data: bytes, serial: int = 0) -> OpusHead:
        """Read a packet. Octets past what is needed are accepted. Raises `FormatError` if it cannot be played."""
        if not data.startswith(MAGIC):
            raise FormatError("OpusHead expected")
        if len(data) < _FIXED.size:
            raise FormatError(f"OpusHead of {len(data)} bytes, at least {_FIXED.size} expected")
        _, version, channels, pre_skip, rate, gain, family = _FIXED.unpack_from(data)
        # RFC 7845 section 5.1: a change of the upper four bits means a format that cannot be read.
        if version > 15:
            raise FormatError(f"OpusHead version {version}, 0 to 15 expected")
        most = _MAX_CHANNELS.get(family, 255)
        if not 1 <= channels <= most:
            raise FormatError(f"{channels} channels in mapping family {family}, 1 to {most} expected")
        fixed = (serial, version, channels, pre_skip, rate, gain, family)
        return cls(*fixed, *_parse_table(data[_FIXED.size :], family, channels))

    def __bytes__(self) -> bytes:
        """The packet."""
        fixed = _FIXED.pack(
            MAGIC,
            self.version,
            self.channels,
            self.pre_skip,
            self.input_sample_rate,
            self.output_gain,
            self.mapping_family,
        )
        if self.mapping_family == 0:
            return fixed
        table = self.mapping if self.demixing is None else self.demixing
        return fixed + bytes((self.streams, self.coupled)) + table

    @property
    def output_gain_db(self) -> float:
        """The output gain in dB, always to be applied (RFC 7845 section 5.1)."""
        return self.output_gain / 256


def _parse_table(table: bytes, family: int, channels: int) -> tuple[int, int, bytes, bytes | None]:
    """Streams, coupled streams, mapping and demixing matrix (RFC 7845 section 5.1.1)."""
    if family == 0:
        return 1, channels - 1, bytes(range(channels)), None
    if len(table) < 2:
        raise FormatError(f"no channel mapping table, which family {family} needs")
    streams, coupled = table[0], table[1]
    decoded = streams + coupled
    if streams < 1 or coupled > streams or decoded > 255:
        raise FormatError(
            f"{streams} streams of which {coupled} are coupled, expected 1 or more, no more coupled, sum up to 255"
        )
    if family == _PROJECTION:
        return streams, coupled, bytes(range(channels)), _parse_demixing(table[2:], decoded, channels)
    mapping = table[2 : 2 + channels]
    if len(mapping) < channels:
        raise FormatError(f"a channel mapping table of {len(mapping)} entries, {channels} expected")
    for index in mapping:
        if index >= decoded and index != SILENT:
            raise FormatError(f"channel index {index} in the mapping table, expected below {decoded} or {SILENT}")
    return streams, coupled, mapping, None


def _parse_demixing(table: bytes, decoded: int, channels: int) -> bytes:
    """The demixing matrix, a 16-bit value per decoded and per output channel (RFC 8486 section 3.2)."""
    size = 2 * decoded * channels
    if len(table) < size:
        raise FormatError(f"a demixing matrix of {len(table)} bytes, {size} expected")
    return table[:size]
