"""Tests of reading files and standard input."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from oggstream.cli.files import CHUNK, read_chunks
from oggstream.errors import SourceError


def open_files() -> int:
    """How many files this process has open, where the system tells; else 0."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_a_file_is_read_to_its_end_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(CHUNK + 10))
    assert [len(chunk) for chunk in read_chunks(str(path))] == [CHUNK, 10]
    reading = read_chunks(str(path))
    next(reading)
    before = open_files()
    reading.close()
    assert open_files() < before or not before


def test_standard_input_is_read_as_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        chunks = read_chunks("-")
        os.write(writing, b"one")
        assert next(chunks) == b"one"
        os.write(writing, b"two")
        assert next(chunks) == b"two"
        os.close(writing)
        assert list(chunks) == []


def test_a_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="cannot read standard input: it is closed"):
        next(read_chunks("-"))


def test_a_standard_input_without_a_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(SourceError, match="cannot read standard input"):
        next(read_chunks("-"))


@pytest.mark.parametrize("path", ["missing", "nul\0byte"])
def test_what_cannot_be_opened_is_an_error(path: str) -> None:
    with pytest.raises(SourceError, match="cannot read"):
        next(read_chunks(path))


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Is a directory"):
        next(read_chunks(str(tmp_path)))


def test_a_url_gets_advice() -> None:
    with pytest.raises(SourceError, match="fetch a URL with `curl"):
        next(read_chunks("https://example.org/x.opus"))
