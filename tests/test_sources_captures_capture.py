"""Captures: two files that belong together, and the errors for those that do not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import CaptureError, OutputError
from oggstream.sources.captures import capture as capture_module
from oggstream.sources.captures.capture import ARRIVALS, Capture, ending, load, save
from oggstream.sources.captures.replay_source import identity

BODY = b"OggS" + bytes(23) + b"\x01\x13OpusHead and so on"
HEADER = {
    "capture": 1,
    "url": "https://speech.example/v1/audio/speech",
    "status": 200,
    "headers": {"Content-Type": "audio/ogg"},
    "request": {"model": "m", "input": "Hi.", "voice": "v", "response_format": "opus"},
    "recorded_at": "2026-01-01T00:00:00+00:00",
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def made(folder: Path, *lines: Any, body: bytes = b"12345", header: Any = HEADER, name: str = "a") -> Path:
    """Write a capture line by line; a str is written as it is."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in (header, *lines)]
    (folder / f"{name}{ARRIVALS}").write_text("".join(f"{text}\n" for text in texts))
    (folder / f"{name}.ogg").write_bytes(body)
    return folder / name


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    before = Capture(
        str(tmp_path / "a.b"),
        BODY,
        [(0.5, 4), (0.75, len(BODY) - 4)],
        url="http://x/",
        status=200,
        headers={"Content-Type": "audio/ogg"},
        request={"input": "Hi."},
        recorded_at="2026",
        answered=0.4,
        ended=1.5,
        broken="cut",
    )
    assert save(before) == f"{before.name}.ogg"
    assert load(before.name) == before
    assert names(tmp_path) == ["a.b.arrivals.jsonl", "a.b.ogg"]


@given(st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 50)), max_size=20))
def test_any_arrivals_survive(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[float, int]]) -> None:
    arrivals = sorted((round(at, 6), size) for at, size in pairs)
    name = str(tmp_path_factory.mktemp("capture") / "a")
    save(Capture(name, bytes(sum(size for _, size in arrivals)), arrivals))
    assert load(name).arrivals == arrivals


@pytest.mark.parametrize("given", ["a", "a.ogg", f"a{ARRIVALS}"])
def test_the_name_and_either_file_stand_for_a_capture(tmp_path: Path, given: str) -> None:
    made(tmp_path, [0.5, 5])
    found = load(tmp_path / given)
    assert (found.name, found.body, found.arrivals) == (str(tmp_path / "a"), b"12345", [(0.5, 5)])


def test_the_form_of_the_contract_is_what_is_written(tmp_path: Path) -> None:
    save(load(made(tmp_path, [0.5, 2], [0.625, 3])))
    first, *lines = (tmp_path / f"a{ARRIVALS}").read_text().splitlines()
    assert json.loads(first) == HEADER
    assert lines == ["[0.5, 2]", "[0.625, 3]"]


def test_what_is_not_known_is_left_open_and_what_is_new_is_passed_over(tmp_path: Path) -> None:
    found = load(made(tmp_path, [1, 5], header={"capture": 1, "url": None, "colour": "blue"}))
    assert found == Capture(str(tmp_path / "a"), b"12345", [(1.0, 5)])
    assert (found.text, found.content_type, found.format) == ("", "", "auto")


def test_text_and_format_are_those_of_the_request_wherever_it_keeps_them(tmp_path: Path) -> None:
    request = {"method": "POST", "json": {"input": "Hi.", "response_format": "pcm"}}
    found = load(made(tmp_path, [1, 5], header={**HEADER, "request": request}))
    assert (found.text, found.format) == ("Hi.", "pcm")
    found = load(made(tmp_path, [1, 5], header={"capture": 1, "headers": {"content-type": "Audio/PCM; rate=24000"}}))
    assert found.format == "pcm"


