from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bodies import every, joined, outcome, read, tone, wav
from oggstream.body.body_reader import BodyReader
from oggstream.body.media import MediaType
from oggstream.errors import EmptyBodyError, NoAudioError, WrongContainerError

TONE = tone()
PCM = TONE.tobytes()
SOUND = (TONE / 32768).astype(np.float32)


@pytest.mark.parametrize("kind", ["audio/pcm", "Audio/PCM", "audio/x-pcm", "application/octet-stream", "", "audio/L16"])
@pytest.mark.parametrize("step", [1, 2, 3, 63, 64, 65, 1001, 100_000])
def test_any_pieces_give_the_samples(kind: str, step: int) -> None:
    reader, items = read(PCM, every(step, PCM), content_type=kind, format="pcm")
    assert np.array_equal(joined(items), SOUND)
    assert (reader.container, reader.announced, reader.head) == ("pcm", (1, 24000), None)
    assert (reader.stats.bytes, reader.stats.links, reader.stats.packets) == (len(PCM), 1, 0)
    assert reader.stats.warnings == []


@pytest.mark.parametrize(
    ("kind", "announced"),
    [
        ("audio/pcm;rate=16000", (1, 16000)),
        ('audio/pcm; rate="22050"; channels=2', (2, 22050)),
        ("audio/L16; RATE=8000;channels=1", (1, 8000)),
        ("audio/pcm;sample_rate=44100", (1, 44100)),
        ("audio/pcm;channels=9", (1, 24000)),
        ("audio/pcm;channels=0", (1, 24000)),
        ("audio/pcm;codec=pcm", (1, 24000)),
    ],
)
def test_the_type_says_rate_and_channels(kind: str, announced: tuple[int, int]) -> None:
    reader, items = read(PCM, content_type=kind, format="pcm")
    assert reader.announced == announced
    assert joined(items).shape == (len(TONE) // announced[0], announced[0])
    assert reader.stats.warnings == []


@pytest.mark.parametrize("rate", ["0", "1", "-24000", "24k", "99999999999", "", "\u00b2"])
def test_a_rate_that_makes_no_sense_is_a_warning(rate: str) -> None:
    reader, _ = read(PCM, content_type=f"audio/pcm;rate={rate}", format="pcm")
    assert reader.announced == (1, 24000)
    assert reader.stats.warnings == ["the media type has a sample rate that makes no sense: taken as 24000 Hz"]


def test_half_a_sample_at_the_end_is_left_out_with_a_warning() -> None:
    reader, items = read(PCM + b"\x05", format="pcm")
    assert np.array_equal(joined(items), SOUND)
    assert reader.stats.warnings == ["the body ends in the middle of a sample: its last 1 bytes are left out"]


@pytest.mark.parametrize("size", [2, 4, 62, 64])
def test_a_short_body_is_played(size: int) -> None:
    assert len(joined(read(PCM[:size], every(1, PCM[:size]), format="pcm")[1])) == size // 2


def test_a_body_of_one_byte_is_no_audio() -> None:
    with pytest.raises(NoAudioError, match="less than a sample"):
        read(b"\x01", format="pcm")


def test_an_empty_body_is_empty() -> None:
    with pytest.raises(EmptyBodyError):
        read(b"", content_type="audio/pcm", format="pcm")


@pytest.mark.parametrize("silence", [0, 2, 1000, 1001])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_linear_16_is_read_in_the_order_in_which_it_is_sound(silence: int, step: int) -> None:
    sound = np.concatenate((np.zeros((silence, 1), np.int16), TONE))
    for order in ("<i2", ">i2"):
        body = sound.astype(order).tobytes()
        _, items = read(body, every(step, body), content_type="audio/L16;rate=24000", format="pcm")
        assert np.array_equal(joined(items), (sound / 32768).astype(np.float32))


@pytest.mark.parametrize("order", ["<i2", ">i2"])
def test_a_first_sample_that_is_quieter_in_the_wrong_order_deceives_nobody(order: str) -> None:
    sound = np.arange(256, 2000, 7, dtype=np.int16)
    _, items = read(sound.astype(order).tobytes(), content_type="audio/L16", format="pcm")
    assert np.array_equal(joined(items)[:, 0], (sound / 32768).astype(np.float32))


def test_the_silence_before_linear_16_does_not_wait() -> None:
    reader = BodyReader(content_type="audio/L16", format="pcm")
    assert len(joined(reader.feed(bytes(960)))) == 480


@pytest.mark.parametrize(("said", "order"), [("little-endian", "<i2"), ("big-endian", ">i2")])
def test_a_stated_order_is_obeyed(said: str, order: str) -> None:
    noise = np.random.default_rng(1).integers(-32768, 32767, 500).astype(np.int16)
    _, items = read(noise.astype(order).tobytes(), content_type=f"audio/l16;rate=16000;endianness={said}", format="pcm")
    assert np.array_equal(joined(items)[:, 0], (noise / 32768).astype(np.float32))


def test_in_doubt_linear_16_is_big_endian() -> None:
    _, items = read(b"\x01\x01\x02\x00", content_type="audio/L16", format="pcm")
    assert (joined(items)[:, 0] * 32768).tolist() == [257, 512]
    _, items = read(b"\x00\x01", content_type="audio/L16", format="pcm")
    assert joined(items)[0, 0] * 32768 == 1


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/wav", "text/plain", "audio/ogg"])
def test_samples_of_another_type_are_not_believed(kind: str) -> None:
    with pytest.raises(WrongContainerError, match=f"its type is {kind}.*application/octet-stream.*--format"):
        read(PCM, content_type=kind, format="pcm")


@pytest.mark.parametrize("wanted", ["opus", "wav", "auto"])
def test_samples_that_nobody_asked_for_are_not_believed(wanted: str) -> None:
    with pytest.raises(WrongContainerError, match="unknown data"):
        read(PCM, content_type="audio/pcm", format=wanted)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"error": {"message": "no such voice"}}', "JSON .no such voice."),
        (b'{"error": {"message": "' + b"no " * 1000 + b'"}}', "JSON"),
        (b"<!DOCTYPE html><html><body>Bad gateway</body></html>" * 3, "HTML"),
        (b"upstream connect error or disconnect/reset before headers", "text"),
        ("Größe überschritten".encode() * 9, "text"),
        (b"fLaC\0\0\0\x22" + PCM, "FLAC"),
        (b"\0\0\0\x20ftypM4A " + PCM, "MP4"),
        (b"\x1aE\xdf\xa3" + PCM, "WebM"),
    ],
)
@pytest.mark.parametrize("step", [1, 100, 100_000])
def test_what_is_something_else_is_not_played_as_noise(body: bytes, name: str, step: int) -> None:
    with pytest.raises(WrongContainerError, match=f"the body is {name}"):
        read(body, every(step, body), content_type="audio/pcm", format="pcm")


