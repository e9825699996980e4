from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from bodies import every, joined, outcome, read
from mpeg import encoded
from oggstream.body.compressed import CompressedReader
from oggstream.body.container import Container, recognise
from oggstream.body.stated import Stated
from oggstream.errors import WrongContainerError
from oggstream.opus.items import StreamStats
from oggstream.sniff import MpegFrame, mpeg_frame

ADTS = bytes.fromhex("fff1584010 1ffc".replace(" ", ""))
ID3 = b"ID3\x04\0\0\0\0\0\x05title"


@pytest.mark.parametrize("codec", ["mp3", "aac"])
@pytest.mark.parametrize("rate", [24000, 44100])
@pytest.mark.parametrize("step", [13, 500, 1_000_000])
def test_what_pyav_knows_is_played_where_it_is_installed(codec: str, rate: int, step: int) -> None:
    body = encoded(codec, rate, 2)
    reader, items = read(body, every(step, body), content_type="audio/ogg")
    sound = joined(items)
    assert (reader.container, reader.announced) == (codec, (2, rate))
    assert rate * 0.95 < len(sound) < rate * 1.1
    spectrum = np.abs(np.fft.rfft(sound[:rate, 0]))
    assert 438 < spectrum.argmax() * rate / len(sound[:rate]) < 442
    assert reader.stats.links == 1
    assert reader.stats.bytes == len(body)
    assert reader.stats.warnings == [
        f"the service sent {codec.upper()}, which starts later than opus; ask the service for wav or pcm (--format)"
    ]


@pytest.mark.parametrize("codec", ["mp3", "aac"])
def test_of_a_file_nothing_is_said_of_a_service(codec: str) -> None:
    reader, _ = read(encoded(codec), service=False)
    assert reader.stats.warnings == [
        f"the file is {codec.upper()}, which starts later than opus; convert the file to Ogg Opus or WAV"
    ]


def test_a_tag_before_the_sound_is_passed_over() -> None:
    body = encoded("mp3")
    plain = joined(read(body)[1])
    tagged = b"ID3\x04\0\0\0\0\x07\x68" + bytes(1000) + body
    for step in (7, 100_000):
        assert np.array_equal(joined(read(tagged, every(step, tagged))[1]), plain)


def test_damage_in_the_middle_is_passed_over() -> None:
    body = encoded("mp3")
    middle = len(body) // 2
    reader, items = read(body[:middle] + b"\xff\xfb\x90\x64" + b"?" * 5000 + body[middle:])
    assert len(joined(items)) > 20000
    assert reader.stats.bytes == len(body) + 5004


@pytest.mark.parametrize("body", [ID3 + b"?" * 100, ID3, ID3[:12], b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(500)])
def test_a_body_without_a_frame_is_refused_with_or_without_pyav(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongContainerError, match=r"MP3.*ask the service for wav or pcm"):
        read(body)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(WrongContainerError, match=r"MP3.*ask the service for wav or pcm"):
        read(body)


