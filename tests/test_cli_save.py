"""Tests of saving a source's bytes unchanged."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from oggstream.cli.save import SavingSource
from oggstream.errors import OutputError, SourceBrokenError
from oggstream.files import access
from oggstream.options import SpeechOptions
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_reader import OpusReader
from oggstream.sources.traits import SourceTraits
from scripted import ScriptedSource, every, pages, spoken

CHUNKS = [b"none", b"one", b"two"]
BROKEN = SourceBrokenError("cut")


def scripted(*chunks: bytes | BaseException) -> ScriptedSource:
    return ScriptedSource([(0.0, chunk) for chunk in chunks])


async def read(source: SavingSource) -> list[bytes]:
    async with source.open("Hello", SpeechOptions()) as stream:
        assert (stream.content_type, stream.request_id) == ("audio/ogg", "req-1")
        return [chunk async for chunk in stream if isinstance(chunk, bytes)]


async def test_the_bytes_pass_and_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    source = SavingSource(lambda: scripted(*CHUNKS), str(path))
    assert await read(source) == CHUNKS
    assert path.read_bytes() == b"".join(CHUNKS)
    assert source.saved is not None
    assert source.saved.count == len(b"".join(CHUNKS))


async def test_without_a_path_nothing_is_kept() -> None:
    source = SavingSource(lambda: scripted(*CHUNKS), None)
    assert await read(source) == CHUNKS
    assert source.saved is None


async def test_each_chunk_is_in_the_file_before_it_is_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    async with SavingSource(lambda: scripted(*CHUNKS), str(path)).open("", SpeechOptions()) as stream:
        assert await anext(aiter(stream)) == b"none"
        assert path.read_bytes() == b"none"


async def test_what_was_in_the_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    path.write_bytes(b"something longer than what comes")
    await read(SavingSource(lambda: scripted(*CHUNKS), str(path)))
    assert path.read_bytes() == b"".join(CHUNKS)


async def test_a_source_that_fails_at_once_leaves_an_earlier_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    path.write_bytes(b"earlier")
    with pytest.raises(SourceBrokenError):
        await read(SavingSource(lambda: scripted(BROKEN), str(path)))
    assert path.read_bytes() == b"earlier"


async def test_a_source_that_fails_at_once_leaves_no_new_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    with pytest.raises(SourceBrokenError):
        await read(SavingSource(lambda: scripted(BROKEN), str(path)))
    assert not path.exists()


async def test_a_source_that_breaks_off_leaves_what_came(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    with pytest.raises(SourceBrokenError):
        await read(SavingSource(lambda: scripted(b"one", BROKEN), str(path)))
    assert path.read_bytes() == b"one"


async def test_a_file_that_cannot_be_written_is_known_before_anything_is_asked(tmp_path: Path) -> None:
    asked = scripted(*CHUNKS)
    with pytest.raises(OutputError, match="missing"):
        await read(SavingSource(lambda: asked, str(tmp_path / "missing" / "kept.opus")))
    assert asked.opened == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
async def test_a_full_disk_is_an_error() -> None:
    asked = scripted(*CHUNKS)
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device"):
        await read(SavingSource(lambda: asked, "/dev/full"))
    assert asked.closed == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there are no advisory locks")
@pytest.mark.parametrize("freed", [False, True])
async def test_what_comes_behind_a_write_that_failed_is_not_written_out_of_its_place(
    tmp_path: Path, *, freed: bool
) -> None:
    path = tmp_path / "x.opus"
    path.write_bytes(b"read by another one")
    reading = access.open_input(path)
    saving = SavingSource(lambda: scripted(spoken(1.0)), str(path))
    async with saving.open("Hello", SpeechOptions()) as stream:
        with pytest.raises(OutputError, match="it is being read or written already"):
            async for _ in stream:
                pass
        if freed:
            os.close(reading)
    assert path.read_bytes() == b"read by another one"
    if not freed:
        os.close(reading)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in the file system")
async def test_a_pipe_waits_for_its_reader_and_the_loop_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    chunks = [bytes([number]) * 50_000 for number in range(6)]
    reading = asyncio.ensure_future(read(SavingSource(lambda: scripted(*chunks), str(path))))
    await asyncio.sleep(0.05)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    await asyncio.sleep(0.05)
    assert not reading.done()  # the pipe is full, and nobody has read
    os.set_blocking(descriptor, True)
    received = await asyncio.to_thread(lambda: b"".join(iter(lambda: os.read(descriptor, 4096), b"")))
    await reading
    assert received == b"".join(chunks)
    assert path.is_fifo()
    os.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in the file system")
async def test_waiting_for_the_reader_of_a_pipe_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    asked = scripted(*CHUNKS)
    reading = asyncio.ensure_future(read(SavingSource(lambda: asked, str(path))))
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert asked.opened == 0
    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))  # lets the thread go on


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
async def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    path, link = tmp_path / "kept.opus", tmp_path / "link.opus"
    path.write_bytes(b"before, and longer than what comes now")
    link.symlink_to(path)
    await read(SavingSource(lambda: scripted(*CHUNKS), str(link)))
    assert link.is_symlink()
    assert path.read_bytes() == b"".join(CHUNKS)


async def test_standard_output_is_a_place_too(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    await read(SavingSource(lambda: scripted(*CHUNKS), "-"))
    os.write(sys.stdout.fileno(), b"still open")
    assert capfdbinary.readouterr().out == b"".join(CHUNKS) + b"still open"


async def test_a_closed_standard_output_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="standard output"):
        await read(SavingSource(lambda: scripted(*CHUNKS), "-"))


async def test_the_source_is_made_when_it_is_opened_and_gives_its_name() -> None:
    made: list[ScriptedSource] = []

    def make() -> ScriptedSource:
        made.append(scripted(*CHUNKS))
        return made[-1]

    source = SavingSource(make, None)
    assert (made, source.name) == ([], "")
    await read(source)
    await read(source)
    assert (len(made), source.name) == (1, "scripted")


async def test_closing_closes_what_was_made() -> None:
    class Closing(ScriptedSource):
        closings = 0

        async def aclose(self) -> None:
            self.closings += 1

    made = Closing(every(0.0, CHUNKS))
    source = SavingSource(lambda: made, None)
    await source.aclose()
    await read(source)
    await source.aclose()
    assert made.closings == 1
    without = SavingSource(lambda: scripted(*CHUNKS), None)
    await read(without)
    await without.aclose()


async def test_bodies_that_arrive_at_the_same_time_are_kept_one_behind_the_other(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    bodies = [[(0.0, b"one "), (0.1, b"two ")], [(0.0, b"three "), (0.05, b"four ")], [(0.0, b"five")]]
    scripts = iter([ScriptedSource(body) for body in bodies])

    class InTurn(ScriptedSource):
        def open(self, text: str, options: SpeechOptions) -> Any:
            return next(scripts).open(text, options)

    source = SavingSource(lambda: InTurn([]), str(path))
    async with source.open("1", SpeechOptions()) as first:
        assert await anext(aiter(first)) == b"one "
        assert await read(source) == [b"three ", b"four "]  # to its end, before the first has come to its own
        async with source.open("3", SpeechOptions()) as third:
            assert [chunk async for chunk in third] == [b"five"]
            assert path.read_bytes() == b"one "
            assert [chunk async for chunk in first] == [b"two "]
    assert path.read_bytes() == b"one two three four five"


def test_formats_are_those_of_the_source_but_one_where_bodies_are_kept(tmp_path: Path) -> None:
    made = scripted(b"one")
    made.traits = SourceTraits(formats=("opus", "pcm"))
    assert SavingSource(lambda: made, None).traits.formats_for(SpeechOptions()) == ("opus", "pcm")
    assert SavingSource(lambda: made, str(tmp_path / "kept")).traits.formats_for(SpeechOptions()) == ("opus",)


def test_whether_another_source_stands_by_is_what_the_source_says() -> None:
    made = scripted(b"one")
    source = SavingSource(lambda: made, None)
    error = SourceBrokenError("cut")
    assert not source.another(error)
    assert not source.traits.whole
    assert not source.another(error)
    made.another = lambda given: given is error  # type: ignore[attr-defined]
    assert source.another(error)


async def test_a_source_that_can_be_prepared_is() -> None:
    class Warm(ScriptedSource):
        warmed = False

        async def warm(self) -> None:
            self.warmed = True

    made = Warm([])
    await SavingSource(lambda: made, None).warm()
    assert made.warmed
    await SavingSource(scripted, None).warm()


async def saved(path: Path, *bodies: bytes) -> SavingSource:
    """Save bodies, each of a request that is sent when the one before has been read."""
    scripts = iter([scripted(body) for body in bodies])

    class InTurn(ScriptedSource):
        def open(self, text: str, options: SpeechOptions) -> Any:
            return next(scripts).open(text, options)

    source = SavingSource(lambda: InTurn([]), str(path))
    for _ in bodies:
        await read(source)
    return source


def heads_of(body: bytes) -> list[OpusHead]:
    reader = OpusReader()
    return [item for item in reader.feed(body) + reader.finish() if isinstance(item, OpusHead)]


async def test_bodies_of_ogg_opus_become_one_link_also_when_the_file_was_closed_between_them(tmp_path: Path) -> None:
    path = tmp_path / "kept.opus"
    source = await saved(path, spoken(0.5), spoken(0.7), spoken(0.3))
    body = path.read_bytes()
    assert (len(heads_of(body)), [page for page in pages(body) if page[5] & 4]) == (1, [pages(body)[-1]])
    assert source.saved is not None
    assert source.saved.count == len(body)


async def test_on_standard_output_a_body_that_comes_later_is_a_link_with_its_own_serial_number(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    await saved(Path("-"), spoken(0.5), spoken(0.7))
    assert [head.serial for head in heads_of(capfdbinary.readouterr().out)] == [7, 8]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
async def test_a_disk_that_is_full_at_the_last_page_is_an_error() -> None:
    *_, last = pages(spoken(0.5))
    with pytest.raises(OutputError, match="No space left on device"):
        await saved(Path("/dev/full"), last)