@pytest.mark.parametrize(
    "first", [b"\xff\xff\xff\xff", b"\xff\xfb\x90\x64", b"\xff\xf1\x50\x80\x00\x1f\xfc", b"{\0", b"OggX", b"RIFF"]
)
def test_samples_that_begin_like_something_else_are_samples(first: bytes) -> None:
    body = first + PCM[len(first) % 2 :] + bytes(3000)
    body = body[: len(body) & ~1]
    for step in (1, 5, 100_000):
        reader, items = read(body, every(step, body), content_type="audio/pcm", format="pcm")
        assert reader.container == "pcm"
        assert len(joined(items)) == len(body) // 2


def test_what_has_a_header_is_read_by_its_header() -> None:
    reader, items = read(wav(PCM), content_type="audio/pcm;rate=48000", format="pcm")
    assert (reader.container, reader.announced) == ("wav", (1, 24000))
    assert np.array_equal(joined(items), SOUND)


def test_frames_are_of_20_ms_at_most() -> None:
    _, items = read(PCM, format="pcm")
    assert [len(item.pcm) for item in items] == [480] * 5  # type: ignore[union-attr]


@given(
    body=st.binary(max_size=400),
    cuts=st.lists(st.integers(1, 400), max_size=8),
    kind=st.sampled_from(["audio/pcm", "audio/L16;channels=2", "", "audio/mpeg"]),
)
def test_any_bytes_in_any_pieces_give_the_same(body: bytes, cuts: list[int], kind: str) -> None:
    assert outcome(body, cuts, content_type=kind, format="pcm") == outcome(body, content_type=kind, format="pcm")


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("", "", {}),
        (" Audio/PCM ; Rate = 8000 ;x;=;a=b=c", "audio/pcm", {"rate": "8000", "": "", "a": "b=c"}),
        (";;;", "", {}),
    ],
)
def test_media_types_are_read_as_far_as_they_make_sense(text: str, name: str, parameters: dict[str, str]) -> None:
    assert MediaType.parse(text) == (name, parameters)
