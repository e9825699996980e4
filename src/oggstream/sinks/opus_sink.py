"""An Ogg Opus file that holds the service's own packets: nothing is encoded that came as Opus."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, BinaryIO

from ..audio.frame import PcmFrame
from ..codec.recode import PacketMaker
from ..opus.head import OpusHead
from ..opus.remux import Remuxer
from .file_sink import FileSink, SampleWriter
from .sink import SinkTraits

if TYPE_CHECKING:
    import os
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

    from ..body.body_reader import BodyItem

PACKETS_PER_PAGE = 50
_QUIETEST = -32768  # of the gain in a head, in 1/256 dB


class OpusSink(FileSink):
    """Writes the packets that `take` gets into one link, so that every player shows a duration; see `FileSink`.

    Samples are counted as heard and dropped. ``volume`` is written into the head, as the gain of the file.
    """

    traits = SinkTraits(name="opus", at_once=True)

    def __init__(self, file: str | os.PathLike[str] | BinaryIO, volume: float = 1.0) -> None:
        super().__init__(file)
        self._packets = PacketMaker()
        self._remuxer = Remuxer(PACKETS_PER_PAGE, one_link=True)
        self._body: int | None = None
        self._gain = _QUIETEST if volume <= 0 else round(20 * math.log10(volume) * 256)

    def take(self, body: int, item: BodyItem) -> None:
        """Write an item of the body of that number; all items in order, each before its samples."""
        assert isinstance(self._writer, _Pages)
        pages = [self._begin(body, item), *map(self._remuxer.take, self._packets.take(body, item))]
        with self._named_errors():
            self._writer.append(b"".join(pages))

    def _begin(self, body: int, item: BodyItem) -> bytes:
        """The head of what follows, where it is new: that of the service, or one for samples."""
        head = item if isinstance(item, OpusHead) else None
        if isinstance(item, PcmFrame) and body != self._body:
            head = OpusHead.simple(min(item.pcm.shape[1], 2), 0)
        if head is None:
            return b""
        rest = b"" if body == self._body else b"".join(map(self._remuxer.take, self._packets.finish()))
        self._body = body
        return rest + self._remuxer.begin(head._replace(output_gain=max(head.output_gain + self._gain, _QUIETEST)))

    def _make_writer(self, file: BinaryIO, channels: int, rate: int) -> _Pages:
        """The file itself."""
        return _Pages(file, channels, rate, self)

    def rest(self) -> bytes:
        """The pages that complete the file."""
        return b"".join(map(self._remuxer.take, self._packets.finish())) + self._remuxer.finish()

    def _write(self, writer: SampleWriter, samples: memoryview) -> None:
        """The packets of these samples are in the file."""


class _Pages:
    """Writes pages, and no samples."""

    def __init__(self, file: BinaryIO, channels: int, rate: int, sink: OpusSink) -> None:
        self.channels = channels
        self.rate = rate
        self._file = file
        self._sink = sink

    def append(self, pages: bytes) -> None:
        if pages:
            self._file.write(pages)

    def write(self, samples: Buffer) -> None:
        """Nothing: their packets were written."""

    def close(self) -> None:
        self.append(self._sink.rest())
        self._file.flush()
