"""Bodies that are compressed without having been requested so."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bodies import events, every, joined, outcome, read, tone, wav
from oggstream.body import inflate
from oggstream.body.body_reader import BodyReader
from oggstream.errors import FormatError
from oggstream.opus.items import AudioPacket

TONE = tone()
PCM = TONE.tobytes()
SOUND = (TONE / 32768).astype(np.float32)
OGG = (Path(__file__).parent / "fixtures" / "generation_b.opus").read_bytes()
WARNING = "the body is compressed, though it was asked for as it is"


@pytest.mark.parametrize("squeeze", [gzip.compress, zlib.compress, lambda data: zlib.compress(data, 1)])
@pytest.mark.parametrize("step", [1, 100, 1_000_000])
@pytest.mark.parametrize("inner", [wav(PCM), events(wav(PCM))])
def test_it_is_read_as_if_it_were_not(squeeze: Any, step: int, inner: bytes) -> None:
    body = squeeze(inner)
    reader, items = read(body, every(step, body))
    assert np.array_equal(joined(items), SOUND)
    assert reader.stats.warnings == [WARNING]
    assert reader.stats.bytes == len(body)
    assert reader.complete


def test_opus_comes_out_packet_by_packet_before_the_end() -> None:
    body = gzip.compress(OGG)
    reader = BodyReader()
    items = reader.feed(body[: len(body) // 2])
    assert any(isinstance(item, AudioPacket) for item in items)


def test_samples_are_unpacked_where_gzip_says_so() -> None:
    body = gzip.compress(PCM)
    assert np.array_equal(joined(read(body, content_type="audio/pcm", format="pcm:24000")[1]), SOUND)


def test_parts_in_a_row_are_one_body() -> None:
    whole = wav(PCM)
    body = gzip.compress(whole[:1000]) + gzip.compress(whole[1000:])
    assert np.array_equal(joined(read(body, every(99, body))[1]), SOUND)


def test_what_is_cut_is_not_complete() -> None:
    reader, items = read(gzip.compress(wav(PCM))[:-20])
    assert not reader.complete
    assert len(joined(items))


def test_damage_ends_it_behind_what_was_good() -> None:
    body = bytearray(gzip.compress(wav((tone(200_000) + np.arange(200_000)[:, None] % 999).astype("<i2").tobytes())))
    body[len(body) // 2 : len(body) // 2 + 500] = b"\xff" * 500
    reader = BodyReader()
    assert len(joined(reader.feed(bytes(body)))) > 1000
    with pytest.raises(FormatError, match="compressed and damaged"):
        reader.finish()


def test_a_few_bytes_never_become_gigabytes() -> None:
    body = gzip.compress(bytes(80 << 20))
    reader = BodyReader(format="pcm:24000")
    most = 0
    for at in range(0, len(body), 10_000):
        items = reader.feed(body[at : at + 10_000])
        while reader.pending:
            most = max(most, joined_samples(items))
            items = reader.feed(b"")
        if reader.failure is not None:
            break
    assert "compressed further than sound can be" in str(reader.failure)
    assert most < 8 << 20


def joined_samples(items: list[Any]) -> int:
    return sum(len(item.pcm) for item in items)


@pytest.mark.parametrize("first", [b"\x1f\x8b\x07", b"x\x9c", b"x\x01"])
def test_samples_that_begin_like_it_are_samples(first: bytes) -> None:
    body = first + bytes(len(first) % 2) + PCM
    assert outcome(body, format="pcm:24000")[0] == (np.frombuffer(body, "<i2") / 32768).astype(np.float32).tobytes()


@pytest.mark.parametrize("step", [64, 1_000_000])
def test_compressed_bytes_within_events_are_refused(step: int) -> None:
    body = events(gzip.compress(wav(PCM)))
    with pytest.raises(FormatError, match="gzip data"):
        read(body, every(step, body))


@pytest.mark.parametrize("step", [64, 701, 5000])
def test_what_a_bomb_gives_before_it_is_refused_does_not_depend_on_its_pieces(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "_MOST", 1_000_001)
    body = gzip.compress(bytes(20_000_000))
    said: dict[str, Any] = {"content_type": "audio/pcm", "format": "pcm:24000"}
    whole = outcome(body, **said)
    assert whole[0] == bytes(4 * 500_000)
    assert outcome(body, every(step, body), **said) == whole
