"""Sound files of other kinds: FLAC, M4A, WebM and those like them."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import media_files
from oggstream.codec.media_file import as_wav, is_media_file
from oggstream.errors import FormatError, LibraryError
from scripted import spoken


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("ending", media_files.KINDS)
def test_their_sound_becomes_wav(tmp_path: Path, ending: str, channels: int) -> None:
    path = media_files.make(tmp_path, ending, channels)
    assert is_media_file(path.read_bytes()[:64])
    wav = b"".join(as_wav(path.open("rb"), "it"))
    assert wav[:4] == b"RIFF"
    found = np.frombuffer(wav[wav.index(b"data") + 8 :], np.float32).reshape(-1, channels)
    expected = media_files.samples(channels).astype(np.float32) / 32768
    assert len(found) == pytest.approx(len(expected), abs=1024)
    tail = min(len(found), len(expected))
    middle = slice(media_files.RATE // 4, tail - media_files.RATE // 4)
    loud = float(np.sqrt(np.mean(found[middle] ** 2)) / np.sqrt(np.mean(expected[middle] ** 2)))
    assert loud == pytest.approx(1, abs=0.02)
    if not media_files.KINDS[ending].error:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "first",
    [
        b"OggS" + bytes(60),
        spoken(0.1)[:64],
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\xff\xfb\x90\x64",
        b"{}",
        b"",
        b"#EXTM3U\nhttp://host/",
    ],
)
def test_what_is_read_without_it_or_names_other_files_is_none(first: bytes) -> None:
    assert not is_media_file(first)


@pytest.mark.parametrize("ending", ["flac", "m4a", "webm"])
def test_damage_is_an_error_of_ours_and_the_file_is_closed(tmp_path: Path, ending: str) -> None:
    whole = media_files.make(tmp_path, ending).read_bytes()
    for body in (whole[:64], whole[:16] + bytes(500), whole[:40] + b"\xff" * 4000):
        file = io.BytesIO(body)
        with pytest.raises(FormatError, match=r"^it "):
            list(as_wav(file, "it"))
        assert file.closed


def test_a_file_without_sound_is_refused(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "picture.webm"
    with av.open(str(path), "w", format="webm") as output:
        stream = output.add_stream("libvpx", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        output.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        output.mux(stream.encode(None))
    with pytest.raises(FormatError, match="it holds no sound"):
        list(as_wav(path.open("rb"), "it"))


def test_without_pyav_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(LibraryError, match=r"it is FLAC, which takes PyAV: pip install 'oggstream\[codec\]'"):
        list(as_wav(io.BytesIO(b"fLaC" + bytes(60)), "it"))
