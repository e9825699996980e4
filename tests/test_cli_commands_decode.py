"""Tests of ``decode``."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

import media_files
from bodies import form, tone, wav
from cli_run import Result, environment, finish, inside, run, shell, start
from oggstream.__main__ import main
from oggstream.cli.commands import decode as module
from oggstream.cli.terminal.console import Console
from oggstream.errors import LibraryError
from scripted import pages, spoken


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "in.opus"
    path.write_bytes(spoken(2.0))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.wav"


def check_refused(result: Result, says: str, status: int = 1) -> None:
    assert result.status == status
    assert result.err.startswith("oggstream: error: ")
    assert result.err.count("\n") == 1
    assert says in result.err


def test_a_file_becomes_16_bits_at_48_khz(body: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "decode", str(body), str(target))
    assert result == (0, b"", "")
    with wave.open(str(target)) as written:
        assert (written.getframerate(), written.getsampwidth(), written.getnchannels()) == (48000, 2, 1)
        assert written.getnframes() == 96000


def test_rate_float_and_channels_are_as_asked(body: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--rate", "16000", "--float", "--channels", "2", "--json")
    report = inside(capsys, "decode", str(body), str(target), *options).report
    assert report["audio"] == {"channels": 2, "sample_rate": 16000, "samples": 32000, "seconds": 2.0}
    kind, channels, rate = struct.unpack_from("<HHI", target.read_bytes(), 20)
    assert (kind, channels, rate) == (3, 2, 16000)
    assert target.stat().st_size > 32000 * 8


@pytest.mark.parametrize("ending", ["flac", "m4a", "webm", "wav"])
def test_what_play_takes_it_takes_too(
    tmp_path: Path, target: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if ending == "wav":
        source = tmp_path / "in.wav"
        source.write_bytes(wav(tone(48000, 48000).tobytes(), form(rate=48000)))
    else:
        source = media_files.make(tmp_path, ending)
    report = inside(capsys, "decode", str(source), str(target), "--rate", "24000", "--json").report
    assert report["audio"]["seconds"] == pytest.approx(1, abs=0.03)
    with wave.open(str(target)) as written:
        assert (written.getframerate(), written.getnchannels()) == (24000, 1)
        assert written.getnframes() == report["audio"]["samples"]


def test_json_is_one_object_with_audio_stream_and_links(
    body: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = inside(capsys, "decode", str(body), str(target), "--json")
    assert result.err == ""
    assert set(result.report) == {"schema", "completed", "audio", "stream", "links", "error"}
    assert result.report["completed"] is True
    assert result.report["stream"]["bytes"] == body.stat().st_size
    (link,) = result.report["links"]
    assert set(link) >= {
        "serial",
        "channels",
        "mapping_family",
        "pre_skip",
        "input_sample_rate",
        "output_gain_db",
        "vendor",
        "comments",
        "samples",
    }
    assert (link["samples"], link["vendor"]) == (96000, "test")


def test_warnings_are_said_unless_quiet(target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "odd.opus"
    odd.write_bytes(b"junk" + spoken(1.0))
    assert "warning: 4 bytes at byte 0 skipped" in inside(capsys, "decode", str(odd), str(target)).err
    assert inside(capsys, "decode", str(odd), str(target), "--quiet").err == ""
    assert inside(capsys, "decode", str(odd), str(target), "--log-level", "error").err == ""


def test_a_pipe_at_both_ends_has_open_sizes(body: Path) -> None:
    result = run("decode", "-", "-", given=body.read_bytes())
    assert (result.status, result.err) == (0, "")
    assert result.out[:8] == b"RIFF\xff\xff\xff\xff"
    assert len(result.out) == 44 + 2 * 96000


def test_standard_output_that_is_a_file_gets_its_sizes(body: Path, target: Path) -> None:
    with target.open("wb") as file:
        assert finish(start("decode", str(body), "-", stdout=file)).status == 0
    with wave.open(str(target)) as written:
        assert written.getnframes() == 96000


def test_writing_begins_with_the_first_page_of_packets(body: Path) -> None:
    process = start("decode", "-", "-", bufsize=0)
    assert process.stdin is not None
    assert process.stdout is not None
    first, second, third, *rest = pages(body.read_bytes())
    process.stdin.write(first + second + third)
    head = b""
    while len(head) < 2 * 40000:  # a page holds a second
        head += process.stdout.read(65536)
    assert head.startswith(b"RIFF")
    result = finish(process, b"".join(rest))
    assert len(head) + len(result.out) == 44 + 2 * 96000


def test_a_single_packet_is_written_at_once() -> None:
    process = start("decode", "-", "-", bufsize=0)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"".join(pages(spoken(1.0, packets_per_page=1))[:3]))
    head = b""
    while len(head) < 44 + 2 * (960 - 312):  # less its pre-skip
        head += process.stdout.read(65536)
    assert finish(process).status == 0


def test_json_and_standard_output_exclude_each_other(body: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = inside(capsys, "decode", str(body), "-", "--json")
    check_refused(result, "standard output", status=2)
    assert result.out == b""


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "empty"), (b"ID3\x03\x00" + bytes(100), "MP3"), (b'{"error": {"message": "no"}}', "no")]
)
def test_what_is_no_ogg_opus_is_refused_and_leaves_nothing(
    content: bytes, says: str, tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.opus"
    wrong.write_bytes(content)
    check_refused(inside(capsys, "decode", str(wrong), str(target)), says)
    assert not target.exists()


def test_on_failure_json_is_printed_too(tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wrong.opus").write_bytes(b"PK\x03\x04" + bytes(100))
    result = inside(capsys, "decode", str(tmp_path / "wrong.opus"), str(target), "--json")
    check_refused(result, "ZIP")
    assert result.report["completed"] is False
    assert result.report["error"]["type"] == "WrongContainerError"
    assert "ZIP" in result.report["error"]["message"]
    assert result.report["links"] == []


def test_a_missing_input_is_named(target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_refused(inside(capsys, "decode", str(tmp_path / "none.opus"), str(target)), "none.opus: No such file")
    check_refused(inside(capsys, "decode", str(tmp_path), str(target)), "Is a directory")


def test_a_url_gets_advice(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_refused(inside(capsys, "decode", "http://localhost/x.opus", str(target)), "curl -s URL |")


def test_an_output_that_cannot_be_written_is_named(
    body: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(inside(capsys, "decode", str(body), str(tmp_path / "no" / "out.wav")), "out.wav: No such file")
    check_refused(inside(capsys, "decode", str(body), str(tmp_path)), "Is a directory")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_is_told(body: Path) -> None:
    check_refused(run("decode", str(body), "/dev/full"), "/dev/full: No space left on device")
    with Path("/dev/full").open("wb") as full:
        check_refused(finish(start("decode", str(body), "-", stdout=full)), "standard output: No space left on device")
        check_refused(finish(start("decode", str(body), os.devnull, "--json", stdout=full)), "No space left on device")


def test_the_input_is_not_overwritten(body: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = body.read_bytes()
    (tmp_path / "same.wav").symlink_to(body)
    check_refused(inside(capsys, "decode", str(body), str(tmp_path / "same.wav")), "input and the output", status=2)
    assert body.read_bytes() == before
    assert inside(capsys, "decode", str(body), os.devnull).status == 0
    assert Path(os.devnull).is_char_device()


def test_a_reader_that_closes_the_pipe_ends_it_quietly(tmp_path: Path) -> None:
    long = tmp_path / "long.opus"
    long.write_bytes(spoken(20.0))
    process = start("decode", str(long), "-")
    assert process.stdout is not None
    process.stdout.read(100)
    process.stdout.close()
    process.stdout = None
    result = finish(process)
    assert (result.status, result.err) == (0, "")


def test_json_into_a_closed_pipe_ends_it_quietly(body: Path) -> None:
    reading, writing = os.pipe()
    process = start("decode", str(body), os.devnull, "--json", stdout=writing)
    os.close(writing)
    os.close(reading)
    result = finish(process)
    assert (result.status, result.err) == (0, "")


def test_closed_standard_streams_are_errors(body: Path, target: Path) -> None:
    for redirection, says in (("<&-", "standard input"), (">&-", "standard output")):
        check_refused(shell(f"decode - - {redirection}", body.read_bytes()), says)


def test_without_libopus_it_says_what_to_install_and_leaves_nothing(
    body: Path, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise LibraryError("libopus was not found: install it with `magic`")

    monkeypatch.setattr("oggstream.codec.decode_body.Int16LinkDecoder", missing)
    check_refused(inside(capsys, "decode", str(body), str(target)), "magic")
    assert not target.exists()


def test_what_is_left_of_a_broken_decoding_is_said(
    body: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = module.WavOutput(str(target), 48000, "int16")
    output.leave(Console())
    output.open(1, None)
    output.write(bytes(2 * 24000))
    output.close()
    output.leave(Console())
    assert capsys.readouterr().err == f"oggstream: {target} holds the 0.50 s that were decoded\n"
    assert target.exists()


def test_it_loads_neither_asyncio_nor_numpy_nor_aiohttp_nor_sounddevice(body: Path, target: Path) -> None:
    code = (
        "import sys; from oggstream.__main__ import main; "
        f"status = main(['decode', {str(body)!r}, {str(target)!r}]); "
        "print(status, *sorted({'asyncio', 'numpy', 'aiohttp', 'sounddevice', 'dataclasses', 'logging'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
    assert done.stdout.decode().strip() == "0"


def test_being_interrupted_leaves_a_whole_file_and_says_so(
    body: Path, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def chunks(_: str) -> Iterator[bytes]:
        yield body.read_bytes()[:-2000]
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "read_chunks", chunks)
    result = inside(capsys, "decode", str(body), str(target))
    assert result.status == 130
    with wave.open(str(target)) as written:
        assert written.getnframes() == 47688
    assert result.err == f"oggstream: {target} holds the 0.99 s that were decoded\n"


def test_on_a_terminal_the_length_is_said(
    body: Path, target: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_terminal", lambda _: True)
    assert inside(capsys, "decode", str(body), str(target)).err == f"oggstream: {target}: 2.00 s\n"
    result = inside(capsys, "decode", str(body), "-")
    check_refused(result, "nothing for a terminal")
    assert result.out == b""


def test_standard_output_inside_this_process(body: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["decode", str(body), "-"]) == 0
    assert len(capfdbinary.readouterr().out) == 44 + 2 * 96000
