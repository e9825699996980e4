"""A whole body of any kind that can be played, to PCM: what ``decode`` does with all but plain Ogg Opus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..audio.convert import Converter
from ..audio.frame import RATE, PcmFrame
from ..audio.layout import WAV_MASK
from ..codec.decode_body import DecodeResult, OpenOutput, SampleOutput
from ..codec.frame_decoder import FrameDecoder
from ..codec.link_decoder import round_int16
from .body_reader import BodyReader


def decode_any(
    chunks: Iterable[bytes],
    open_output: OpenOutput,
    *,
    rate: int = RATE,
    sample: str = "int16",
    channels: int | None = None,
    gain: str = "none",
) -> DecodeResult:
    """As `decode_body`, for whatever `BodyReader` reads: WAV, MP3, events with sound in them, ...

    ``rate`` may be any. The report lists no links. Raises `FormatError`, also after samples; what ``chunks`` and the
    output raise passes through.
    """
    reader = BodyReader(service=False)
    decoder = FrameDecoder(gain=gain, stats=reader.stats)
    writer = _Writer(open_output, rate, sample, channels)
    try:
        for chunk in chunks:
            writer.take(_frames(decoder, reader, chunk))
            while reader.pending:
                writer.take(_frames(decoder, reader, b""))
        writer.take(frame for item in reader.finish() for frame in _decoded(decoder, item))
        if reader.failure is not None:
            raise reader.failure
        writer.take(decoder.finish())
        writer.finish()
    finally:
        writer.close()
    return DecodeResult(writer.audio(), dict(reader.stats.as_dict()), [])


def _frames(decoder: FrameDecoder, reader: BodyReader, chunk: bytes) -> Iterator[PcmFrame]:
    for item in reader.feed(chunk):
        yield from _decoded(decoder, item)


def _decoded(decoder: FrameDecoder, item: object) -> list[PcmFrame]:
    return [item] if isinstance(item, PcmFrame) else decoder.decode(item)  # type: ignore[arg-type]


class _Writer:
    """Frames to the output, which has the channels of the first one unless told."""

    def __init__(self, open_output: OpenOutput, rate: int, sample: str, channels: int | None) -> None:
        self._open_output = open_output
        self._rate = rate
        self._sample = sample
        self._channels = channels
        self._samples = 0
        self._output: SampleOutput | None = None
        self._converter: Converter | None = None

    def take(self, frames: Iterable[PcmFrame]) -> None:
        """Write them."""
        for frame in frames:
            if self._converter is None:
                channels = self._channels = self._channels or frame.pcm.shape[1]
                self._output = self._open_output(channels, WAV_MASK.get(channels, 0) if channels > 2 else None)
                self._converter = Converter(channels, self._rate)
            for pcm in self._converter.convert(frame):
                self._write(pcm)

    def finish(self) -> None:
        """Write what the resampler holds."""
        for pcm in self._converter.finish() if self._converter is not None else []:
            self._write(pcm)

    def close(self) -> None:
        """Close the output, if it was opened."""
        if self._output is not None:
            self._output.close()

    def audio(self) -> dict[str, object]:
        """The ``audio`` part of the report."""
        seconds = self._samples / self._rate
        return {
            "channels": self._channels or 0,
            "sample_rate": self._rate,
            "samples": self._samples,
            "seconds": seconds,
        }

    def _write(self, pcm: object) -> None:
        import numpy as np

        samples = np.ascontiguousarray(pcm, np.float32)
        assert self._output is not None
        self._output.write(round_int16(samples) if self._sample == "int16" else samples.data.cast("B"))
        self._samples += len(samples)
