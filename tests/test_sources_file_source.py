from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import media_files
from oggstream import errors
from oggstream.options import SpeechOptions
from oggstream.sources.file_source import CHUNK, FileSource
from oggstream.sources.source import Source
from oggstream.threads import works_for
from patience import PATIENCE
from speech_server import until

BODY = bytes(range(256)) * 600
pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


async def read(source: FileSource) -> bytes:
    async with source.open("", SpeechOptions()) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def descriptors(path: Path) -> int | None:
    """How many of this process lead to ``path``, where that can be told."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return None
    return sum(os.path.realpath(link) == str(path) for link in folder.iterdir())


@pytest.mark.parametrize("as_text", [False, True])
async def test_regular_file_comes_in_chunks_without_a_thread(tmp_path: Path, as_text: bool) -> None:
    path = tmp_path / "speech.ogg"
    path.write_bytes(BODY)
    async with FileSource(str(path) if as_text else path).open("", SpeechOptions()) as stream:
        assert (stream.content_type, stream.request_id) == ("", None)
        assert descriptors(path) in (1, None)
        chunks = [chunk async for chunk in stream if isinstance(chunk, bytes)]
        assert not works_for(asyncio.get_running_loop())
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, len(BODY) - 2 * CHUNK]
    assert b"".join(chunks) == BODY
    assert not descriptors(path)


@pytest.mark.parametrize("ending", ["flac", "m4a", "webm"])
async def test_a_file_that_ffmpeg_reads_comes_as_wav(tmp_path: Path, ending: str) -> None:
    path = media_files.make(tmp_path, ending)
    assert (await read(FileSource(path)))[:4] == b"RIFF"
    assert not descriptors(path)


@pytest.mark.parametrize("chunks", [0, 1])
async def test_such_a_file_is_closed_also_where_it_is_left(tmp_path: Path, chunks: int) -> None:
    path = media_files.make(tmp_path, "flac")
    async with FileSource(path).open("", SpeechOptions()) as stream:
        for _ in range(chunks):
            await anext(aiter(stream))
    await until(lambda: not descriptors(path) and not works_for(asyncio.get_running_loop()))


async def test_bytes_in_memory_are_read() -> None:
    file = io.BytesIO(BODY)
    assert await read(FileSource(file)) == BODY
    assert not file.closed


async def test_open_file_is_read_and_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "speech.ogg"
    path.write_bytes(BODY)
    with path.open("rb") as file:
        assert await read(FileSource(file)) == BODY
        assert not file.closed
        assert repr(FileSource(file)) == f"FileSource({str(path)!r})"


async def test_object_that_only_reads_is_enough() -> None:
    class Reader:
        def __init__(self) -> None:
            self.left = [b"ab", b"c", None]

        def read(self, _size: int) -> bytes | None:
            return self.left.pop(0)

    reader: Any = Reader()
    assert await read(FileSource(reader)) == b"abc"
    assert repr(FileSource(reader)) == "FileSource('Reader')"


async def test_loop_goes_on_while_a_pipe_is_slow() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        task = asyncio.create_task(read(FileSource(file)))
        await asyncio.sleep(0.01)
        assert not task.done()
        os.write(writer, b"OggS")
        os.close(writer)
        assert await task == b"OggS"


@pipes
async def test_named_pipe_gives_each_piece_when_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    opened = asyncio.create_task(asyncio.to_thread(os.open, path, os.O_WRONLY))
    async with FileSource(path).open("", SpeechOptions()) as stream:
        writer = await opened
        for piece in (b"OggS", b"more"):
            os.write(writer, piece)
            assert await anext(stream) == piece
        os.close(writer)
        assert await anext(stream, None) is None


@pipes
async def test_cancelling_while_a_pipe_has_no_writer_closes_it_later(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    task = asyncio.create_task(read(FileSource(path)))
    await asyncio.sleep(0.01)
    await cancelled(task)
    os.close(os.open(path, os.O_WRONLY))
    await until(lambda: not descriptors(path) and not works_for(asyncio.get_running_loop()))


@pipes
async def test_cancelling_while_a_pipe_is_read_closes_it_when_the_thread_is_back(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    stream = FileSource(path).open("", SpeechOptions())
    opening = asyncio.create_task(stream.__aenter__())
    writer = await asyncio.to_thread(os.open, path, os.O_WRONLY)
    try:
        reading = asyncio.create_task(anext(await opening, None))
        await asyncio.sleep(0.01)
        await cancelled(reading)
        await stream.__aexit__(None, None, None)
        assert descriptors(path) in (2, None)
        assert works_for(asyncio.get_running_loop())
    finally:
        os.close(writer)
    await until(lambda: not descriptors(path) and not works_for(asyncio.get_running_loop()))


@pytest.mark.parametrize(
    ("name", "says"),
    [("nowhere", "No such file"), (".", "Is a directory"), ("nul\0", "null")],
    ids=["none", "dir", "nul"],
)
async def test_file_that_cannot_be_read(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(errors.SourceError, match=f"cannot read .*: .*{says}") as caught:
        await read(FileSource(f"{tmp_path}/{name}"))
    assert str(caught.value).isprintable()


async def test_file_that_fails_while_it_is_read() -> None:
    class Broken(io.RawIOBase):
        def read(self, _size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    broken: Any = Broken()
    with pytest.raises(errors.SourceError, match="cannot read Broken: Input/output error"):
        await read(FileSource(broken))


async def test_closed_file_is_an_error_of_ours(tmp_path: Path) -> None:
    file = io.BytesIO(BODY)
    file.close()
    with pytest.raises(errors.SourceError, match="closed file"):
        await read(FileSource(file))


async def test_text_file_is_a_usage_error() -> None:
    text: Any = io.StringIO("OggS")
    with pytest.raises(errors.UsageError, match="open it in binary mode"):
        await read(FileSource(text))


def test_what_is_no_file_is_refused() -> None:
    nothing: Any = 7
    with pytest.raises(errors.UsageError, match="int is neither a path"):
        FileSource(nothing)


def test_file_source_is_a_source_and_shows_standard_input_as_such() -> None:
    assert isinstance(FileSource("-"), Source)
    assert repr(FileSource("-")) == "FileSource('standard input')"


# Standard input


class Stdin:
    """Stands in for ``sys.stdin``; ``number`` is that of a descriptor, or an exception."""

    def __init__(self, number: int | Exception, buffer: object = None) -> None:
        self._number = number
        self.buffer = buffer

    def fileno(self) -> int:
        if isinstance(self._number, Exception):
            raise self._number
        return self._number


async def test_standard_input_is_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "speech.ogg"
    path.write_bytes(BODY)
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", Stdin(file.fileno(), file))
        assert await read(FileSource("-")) == BODY
        file.seek(0)
        assert await read(FileSource(file)) == BODY
        os.fstat(file.fileno())


async def test_standard_input_without_a_number_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(io.UnsupportedOperation("fileno")))
    monkeypatch.setattr(os, "fstat", lambda number: os.stat_result((0o100000 + number, *[0] * 9)))
    monkeypatch.setattr(os, "read", lambda number, size: b"")
    assert await read(FileSource("-")) == b""


async def test_standard_input_that_is_closed_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(errors.SourceError, match="cannot read standard input: it is closed"):
        await read(FileSource("-"))


async def test_standard_input_with_a_number_that_stands_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(9999))
    with pytest.raises(errors.SourceError, match="cannot read standard input: Bad file descriptor"):
        await read(FileSource("-"))


# Standard input, in processes of their own

READ = """
import asyncio, sys
from oggstream.options import SpeechOptions
from oggstream.sources.file_source import FileSource
async def main():
    async with FileSource({source}).open("", SpeechOptions()) as stream:
        async for chunk in stream:
            print(len(chunk), flush=True)
{run}
"""


def run(code: str, **settings: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)


@pytest.mark.parametrize("source", ['"-"', "sys.stdin.buffer"])
def test_standard_input_is_read_as_it_comes(source: str) -> None:
    with run(READ.format(source=source, run="asyncio.run(main())"), stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for piece in (b"OggS", b"Opus123"):
            process.stdin.write(piece)
            process.stdin.flush()
            assert int(process.stdout.readline()) == len(piece)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, b"", b"")


@pytest.mark.parametrize("source", ['"-"', "sys.stdin.buffer"])
def test_cancelling_a_read_of_standard_input_lets_the_program_end(source: str) -> None:
    cancel = """
async def soon():
    try:
        async with asyncio.timeout(0.05):
            await main()
    except TimeoutError:
        print("cancelled", flush=True)
asyncio.run(soon())
"""
    with run(READ.format(source=source, run=cancel), stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"cancelled\n"
        assert process.wait(timeout=PATIENCE) == 0  # its standard input is still open
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_standard_input_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "speech.ogg"
    path.write_bytes(BODY)
    with path.open("rb") as file:
        process = run(READ.format(source='"-"', run="asyncio.run(main())"), stdin=file)
        out, err = process.communicate(timeout=PATIENCE)
    assert (out.split(), err) == ([b"65536", b"65536", b"22528"], b"")


def test_replaced_standard_input_does_not_keep_from_reading_the_real_one() -> None:
    code = "import io, sys\nsys.stdin = io.StringIO()" + READ.format(source='"-"', run="asyncio.run(main())")
    process = run(code, stdin=subprocess.PIPE)
    out, err = process.communicate(b"OggS", timeout=PATIENCE)
    assert (out, err) == (b"4\n", b"")
