"""``decode``: Ogg Opus to WAV. Loads neither asyncio nor, unless channels are mixed, numpy."""

from __future__ import annotations

import os
import stat
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from ...audio.wav_file import LONGEST_HEADER, WavWriter
from ...codec.decode_body import decode_body
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
        result = decode_body(
            read_chunks(args.input),
            output.open,
            rate=args.rate,
            sample=output.sample,
            channels=args.channels,
            gain=args.gain,
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