def test_of_several_bodies_the_one_of_the_right_size_is_meant(tmp_path: Path) -> None:
    made(tmp_path, [0.5, 5])
    (tmp_path / "a.aac").write_bytes(b"1234567")
    (tmp_path / "a.html").write_bytes(b"54321")
    (tmp_path / "a.b.ogg").write_bytes(b"54321")
    assert load(tmp_path / "a").body == b"12345"
    assert load(tmp_path / "a.ogg").body == b"12345"
    with pytest.raises(CaptureError, match="disagree: the body has 7 bytes, its arrivals 5"):
        load(tmp_path / "a.aac")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["[0.5, 5"], "line 2: it is not JSON"),
        (["\xff"], "line 2: it is not JSON"),
        (["[" * 100_000], "line 2: it is not JSON"),
        ([[0.5]], r"line 2: it is not \[seconds, bytes\]"),
        ([{"at": 1}], r"line 2: it is not \[seconds, bytes\]"),
        ([[-0.1, 5]], "line 2: -0.1 is no time"),
        ([["0.1", 5]], "line 2: 0.1 is no time"),
        ([[True, 5]], "line 2: True is no time"),
        (["[NaN, 5]"], "line 2: nan is no time"),
        (["[Infinity, 5]"], "line 2: inf is no time"),
        ([[1e9, 5]], "line 2: its time is beyond 86400 s"),
        ([[0.5, 2], [0.4, 3]], "line 3: its time 0.4 s is before the 0.5 s"),
        ([[0.5, -5]], "line 2: a chunk has 0 to 1073741824 bytes, not -5"),
        ([[0.5, 5.0]], "line 2: a chunk has 0 to 1073741824 bytes, not 5.0"),
        ([[0.5, True]], "line 2: a chunk has"),
        ([[0.5, 10**30]], "line 2: a chunk has"),
        ([""], "line 2: it is not JSON"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, lines: list[Any], reason: str) -> None:
    with pytest.raises(CaptureError, match=reason):
        load(made(tmp_path, *lines))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "it is not JSON"),
        ([0.5, 5], "capture"),
        ({"url": "x"}, "that a capture begins with"),
        ({"capture": "1"}, "that a capture begins with"),
        ({"capture": True}, "that a capture begins with"),
        ({"capture": 0}, "that a capture begins with"),
        ({"capture": 2}, "of version 2, this oggstream reads 1: update it"),
        ({"capture": 1, "headers": []}, "its headers is list"),
        ({"capture": 1, "status": True}, "its status is bool"),
        ({"capture": 1, "ended": -1}, "no time"),
        ({"capture": 1, "answered": 1e300}, "beyond"),
    ],
)
def test_a_first_line_that_cannot_be_meant_is_refused(tmp_path: Path, header: Any, reason: str) -> None:
    with pytest.raises(CaptureError, match=reason):
        load(made(tmp_path, [0.5, 5], header=header))


def test_headers_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    assert load(made(tmp_path, [0.5, 5], header={"capture": 1, "headers": {"a": 1, "b": "c"}})).headers == {"b": "c"}


@pytest.mark.parametrize("count", [4, 6])
def test_halves_that_disagree_are_refused_with_both_counts(tmp_path: Path, count: int) -> None:
    with pytest.raises(CaptureError, match=f"the body has 5 bytes, its arrivals {count}"):
        load(made(tmp_path, [0.5, count]))


def test_a_missing_half_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"there is no .*a\.arrivals\.jsonl: a capture is NAME\.ogg"):
        load(tmp_path / "a")
    made(tmp_path, [0.5, 5])
    (tmp_path / "a.ogg").unlink()
    with pytest.raises(CaptureError, match=r"has no body: .*a\.ogg is missing"):
        load(tmp_path / "a")
    (tmp_path / "b.ogg").write_bytes(b"1")
    with pytest.raises(CaptureError, match=r"there is no .*b\.arrivals\.jsonl"):
        load(tmp_path / "b.ogg")


def test_an_empty_file_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / f"a{ARRIVALS}").write_bytes(b"")
    with pytest.raises(CaptureError, match="line 1: it is empty"):
        load(tmp_path / "a")
    (tmp_path / f"b{ARRIVALS}").mkdir()
    with pytest.raises(CaptureError, match=r"cannot read .*b\.arrivals\.jsonl: "):
        load(tmp_path / "b")
    with pytest.raises(CaptureError, match="cannot read"):
        load("a\0b")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes, devices and modes in the file system")
