"""PCM of every test vector, against independent float decodes by libopus.

Needs the folder of vectors with its table expected.tsv in the environment variable OGGSTREAM_VECTORS.
"""

from __future__ import annotations

import csv
import ctypes
import io
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from oggstream.audio.wav_file import WavWriter
from oggstream.codec.decode_body import DecodeResult, decode_body
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.codec.library import library_path
from oggstream.errors import FormatError
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader

Pcm = NDArray[np.float64]

VECTORS = os.environ.get("OGGSTREAM_VECTORS")
pytestmark = pytest.mark.skipif(not VECTORS, reason="OGGSTREAM_VECTORS does not name the folder of test vectors")
VORBIS_TO_WAV = {  # RFC 7845 section 5.1.1.2 against the order of the bits of a WAV channel mask
    3: [0, 2, 1],
    4: [0, 1, 2, 3],
    5: [0, 2, 1, 3, 4],
    6: [0, 2, 1, 5, 3, 4],
    7: [0, 2, 1, 6, 5, 3, 4],
    8: [0, 2, 1, 7, 5, 6, 3, 4],
}


class Vector(NamedTuple):
    file: str
    outcome: str
    channels: str
    samples: str
    pcm: str
    agrees: str

    @property
    def data(self) -> bytes:
        return (Path(VECTORS or ".") / self.file).read_bytes()


