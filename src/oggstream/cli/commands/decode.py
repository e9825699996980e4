"""``decode``: whatever can be played, to WAV. For Ogg Opus it loads neither asyncio nor, unless it mixes, numpy."""

from __future__ import annotations

import os
import stat
import sys
from argparse import Namespace
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from ...audio.wav_file import LONGEST_HEADER, WavWriter
from ...codec.decode_body import DecodeResult, decode_body
from ...codec.media_file import ENOUGH, as_wav, is_media_file
from ...errors import OggStreamError, OutputError, UsageError
from ...files import access
from ..files import read_chunks
from ..output.result import NO_AUDIO, NO_STREAM, as_json
from ..terminal.console import Console, is_terminal, show

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12


def decode(args: Namespace, console: Console) -> None:
    """Decode ``args.input`` to ``args.output``, and print the report if asked for. Raises `OggStreamError`."""
    output = WavOutput(args.output, args.rate, "float32" if args.float else "int16")
    try:
        _refuse_same_file(args.input, args.output)
        with closing(_chunks(args.input)) as chunks:
            is_opus, body = _divided(chunks)
            result = (decode_body if is_opus else _decode_any)(
                body, output.open, rate=args.rate, sample=output.sample, channels=args.channels, gain=args.gain
            )
    except OggStreamError as error:
        output.leave(console)
        if args.json:
            with suppress(OutputError):  # the first error is the one to tell
                show(as_json(error, audio=NO_AUDIO, stream=NO_STREAM, links=[]))
        raise
    except KeyboardInterrupt:
        output.leave(console)
        raise
    for warning in result.stream["warnings"]:
        console.warn(warning)
    if args.json:
        show(as_json(None, **result._asdict()))
    elif is_terminal(sys.stderr):
        console.note(f"{output.shown}: {result.audio['seconds']:.2f} s")


def _chunks(path: str) -> Generator[bytes, None, None]:
    """The bytes of the input; of a file that FFmpeg has to read those of its sound as WAV."""
    chunks = read_chunks(path)
    first = next(chunks, b"")
    if path != "-" and is_media_file(first[:ENOUGH]):
        chunks.close()
        yield from as_wav(os.fdopen(access.open_input(path), "rb"), path)
    else:
        yield first
        yield from chunks


def _divided(chunks: Iterator[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Whether a body is to be read as Ogg Opus, before which there may be junk; and all of its chunks."""
    first = b""
    for chunk in chunks:
        first += chunk
        if (is_opus := _is_opus(first, ended=False)) is not None:
            break
    else:
        is_opus = _is_opus(first, ended=True)
    return bool(is_opus), chain([first] if first else [], chunks)


def _is_opus(first: bytes, *, ended: bool) -> bool | None:
    """None if it takes more bytes to tell."""
    if first.startswith(b"OggS"):
        return True
    from ...body.container import Container, recognise
    from ...body.stated import Stated

    found = recognise(first, Stated(), ended=ended)
    return None if found is None else found in (Container.OGG, Container.OTHER)


def _decode_any(*args: Any, **options: Any) -> DecodeResult:
    from ...body.decode_any import decode_any

    return decode_any(*args, **options)


class WavOutput:
    """The WAV file, made when the first audio is there, or standard output (``-``). Raises `OutputError`."""

    def __init__(self, path: str, rate: int, sample: str) -> None:
        self.sample = sample
        self.shown = "standard output" if path == "-" else path
        self._path = path
        self._rate = rate
        self._is_new = False
        self._file: BinaryIO | None = None
        self._writer: WavWriter | None = None

    def open(self, channels: int, mask: int | None) -> WavOutput:
        """Begin the file, for samples of so many channels at these speakers."""
        with self._named_errors():
            self._is_new = self._path != "-" and not access.exists(self._path)
            self._file = _standard_output() if self._path == "-" else _emptied(self._path)
            self._writer = WavWriter(self._file, channels, self._rate, self.sample, mask)
        return self

    def write(self, samples: Buffer) -> None:
        """Write samples; a pipe's reader has them at once."""
        assert self._writer is not None
        assert self._file is not None
        with self._named_errors():
            self._writer.write(samples)
            self._file.flush()

    def close(self) -> None:
        """Put the sizes into the header, where that can be done, and close the file."""
        assert self._writer is not None
        assert self._file is not None
        with self._named_errors():
            try:
                self._writer.close()
            finally:
                self._file.close()

    def leave(self, console: Console) -> None:
        """Say what is left of a decoding that broke off; a file that would hold nothing is removed."""
        if self._writer is None or self._path == "-":
            return
        if self._writer.samples:
            console.note(f"{self.shown} holds the {self._writer.samples / self._rate:.2f} s that were decoded")
        elif self._is_new:
            with suppress(OSError):
                access.remove(self._path, LONGEST_HEADER)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot write {self.shown}: {access.reason(error)}") from error


def _emptied(path: str) -> BinaryIO:
    """The file at ``path``; a pipe keeps us waiting for its reader."""
    descriptor = access.open_output(path, wait=True)
    access.empty(descriptor)
    return open(descriptor, "wb")


def _standard_output() -> BinaryIO:
    if sys.stdout is None:
        raise ValueError("it is closed")
    if is_terminal(sys.stdout):
        raise ValueError("a WAV file is nothing for a terminal; name a file, or connect a pipe")
    return os.fdopen(os.dup(sys.stdout.fileno()), "wb")


def _refuse_same_file(source: str, target: str) -> None:
    """Writing would destroy what is yet to be read."""
    with suppress(OSError, ValueError):
        if "-" not in (source, target) and os.path.samefile(source, target) and stat.S_ISREG(os.stat(target).st_mode):
            raise UsageError(f"{target} is the input and the output")
