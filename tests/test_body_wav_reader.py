from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bodies import SUBFORMAT_TAIL, chunk, every, extensible, form, joined, outcome, read, tone, wav
from oggstream.audio.resample import KEPT
from oggstream.body import wav_reader as module
from oggstream.body.body_reader import BodyReader
from oggstream.body.sse import MAX_EVENT
from oggstream.errors import FormatError, NoAudioError

TONE = tone()
PCM = TONE.tobytes()
SOUND = (TONE / 32768).astype(np.float32)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 13, 45, 1000, 100_000])
def test_any_pieces_give_the_samples(step: int) -> None:
    body = wav(PCM)
    reader, items = read(body, every(step, body))
    assert np.array_equal(joined(items), SOUND)
    assert (reader.container, reader.announced) == ("wav", (1, 24000))
    assert reader.stats.as_dict() | {"bytes": 0, "links": 0} == reader.stats.__class__().as_dict()
    assert (reader.stats.bytes, reader.stats.links) == (len(body), 1)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x7FFFF000, 0x80000000])
def test_an_open_size_means_until_the_end(size: int) -> None:
    reader, items = read(wav(PCM, size=size))
    assert np.array_equal(joined(items), SOUND)
    assert reader.stats.warnings == []


@pytest.mark.parametrize(
    ("fmt", "data"),
    [
        (form(bits=8), (TONE.astype(np.int32) // 256 + 128).astype(np.uint8).tobytes()),
        (form(bits=32), (TONE.astype(np.int32) << 16).tobytes()),
        (form(bits=24), (TONE.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()),
        (form(3, bits=32), SOUND.tobytes()),
        (form(3, bits=64), SOUND.astype(np.float64).tobytes()),
        (form(extra=b"\0\0"), PCM),
        (form(bits=12), PCM),
        (extensible(1, 16), PCM),
        (extensible(3, 32), SOUND.tobytes()),
    ],
    ids=["u8", "s32", "s24", "f32", "f64", "s16 with an extension", "12 bits in 16", "extensible", "extensible f32"],
)
def test_every_kind_of_samples_is_read(fmt: bytes, data: bytes) -> None:
    body = wav(data, fmt)
    _, items = read(body, every(11, body))
    assert joined(items) == pytest.approx(SOUND, abs=1 / 128 if fmt == form(bits=8) else 1e-7)


def test_negative_samples_of_24_bits_keep_their_sign() -> None:
    _, items = read(wav(b"\xff\xff\xff\x00\x00\x80\xff\xff\x7f", form(bits=24)))
    assert joined(items)[:, 0] * 2**23 == pytest.approx([-1, -(2**23), 2**23 - 1])


@pytest.mark.parametrize(("tag", "silence", "loudest"), [(6, 0xD5, 0xAA), (7, 0xFF, 0x80)])
def test_g711_is_read(tag: int, silence: int, loudest: int) -> None:
    _, items = read(wav(bytes((silence, loudest)), form(tag, rate=8000, bits=8)))
    quiet, loud = joined(items)[:, 0]
    assert abs(quiet) < 0.001
    assert 0.98 < loud < 1


@pytest.mark.parametrize("channels", [2, 3, 6, 8])
def test_channels_stay_apart(channels: int) -> None:
    sound = tone(channels=channels)
    reader, items = read(wav(sound.tobytes(), form(channels=channels)), every(7, wav(sound.tobytes())))
    assert np.array_equal(joined(items), (sound / 32768).astype(np.float32))
    assert reader.announced == (channels, 24000)


@pytest.mark.parametrize("bits", [32, 64])
def test_any_bits_of_floats_are_sound(bits: int) -> None:
    noise = np.random.default_rng(1).bytes(80_000) + b"\x01\0\xa0\x7f\x01\0\xf4\xff" * 8
    _, items = read(wav(noise, form(3, bits=bits)))
    assert (abs(joined(items)) <= 4).all()


def test_floats_that_are_no_numbers_are_silence_and_too_loud_ones_limited() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1e30, 0.5, -2.0], np.float32)
    _, items = read(wav(values.tobytes(), form(3, bits=32)))
    assert joined(items)[:, 0].tolist() == [0, 4, -4, 4, 0.5, -2]


@pytest.mark.parametrize(
    "before",
    [
        chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf60.16.100\0"),
        chunk(b"fact", b"\0\0\0\0"),
        chunk(b"odd ", b"abc"),
        chunk(b"odd ", b"abc")[:-1],  # a writer that forgot the padding
        chunk(b"JUNK", bytes(100_000)),
        chunk(b"none", b""),
    ],
)
def test_other_chunks_are_passed_over(before: bytes) -> None:
    body = wav(PCM, before=before)
    _, items = read(body, every(997, body))
    assert np.array_equal(joined(items), SOUND)


def test_chunks_behind_the_samples_are_no_sound() -> None:
    body = wav(PCM + PCM[:1], form(bits=16), len(PCM), after=chunk(b"LIST", b"INFO"))
    assert len(joined(read(wav(PCM, after=chunk(b"LIST", b"INFOx")))[1])) == len(TONE)
    assert len(joined(read(body)[1])) >= len(TONE)


def test_more_samples_than_promised_are_played_with_a_warning() -> None:
    reader, items = read(wav(PCM, size=480))
    assert np.array_equal(joined(items), SOUND)
    assert reader.stats.warnings == ["more samples than the WAV header promises, from byte 524 on"]


def test_fewer_samples_than_promised_are_a_warning() -> None:
    reader, items = read(wav(PCM)[:-100])
    assert len(joined(items)) == len(TONE) - 50
    assert reader.stats.warnings == ["the WAV header promises 100 bytes more than came"]


def test_half_a_sample_at_the_end_is_left_out_with_a_warning() -> None:
    reader, items = read(wav(PCM + b"\x01", size=0))
    assert np.array_equal(joined(items), SOUND)
    assert reader.stats.warnings == ["the body ends in the middle of a sample: its last 1 bytes are left out"]


def test_big_endian_riff_is_read() -> None:
    content = (
        b"WAVE" + chunk(b"fmt ", form(order=">"), order=">") + chunk(b"data", TONE.astype(">i2").tobytes(), order=">")
    )
    body = chunk(b"RIFX", content, order=">")
    _, items = read(body, every(5, body))
    assert np.array_equal(joined(items), SOUND)


def test_rf64_has_its_size_in_a_chunk_of_its_own() -> None:
    sizes = chunk(b"ds64", struct.pack("<QQQI", len(PCM) + 100, len(PCM), len(TONE), 0))
    tail = chunk(b"fmt ", form()) + chunk(b"data", PCM, 0xFFFFFFFF) + chunk(b"LIST", b"INFO")
    body = b"RF64\xff\xff\xff\xffWAVE" + sizes + tail
    _, items = read(body, every(9, body))
    assert np.array_equal(joined(items), SOUND)


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
@pytest.mark.parametrize("step", [1, 50, 10_000])
def test_a_wav_file_for_each_sentence_plays_on(size: int | None, step: int) -> None:
    body = wav(PCM, size=size) + wav(PCM, size=size)
    reader, items = read(body, every(step, body))
    assert np.array_equal(joined(items), np.concatenate((SOUND, SOUND)))
    assert reader.stats.warnings == []
    assert reader.stats.links == 1


def test_the_next_file_may_have_another_format() -> None:
    stereo = tone(channels=2, rate=48000)
    reader, items = read(wav(PCM, size=0) + wav(stereo.tobytes(), form(channels=2, rate=48000), 0))
    frames = [(frame.pcm.shape[1], frame.rate) for frame in items]  # type: ignore[union-attr]
    assert set(frames) == {(1, 24000), (2, 48000)}
    assert frames == sorted(frames)
    assert items[-1].position == 4800 + 1920  # type: ignore[union-attr]
    assert reader.announced == (1, 24000)


@pytest.mark.parametrize("mark", [b"R", b"RI", b"RIFF", b"RIFFxxxx", b"RIFFxxxxWAVEfmt", b"RIFFxxxxWAVX", b"RIRIFFF"])
@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_samples_that_look_like_the_start_of_a_file_are_samples(mark: bytes, step: int) -> None:
    data = PCM[:100] + mark + PCM[:100] + mark
    data += b"\0" * (len(data) & 1)
    body = wav(data, size=0)
    assert (
        joined(read(body, every(step, body))[1]).tobytes()
        == (np.frombuffer(data, "<i2") / 32768).astype("f4").tobytes()
    )
    body = wav(data[:-4] + b"..RI", size=0)
    assert len(joined(read(body, every(step, body))[1])) == len(data) // 2


def test_half_a_sample_before_another_chunk_of_samples_is_left_out() -> None:
    body = wav(PCM[:-1], after=chunk(b"data", PCM))
    reader, items = read(body)
    assert len(joined(items)) == 2 * len(TONE) - 1
    assert reader.stats.warnings == [f"samples that end in the middle of one, before byte {len(body) - len(PCM)}"]


def test_the_header_is_believed_and_not_the_type() -> None:
    reader, _ = read(wav(PCM), content_type="audio/wav;rate=16000")
    assert reader.announced == (1, 24000)
    assert reader.stats.warnings == ["the media type says 16000 Hz, the WAV header 24000 Hz, which is believed"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (wav(PCM, form(channels=0)), "0 channels"),
        (wav(PCM, form(channels=256)), "256 channels"),
        (wav(PCM, form(rate=0)), "a sample rate of 0 Hz"),
        (wav(PCM, form(rate=4_000_000)), "a sample rate of 4000000 Hz"),
        (wav(PCM, form(bits=40)), "integers of 40 bits"),
        (wav(PCM, form(3, bits=16)), "floats of 16 bits"),
        (wav(PCM, form(0x11, bits=4)), "IMA ADPCM"),
        (wav(PCM, form(0x55, bits=0)), "MP3"),
        (wav(PCM, form(0x1234)), "format 0x1234"),
        (wav(PCM, form(0xFFFE)), "an extensible format without a known subformat"),
        (wav(PCM, extensible(0x55, 16)), "MP3"),
        (
            wav(PCM, form(0xFFFE, extra=b"\x16\0\x10\0\0\0\0\0\1\0" + SUBFORMAT_TAIL[:-1] + b"x")),
            "an extensible format",
        ),
        (wav(PCM, b"x" * 10), 'a "fmt " chunk of 10 bytes'),
        (wav(PCM, b"x" * 2000), 'a "fmt " chunk of 2000 bytes'),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"data", PCM), 'samples before the "fmt " chunk'),
        (b"RF64\0\0\0\0WAVE" + chunk(b"ds64", b"1"), 'a "ds64" chunk of 1 bytes'),
        (wav(PCM, before=chunk(b"JUNK", bytes(module.MAX_HEADER))), "no samples in 1048576 bytes"),
    ],
)
@pytest.mark.parametrize("step", [1000, 10_000_000])
def test_what_cannot_be_played_is_refused_with_its_reason(body: bytes, says: str, step: int) -> None:
    with pytest.raises(
        FormatError, match=f"WAV that cannot be played: {says}.*ask the service for wav or pcm"
    ) as raised:
        read(body, every(step, body))
    assert raised.value.offset is not None