def test_pipes_and_devices_are_neither_read_nor_replaced_and_the_files_are_private(tmp_path: Path) -> None:
    capture = Capture(str(tmp_path / "a"), BODY, [(0.5, len(BODY))])
    save(capture)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    for half in (f"a{ARRIVALS}", "a.ogg"):
        (tmp_path / half).unlink()
        os.mkfifo(tmp_path / half)
        with pytest.raises(CaptureError, match="it is not a regular file"):
            load(tmp_path / "a")
        with pytest.raises(OutputError, match="it is not a regular file"):
            save(capture)
        (tmp_path / half).unlink()
        (tmp_path / half).symlink_to("/dev/zero")
        with pytest.raises(CaptureError, match="it is not a regular file"):
            load(tmp_path / "a")
        assert (tmp_path / half).is_symlink()
        (tmp_path / half).unlink()
        save(capture)


@pytest.mark.parametrize(
    "lines",
    [
        b'{"capture": 1}\n[1' + b"0" * 400 + b", 5]",
        b'{"capture": 1}\n[-1' + b"0" * 400 + b", 5]",
        b'{"capture": 1}\n[0, 1' + b"0" * 400 + b"]",
        b'{"capture": 1}\n[1' + b"0" * 5000 + b", 5]",
        b'{"capture": 1}\n[NaN, 5]',
        b'{"capture": 1}\n[1e999, 5]',
        b'{"capture": 1}\n' + b"[" * 100_000,
        b'{"capture": 1' + b"0" * 400 + b"}",
        b'{"capture": 1, "status": 1' + b"0" * 400 + b"}",
        b'{"capture": 1, "status": -3}',
        b'{"capture": 1, "answered": 1' + b"0" * 400 + b"}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{}",
    ],
)
def test_odd_numbers_and_texts_are_damage_and_no_foreign_error(tmp_path: Path, lines: bytes) -> None:
    (tmp_path / f"a{ARRIVALS}").write_bytes(lines)
    (tmp_path / "a.ogg").write_bytes(b"12345")
    with pytest.raises(CaptureError):
        load(tmp_path / "a")


def test_headers_that_cannot_have_been_any_are_left_out_and_odd_urls_are_no_error(tmp_path: Path) -> None:
    headers = {
        "x-ok": "yes",
        "x-bad": "a\r\nset-cookie: b",
        "": "empty",
        "a b": "space",
        "x-u": "\u202e",
        "x\n": "1",
        "x": 3,
    }
    header = {"capture": 1, "headers": headers, "url": "http://[::1/x", "request": {"input": "\ud800", "model": []}}
    (tmp_path / f"a{ARRIVALS}").write_text(json.dumps(header))
    (tmp_path / "a.ogg").write_bytes(b"")
    capture = load(tmp_path / "a")
    assert capture.headers == {"x-ok": "yes"}
    assert identity(capture) == "capture||"


def test_an_absurdly_large_half_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "LARGEST", 300)
    made(tmp_path, [0.5, 5])
    (tmp_path / "a.ogg").write_bytes(bytes(301))
    with pytest.raises(CaptureError, match="it has more than 300 bytes"):
        load(tmp_path / "a.ogg")


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (BODY, {}, "ogg"),
        (BODY, {"content-type": "audio/pcm"}, "ogg"),
        (b"RIFF\0\0\0\0WAVEfmt ", {"content-type": "audio/pcm"}, "wav"),
        (b"\0\0\1\0", {"content-type": "audio/pcm;rate=24000"}, "pcm"),
        (b"\xff\xfb\x90\x64" * 9, {"Content-Type": "audio/L16"}, "pcm"),
        (b"\xff\xfb\x90\x64" * 9, {}, "mp3"),
        (b'data: {"a": 1}\n\n', {}, "sse"),
        (b'{"error": "no"}', {}, "bin"),
        (b"\0\0\1\0", {}, "bin"),
    ],
)
def test_a_body_gets_the_ending_of_its_container(body: bytes, headers: dict[str, str], expected: str) -> None:
    assert ending(Capture("a", body, [], headers=headers)) == expected


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        save(Capture(str(tmp_path / "none" / "a"), BODY, []))
    (tmp_path / "a.ogg").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        save(Capture(str(tmp_path / "a"), BODY, []))
    assert names(tmp_path) == ["a.ogg"]