def test_what_never_gives_a_frame_is_refused_in_time() -> None:
    pytest.importorskip("av", reason="PyAV is not installed (the extra codec)")
    with pytest.raises(WrongContainerError, match="damaged MP3"):
        read(ID3 + b"?" * 70_000 + bytes(10), [70_000])


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (ID3 + bytes(500), r"MP3 \(with an ID3 tag\)"),
        (b"\xff\xfb\x90\x64" + bytes(413) + b"\xff\xfb\x90\x64" + bytes(413), "MP3"),
        (ADTS + bytes(121) + ADTS + bytes(121), "AAC"),
    ],
)
@pytest.mark.parametrize("step", [1, 10_000])
def test_without_pyav_the_options_are_named(body: bytes, name: str, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    says = rf"the body is {name} from byte 0 on; ask .*--format\), or install oggstream\[codec\], which can decode it"
    with pytest.raises(WrongContainerError, match=says):
        read(body, every(step, body), content_type="audio/pcm", format="pcm")


def test_flac_is_refused_in_any_case() -> None:
    with pytest.raises(WrongContainerError, match=r"the body is FLAC from byte 0 on; ask .*--format\)$"):
        read(b"fLaC\0\0\0\x22" + bytes(100), range(1, 100))


@pytest.mark.parametrize(
    ("first", "frame"),
    [
        (b"\xff\xfb\x90\x64", MpegFrame("MP3", 417)),
        (b"\xff\xfb\x92\x64", MpegFrame("MP3", 418)),
        (b"\xff\xf3\x84\xc4", MpegFrame("MP3", 192)),
        (b"\xff\xe3\x48\xc4", MpegFrame("MP3", 288)),
        (b"\xff\xfb\x00\x64", None),
        (b"\xff\xfd\x90\x64", None),
        (b"\xff\xfb", None),
        (ADTS, MpegFrame("AAC", 128)),
        (ADTS[:5], MpegFrame("AAC", 7)),
        (ADTS[:4] + b"\0\x1f", None),
        (b"", None),
        (b"OggS", None),
    ],
)
def test_frames_of_mpeg_audio_say_how_long_they_are(first: bytes, frame: MpegFrame | None) -> None:
    assert mpeg_frame(first) == frame


@given(
    body=st.binary(max_size=200),
    wanted=st.sampled_from(["opus", "pcm", "wav"]),
    kind=st.sampled_from(["", "text/event-stream"]),
)
def test_what_a_body_is_does_not_depend_on_how_much_more_there_is(body: bytes, wanted: str, kind: str) -> None:
    stated = Stated(kind, wanted)
    for start in (b"", b"\xff\xfb", b"\xff\xf1", b"RIFF", b"Og", b"dat", b"\xef\xbb\xbf", b" \n", b"ID", b"fLa"):
        known: Container | None = None
        for end in range(1, len(start + body) + 1):
            found = recognise((start + body)[:end], stated, ended=False)
            assert known is None or found is known
            known = found
        assert recognise(start + body, stated, ended=True) is not None
        if known is not None:
            assert recognise(start + body, stated, ended=True) is known


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 8000), max_size=6), at=st.integers(0, 7000), junk=st.binary(max_size=40))
def test_any_pieces_give_the_same_sound(cuts: list[int], at: int, junk: bytes) -> None:
    body = encoded("mp3")
    body = body[:at] + junk + body[at:]
    assert outcome(body, cuts) == outcome(body)


def test_pyav_is_not_loaded_for_anything_else() -> None:
    assert "av" not in importlib.import_module("oggstream.body.compressed").__dict__


@pytest.mark.parametrize("step", [1, 3, 7, 9, 64])
def test_aac_in_pieces_of_a_header_is_recognised_as_in_one(step: int) -> None:
    body = encoded("aac")
    reader, items = read(body, every(step, body), content_type="audio/ogg")
    assert reader.container == "aac"
    assert np.array_equal(joined(items), joined(read(body, content_type="audio/ogg")[1]))


class Damaged:
    """A frame of 58 channels, say, for which PyAV has no layout."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def to_ndarray(self) -> object:
        raise self.error


class Codec:
    """A decoder of PyAV's that raises ``error`` in the call named ``where``."""

    def __init__(self, where: str, error: BaseException) -> None:
        self.where = where
        self.error = error

    def parse(self, data: bytes) -> list[bytes]:
        if self.where == "parse":
            raise self.error
        return [data]

    def decode(self, packet: bytes | None) -> list[Damaged]:
        if self.where == "decode":
            raise self.error
        return [Damaged(self.error)]


@pytest.mark.parametrize("where", ["parse", "decode", "to_ndarray"])
@pytest.mark.parametrize(
    "error", [ValueError("unknown layout of 58 channels"), TypeError(), OverflowError(), RuntimeError(), KeyError(58)]
)
def test_whatever_pyav_raises_is_damage_and_no_foreign_error(where: str, error: Exception) -> None:
    stats = StreamStats()
    reader = CompressedReader(Codec(where, error), "AAC", stats, "ask for wav")
    assert reader.feed(bytes(1000)) == []
    assert stats.bad_packets == 1
    with pytest.raises(WrongContainerError, match=r"damaged AAC.*ask for wav"):
        reader.finish()