@pytest.mark.parametrize("size", [12, 20, 40, 44])
def test_a_header_without_samples_is_no_audio(size: int) -> None:
    with pytest.raises(NoAudioError, match="before its first sample"):
        read(wav(PCM)[:size])


def test_what_came_before_a_bad_second_header_is_kept() -> None:
    body = wav(PCM) + wav(PCM, form(rate=0))
    reader = BodyReader()
    assert len(joined(reader.feed(body))) == len(TONE)
    with pytest.raises(FormatError, match="0 Hz"):
        reader.feed(b"x")
    for _ in range(2):
        with pytest.raises(FormatError, match="0 Hz"):
            reader.finish()


def test_formats_that_change_again_and_again_are_refused() -> None:
    body = b"".join(wav(PCM, form(rate=24000 + number)) for number in range(module.MAX_FORMATS + 1))
    with pytest.raises(FormatError, match="16 changes of format"):
        read(body, every(1000, body))
    same = wav(PCM) * (module.MAX_FORMATS + 5)
    assert len(joined(read(same)[1])) == len(TONE) * (module.MAX_FORMATS + 5)


def test_the_page_of_limits_has_these_values() -> None:
    text = (Path(__file__).parent.parent / "docs" / "limits.md").read_text(encoding="utf-8")
    assert (module.MAX_HEADER, module.MAX_FORMATS, MAX_EVENT, KEPT) == (1 << 20, 16, 12 << 20, 8)
    for value in ("1 MiB before", "12 MiB", "| 16 |", "| 8 |"):
        assert value in text


@given(data=st.binary(min_size=1, max_size=300), cuts=st.lists(st.integers(1, 400), max_size=8))
def test_any_bytes_in_any_pieces_give_the_same(data: bytes, cuts: list[int]) -> None:
    for body in (wav(PCM[:50]) + data, wav(data, size=0) + wav(data), b"RIFF\0\0\0\0WAVE" + data):
        assert outcome(body, cuts) == outcome(body)
