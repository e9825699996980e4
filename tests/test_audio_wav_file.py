from __future__ import annotations

import io
import struct
import sys
import wave
from array import array

import pytest

from oggstream.audio.wav_file import WavWriter

SUBFORMAT_TAIL = bytes.fromhex("0000 0000 1000 8000 00aa 0038 9b71")


class Pipe(io.BytesIO):
    """What cannot be sought."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError


def chunks_of(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a WAV file whose sizes are right."""
    riff, size, form = struct.unpack_from("<4sI4s", data)
    assert (riff, size, form) == (b"RIFF", len(data) - 8, b"WAVE")
    chunks, at = {}, 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        chunks[name] = data[at + 8 : at + 8 + size]
        at += 8 + size
    assert at == len(data)
    return chunks


def written(
    channels: int, sample: str = "int16", mask: int | None = None, pcm: bytes = bytes(96)
) -> dict[bytes, bytes]:
    file = io.BytesIO()
    writer = WavWriter(file, channels, 48000, sample, mask)
    writer.write(pcm)
    writer.close()
    return chunks_of(file.getvalue())


def test_16_bit_stereo_is_read_by_the_standard_library() -> None:
    file = io.BytesIO()
    writer = WavWriter(file, 2, 24000)
    writer.write(array("h", [1, -2, 3, -4]))
    writer.write(array("h", [5, 6]))
    writer.close()
    file.seek(0)
    with wave.open(file) as back:
        assert (back.getnchannels(), back.getsampwidth(), back.getframerate()) == (2, 2, 24000)
        assert array("h", back.readframes(10)).tolist() == [1, -2, 3, -4, 5, 6]
    assert writer.samples == 3


def test_plain_pcm_has_the_shortest_header() -> None:
    assert written(1)[b"fmt "] == struct.pack("<HHIIHH", 1, 1, 48000, 96000, 2, 16)


def test_float_says_so_and_how_many_samples_there_are() -> None:
    chunks = written(2, "float32")
    assert chunks[b"fmt "] == struct.pack("<HHIIHHH", 3, 2, 48000, 384000, 8, 32, 0)
    assert chunks[b"fact"] == struct.pack("<I", 12)
    assert len(chunks[b"data"]) == 96


@pytest.mark.parametrize(("sample", "tag", "width"), [("int16", 1, 2), ("float32", 3, 4)])
def test_more_than_two_channels_are_extensible_with_their_mask(sample: str, tag: int, width: int) -> None:
    form = written(6, sample, 0x3F)[b"fmt "]
    assert form[:16] == struct.pack("<HHIIHH", 0xFFFE, 6, 48000, 48000 * 6 * width, 6 * width, 8 * width)
    assert form[16:24] == struct.pack("<HHI", 22, 8 * width, 0x3F)
    assert form[24:] == struct.pack("<H", tag) + SUBFORMAT_TAIL


def test_more_than_two_channels_without_a_mask_name_no_speakers() -> None:
    assert written(4)[b"fmt "][20:24] == bytes(4)


def test_a_mask_makes_stereo_extensible() -> None:
    form = written(2, mask=0x3)[b"fmt "]
    assert form[:2] == b"\xfe\xff"
    assert form[20:24] == struct.pack("<I", 3)


@pytest.mark.parametrize("sample", ["int16", "float32"])
def test_on_a_pipe_the_sizes_stay_open(sample: str) -> None:
    pipe = Pipe()
    writer = WavWriter(pipe, 1, sample=sample)
    writer.write(bytes(4000))
    writer.close()
    data = pipe.getvalue()
    start = data.index(b"data")
    assert data[4:8] == data[start + 4 : start + 8] == b"\xff" * 4
    assert len(data) - start - 8 == 4000
    if sample == "float32":
        assert data[data.index(b"fact") + 8 :][:4] == b"\xff" * 4


def test_the_header_is_there_before_any_sample() -> None:
    pipe = Pipe()
    WavWriter(pipe, 1)
    assert len(pipe.getvalue()) == 44


def test_a_file_without_samples_is_whole() -> None:
    file = io.BytesIO()
    WavWriter(file, 1).close()
    assert chunks_of(file.getvalue())[b"data"] == b""


def test_what_stood_before_in_the_file_is_left_alone() -> None:
    file = io.BytesIO(b"before")
    file.seek(6)
    writer = WavWriter(file, 1)
    writer.write(bytes(10))
    writer.close()
    assert file.getvalue().startswith(b"before")
    assert len(chunks_of(file.getvalue()[6:])[b"data"]) == 10
    assert file.tell() == 6 + 44 + 10


@pytest.mark.parametrize("sample", ["int16", "float32"])
def test_sizes_beyond_32_bits_stay_open(sample: str) -> None:
    file = io.BytesIO()
    writer = WavWriter(file, 1, sample=sample)
    writer.data_bytes = 1 << 32
    writer.close()
    data = file.getvalue()
    assert data[4:8] == data[-4:] == b"\xff" * 4


def test_errors_of_the_file_pass_through() -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        WavWriter(Full(), 1)


@pytest.mark.parametrize(("sample", "code"), [("int16", "h"), ("float32", "f")])
def test_a_big_endian_machine_swaps(monkeypatch: pytest.MonkeyPatch, sample: str, code: str) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")
    values = array(code, [1, 2, -3, 4])
    expected = array(code, values)
    expected.byteswap()
    assert written(1, sample, pcm=values.tobytes())[b"data"] == expected.tobytes()
