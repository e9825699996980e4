"""A whole body to PCM: the core of the ``decode`` command. Loads numpy only where channels have to be mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..audio.layout import WAV_MASK, mix_matrix
from ..errors import UsageError
from ..opus.head import OpusHead
from ..opus.items import AudioPacket, Hole
from ..opus.opus_reader import OpusReader
from ..opus.tags import OpusTags
from .link_decoder import (
    GAINS,
    RATES,
    Int16LinkDecoder,
    LinkDecoder,
    demixing_matrix,
    round_int16,
    tags_gain,
)

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

    from ..opus.opus_reader import Item

MAX_LINKS = 10_000
"""Links that the report tells of; all are decoded and counted."""

MAX_TAGS = 4 << 20
"""Characters of tags that the report holds, over all links."""

_MOST_HELD = 1 << 20  # bytes of PCM that are gathered before they are written
_STRING = 50  # what a string takes beside its characters
_FULL_RATE = 48000
_SAMPLE_BYTES = {"int16": 2, "float32": 4}


class SampleOutput(Protocol):
    """Where the samples go: a `WavWriter`, or anything with these two methods."""

    def write(self, samples: Buffer, /) -> object:
        """Take interleaved samples in native byte order."""
        ...

    def close(self) -> object:
        """Called once, after the last sample or when the body broke off."""
        ...


OpenOutput = Callable[[int, int | None], SampleOutput]
"""Called with channels and speaker mask (None: as usual for so many) when the first audio is there."""


class DecodeResult(NamedTuple):
    """The three parts of the report of ``decode``."""

    audio: dict[str, Any]
    stream: dict[str, Any]
    links: list[dict[str, Any]]


def decode_body(
    chunks: Iterable[bytes],
    open_output: OpenOutput,
    *,
    rate: int = _FULL_RATE,
    sample: str = "int16",
    channels: int | None = None,
    gain: str = "none",
) -> DecodeResult:
    """Decode a body, however it is cut into ``chunks``, into an output of ``channels`` (None: those of the first link).

    Links of other channels are mixed to them. ``rate`` is 8000, 12000, 16000, 24000 or 48000 Hz, ``sample`` "int16" or
    "float32", ``gain`` "none", "track" or "album". No output is opened for a body without audio. After each chunk what
    it gave has been written. Raises `FormatError` for a body that cannot be played, `UsageError` for other arguments,
    `LibraryError` without libopus; what ``chunks`` and the output raise passes through.
    """
    if rate not in RATES or sample not in _SAMPLE_BYTES or gain not in GAINS:
        raise UsageError(f"cannot decode to {sample} at {rate} Hz with gain {gain!r}")
    if channels is not None and not 1 <= channels <= 255:
        raise UsageError(f"cannot decode to {channels} channels, only to 1 to 255")
    reader = OpusReader()
    body = _BodyDecoder(reader, open_output, rate=rate, sample=sample, channels=channels, gain=gain)
    try:
        for chunk in chunks:
            body.take(reader.feed(chunk))
        body.take(reader.finish())
        body.finish()
    finally:
        body.close()
    return DecodeResult(body.audio(), dict(reader.stats.as_dict()), body.links)


class _BodyDecoder:
    """The decoders, one link after the other, and the output that they share."""

    def __init__(
        self, reader: OpusReader, open_output: OpenOutput, *, rate: int, sample: str, channels: int | None, gain: str
    ) -> None:
        self.links: list[dict[str, Any]] = []
        self._link: dict[str, Any] = {}  # the one being decoded
        self._tags = 0  # characters of tags in the report
        self._stats = reader.stats
        self._open_output = open_output
        self._output: SampleOutput | None = None
        self._rate = rate
        self._ratio = _FULL_RATE // rate
        self._sample = sample
        self._channels = channels
        self._gain = gain
        self._written = 0  # bytes
        self._held = bytearray()
        self._head: OpusHead | None = None
        self._decoder: LinkDecoder | None = None
        self._mix: Callable[[memoryview], Buffer] | None = None
        self._hole: Hole | None = None  # waits for the packet after it, which may carry FEC

    def take(self, items: list[Item]) -> None:
        """Decode ``items`` and write what they give."""
        for item in items:
            if self._hole is not None:
                self._fill_hole(item.data if isinstance(item, AudioPacket) else None)
            if isinstance(item, AudioPacket):
                self._decode(item)
            elif isinstance(item, Hole):
                self._hole = item
            elif isinstance(item, OpusHead):
                self._begin_link(item)
            elif isinstance(item, OpusTags):
                self._take_tags(item)
        self._flush()

    def finish(self) -> None:
        """Write what is left, after the last item."""
        if self._hole is not None:
            self._fill_hole(None)
        self._flush()

    def close(self) -> None:
        """Close the output, if it was opened."""
        if self._output is not None:
            self._output.close()

    def audio(self) -> dict[str, Any]:
        """The ``audio`` part of the report; samples are at its rate."""
        channels = self._channels or 0
        samples = self._written // (channels * _SAMPLE_BYTES[self._sample] or 1)
        return {
            "channels": channels,
            "sample_rate": self._rate,
            "samples": samples,
            "seconds": samples / self._rate,
        }

    def _begin_link(self, head: OpusHead) -> None:
        self._head = head
        self._channels = self._channels or head.channels
        if self._output is None:
            self._output = self._open_output(self._channels, _speaker_mask(head, self._channels))
        self._mix = _mixer(head, self._channels, self._sample)
        exact = self._sample == "int16" and self._mix is None
        self._decoder = (Int16LinkDecoder if exact else LinkDecoder)(head, self._rate)
        self._link = _describe(head)
        if len(self.links) < MAX_LINKS:
            self.links.append(self._link)
        else:
            self._stats.warn(f"more than {MAX_LINKS} links: one is not listed")

    def _take_tags(self, tags: OpusTags) -> None:
        assert self._decoder is not None
        assert self._head is not None
        self._tags += sum(len(text) + _STRING for text in (tags.vendor, *tags.comments))
        if self._tags <= MAX_TAGS:
            self._link.update(vendor=tags.vendor, comments=list(tags.comments))
        else:
            self._stats.warn(f"more than {MAX_TAGS} characters of tags: those of a link are not listed")
        self._decoder.set_gain(self._head.output_gain + tags_gain(tags, self._gain))

    def _decode(self, packet: AudioPacket) -> None:
        assert self._decoder is not None
        count = self._decoder.decode(packet.data)
        if count:
            # At lower rates trims shrink with everything else (RFC 7845 section 4.2).
            self._keep(packet.trim_start // self._ratio, count - packet.trim_end // self._ratio)
        else:
            self._stats.bad_packets += 1

    def _fill_hole(self, following: bytes | None) -> None:
        assert self._decoder is not None
        assert self._hole is not None
        for count in self._decoder.fill(self._hole.samples // self._ratio, following):
            self._keep(0, count)
        self._hole = None

    def _keep(self, start: int, end: int) -> None:
        """Hold the samples from ``start`` to ``end`` of the decoder's buffer."""
        decoder = self._decoder
        assert decoder is not None
        if end <= start:
            return
        size = decoder.frame_bytes
        pcm = decoder.buffer[start * size : end * size]
        self._held += pcm if self._mix is None else self._mix(pcm)
        self._link["samples"] += (end - start) * self._ratio
        if len(self._held) > _MOST_HELD:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            assert self._output is not None
            self._output.write(self._held)
            self._written += len(self._held)
            self._held = bytearray()