def table(outcome: str, *pcm: str, agrees: str = "") -> list[Any]:
    """The vectors with that outcome, compared in a way of ``pcm`` (if given), with the tool ``agrees`` (if given)."""
    if not VECTORS:
        return []
    with (Path(VECTORS) / "expected.tsv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        vectors = [Vector(*(row[name] for name in Vector._fields)) for row in rows]
    return [
        pytest.param(vector, id=vector.file)
        for vector in vectors
        if vector.outcome == outcome
        and (not pcm or vector.pcm in pcm)
        and (not agrees or agrees in vector.agrees.split(","))
    ]


def numbers(text: str) -> list[int]:
    """``1,2,6`` and ``4*2`` (four times 2), as the table writes them."""
    out: list[int] = []
    for part in text.split(","):
        times, _, value = part.rpartition("*")
        out += [int(value)] * int(times or 1)
    return out


class Output(io.BytesIO):
    """Takes PCM as a `WavWriter` does, without a header."""

    channels = 0
    mask: int | None = None

    def open(self, channels: int, mask: int | None) -> Output:
        self.channels, self.mask = channels, mask
        return self

    def close(self) -> None:
        """Stay readable."""


def decode(data: bytes, size: int = 1 << 16, **options: Any) -> tuple[DecodeResult, Output]:
    output = Output()
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    return decode_body(chunks, output.open, **options), output


def steps(output: Output) -> Pcm:
    return np.frombuffer(output.getvalue(), np.int16).reshape(-1, output.channels).astype(np.float64)


def compare(ours: Pcm, reference: Pcm, near: float | None = None) -> None:
    """At least 99.99 % within a step, and 80 dB unless all are; or only ``near`` dB."""
    assert ours.shape == reference.shape
    error = ours - reference
    signal, noise = (reference**2).sum(), (error**2).sum()
    ratio = np.inf if not noise else -np.inf if not signal else 10 * np.log10(signal / noise)
    if near is not None:
        assert ratio >= near
        return
    far = np.abs(error) > 1
    assert far.sum() <= 0.0001 * far.size
    assert not far.any() or ratio >= 80


def in_steps(pcm: NDArray[np.float32]) -> Pcm:
    return np.clip(np.rint(pcm.astype(np.float64) * 32768), -32768, 32767)


@cache
def libopus() -> ctypes.CDLL:
    library = ctypes.CDLL(library_path())
    for function in (library.opus_multistream_decoder_create, library.opus_projection_decoder_create):
        function.restype = ctypes.c_void_p
    return library


class Reference:
    """A link decoded straight by libopus: multistream for all families, and its own projection decoder for family 3."""

    def __init__(self, head: OpusHead) -> None:
        self.head = head
        kind = "multistream" if head.demixing is None else "projection"
        table = head.mapping if head.demixing is None else head.demixing
        size = () if head.demixing is None else (len(head.demixing),)
        create = getattr(libopus(), f"opus_{kind}_decoder_create")
        self._decode = getattr(libopus(), f"opus_{kind}_decode_float")
        self._destroy = getattr(libopus(), f"opus_{kind}_decoder_destroy")
        self._state = ctypes.c_void_p(create(48000, head.channels, head.streams, head.coupled, table, *size, None))
        assert self._state.value
        gain = 10 ** (head.output_gain / 5120)
        self._gain = np.float32(gain)

    def __call__(self, packet: AudioPacket) -> NDArray[np.float32]:
        pcm = np.zeros((5760, self.head.channels), np.float32)
        count = self._decode(self._state, packet.data, len(packet.data), pcm.ctypes.data_as(ctypes.c_void_p), 5760, 0)
        pcm = pcm[packet.trim_start : max(count, 0) - packet.trim_end] * self._gain
        if self.head.mapping_family == 1 and self.head.channels in VORBIS_TO_WAV:
            pcm = pcm[:, VORBIS_TO_WAV[self.head.channels]]
        return pcm

    def __del__(self) -> None:
        self._destroy(self._state)


def reference_links(data: bytes) -> list[Pcm]:
    reader = OpusReader()
    links: list[list[NDArray[np.float32]]] = []
    decoder: Reference | None = None
    for item in reader.feed(data) + reader.finish():
        if isinstance(item, OpusHead):
            decoder = Reference(item)
            links.append([np.zeros((0, item.channels), np.float32)])
        elif isinstance(item, AudioPacket):
            assert decoder is not None
            links[-1].append(decoder(item))
    return [in_steps(np.concatenate(link)) for link in links]


def frames_of(data: bytes) -> list[Any]:
    reader = OpusReader()
    decoder = FrameDecoder(stats=reader.stats)
    return [frame for item in reader.feed(data) + reader.finish() for frame in decoder.decode(item)]


@pytest.mark.parametrize("vector", table("decode"))
def test_channels_and_samples_of_each_link_are_as_expected(vector: Vector) -> None:
    result, output = decode(vector.data)
    assert [link["channels"] for link in result.links] == numbers(vector.channels)
    lengths = [link["samples"] for link in result.links]
    assert lengths in [numbers(choice) for choice in vector.samples.split("|")]
    assert len(output.getvalue()) == 2 * sum(lengths) * numbers(vector.channels)[0]
    assert result.audio["samples"] == sum(lengths)


@pytest.mark.parametrize("vector", table("refuse"))
def test_what_is_refused_opens_no_output(vector: Vector) -> None:
    output = Output()
    with pytest.raises(FormatError):
        decode_body([vector.data], output.open)
    assert not output.channels


@pytest.mark.parametrize("vector", table("decode", "exact", "near"))
def test_the_pcm_equals_a_float_decode_by_libopus(vector: Vector) -> None:
    _, output = decode(vector.data)
    links = reference_links(vector.data)
    ours = steps(output)
    at = 0
    for link in links:
        if link.shape[1] == output.channels:
            compare(ours[at : at + len(link)], link, 25 if vector.pcm == "near" else None)
        at += len(link)
    assert at == len(ours)


@pytest.mark.parametrize("vector", table("decode"))
def test_frames_equal_the_whole_decode(vector: Vector) -> None:
    result, output = decode(vector.data, sample="float32")
    position = 0
    whole = np.frombuffer(output.getvalue(), np.float32).reshape(-1, output.channels)
    for frame in frames_of(vector.data):
        assert frame.position == position
        if frame.pcm.shape[1] == output.channels:
            np.testing.assert_array_equal(frame.pcm, whole[position : position + len(frame.pcm)])
        position += len(frame.pcm)
    assert position == result.audio["samples"]


@pytest.mark.skipif(shutil.which("opusdec") is None, reason="opusdec is not installed")
@pytest.mark.parametrize("vector", table("decode", "exact", "near", agrees="opusfile"))
def test_opusfile_agrees_where_it_is_right(vector: Vector, tmp_path: Path) -> None:
    if len(set(numbers(vector.channels))) > 1:
        pytest.skip("opusdec does not write files whose channels change")
    source, target = tmp_path / "in.opus", tmp_path / "out.raw"
    source.write_bytes(vector.data)
    command = ["opusdec", "--quiet", "--float", "--rate", "48000", str(source), str(tmp_path / "out.wav")]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("opusdec does not write this one to its end")
    shape = (-1, numbers(vector.channels)[0])
    body = (tmp_path / "out.wav").read_bytes()
    target.write_bytes(body[body.index(b"data") + 8 :])
    reference = in_steps(np.fromfile(target, np.float32).reshape(shape))
    _, output = decode(vector.data)
    compare(steps(output), reference, 25 if vector.pcm == "near" else None)


@pytest.mark.parametrize("vector", table("decode", "settle"))
def test_sound_around_a_hole_is_that_of_the_undamaged_stream(vector: Vector) -> None:
    base = decode(Vector("synthetic/base.opus", "", "", "", "", "").data)[1]
    ours, reference = steps(decode(vector.data)[1]), steps(base)
    assert ours.shape == reference.shape
    clean = np.ones(len(ours), bool)
    for frame in frames_of(vector.data):
        if frame.concealed:
            end = frame.position + len(frame.pcm)
            clean[frame.position : end + 48000] = False
            settled = slice(end + 12000, end + 48000)
            error, signal = (ours - reference)[settled], reference[settled]
            rms = np.sqrt((error**2).mean())
            assert rms < 64 or rms * 10 < np.sqrt((signal**2).mean())
    assert not clean.all()
    compare(ours[clean], reference[clean])


@pytest.mark.parametrize("vector", table("decode"))
def test_a_wav_of_it_is_read_back_alike(vector: Vector, tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with path.open("wb") as file:
        decode_body([vector.data], lambda channels, mask: WavWriter(file, channels, mask=mask))
    body = path.read_bytes()
    assert int.from_bytes(body[4:8], "little") == len(body) - 8
    _, output = decode(vector.data)
    assert body[body.index(b"data") + 8 :] == output.getvalue()


@pytest.mark.parametrize("vector", table("decode"))
@pytest.mark.parametrize("size", [7, 1369])
def test_any_cut_of_the_bytes_gives_the_same(vector: Vector, size: int) -> None:
    if len(vector.data) > 300_000:
        pytest.skip("takes long, and the pages are like those of others")
    whole, output = decode(vector.data, 1 << 30)
    result, cut = decode(vector.data, size)
    assert cut.getvalue() == output.getvalue()
    assert result == whole
