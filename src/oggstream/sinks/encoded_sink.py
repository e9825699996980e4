"""MP3 and FLAC files, encoded with PyAV, of the extra ``codec``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from ..codec.encoding_writer import EncodingWriter, load_encoder
from ..threads import in_thread
from .file_sink import FileSink
from .sink import SinkFormat, SinkTraits

if TYPE_CHECKING:
    import os


class EncodedSink(FileSink):
    """Writes a compressed file: ``format`` is a key of `codec.encoding_writer.ENCODINGS`; see `FileSink`.

    `prepare` raises `LibraryError` without PyAV.
    """

    goes_on = False

    def __init__(self, file: str | os.PathLike[str] | BinaryIO, format: str) -> None:  # noqa: A002  # of the file
        super().__init__(file)
        self._format = format
        self.traits = SinkTraits(name=format, at_once=True)

    async def prepare(self) -> SinkFormat:
        """Load PyAV in a thread, which takes 0.2 s the first time, and open the file."""
        await in_thread(partial(load_encoder, self._format))
        return await super().prepare()

    def _make_writer(self, file: BinaryIO, channels: int, rate: int) -> EncodingWriter:
        """An encoder."""
        return EncodingWriter(file, channels, rate, self._format)