def _speaker_mask(head: OpusHead, channels: int) -> int | None:
    """The speakers that the output names: none where its channels are not those of family 0 or 1."""
    if channels <= 2:
        return None
    placed = head.mapping_family in (0, 1) or channels != head.channels
    return WAV_MASK.get(channels, 0) if placed else 0


def _mixer(head: OpusHead, channels: int, sample: str) -> Callable[[memoryview], Buffer] | None:
    """What turns float32 of a link into the output's channels and format; None where nothing needs to be mixed."""
    if head.demixing is None and head.channels == channels:
        return None
    import numpy as np

    matrix = demixing_matrix(head)
    if channels != head.channels:
        mix = np.array(mix_matrix(head.channels, channels), np.float32)
        matrix = mix if matrix is None else matrix @ mix
    assert matrix is not None
    coded = len(matrix)

    def convert(pcm: memoryview) -> Buffer:
        mixed = np.frombuffer(pcm, np.float32).reshape(-1, coded) @ matrix
        return round_int16(mixed) if sample == "int16" else mixed.tobytes()

    return convert


def _describe(head: OpusHead) -> dict[str, Any]:
    return {
        "serial": head.serial,
        "channels": head.channels,
        "mapping_family": head.mapping_family,
        "pre_skip": head.pre_skip,
        "input_sample_rate": head.input_sample_rate,
        "output_gain_db": head.output_gain_db,
        "vendor": None,
        "comments": [],
        "samples": 0,
    }
