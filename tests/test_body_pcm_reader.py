from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bodies import every, joined, outcome, read, tone, wav
from oggstream.audio.frame import PcmFrame
from oggstream.body.body_reader import BodyReader
from oggstream.body.media import MediaType
from oggstream.errors import EmptyBodyError, NoAudioError, WrongContainerError

TONE = tone()
PCM = TONE.tobytes()
SOUND = (TONE / 32768).astype(np.float32)
SPEECH = (np.sin(np.arange(1, 2400) / 7) * np.minimum(np.arange(1, 2400) * 8, 9000) + 7).astype(np.int16)


@pytest.mark.parametrize("kind", ["audio/pcm", "Audio/PCM", "audio/x-pcm", "application/octet-stream", "", "audio/L16"])
@pytest.mark.parametrize("step", [1, 2, 3, 63, 64, 65, 1001, 100_000])
def test_any_pieces_give_the_samples(kind: str, step: int) -> None:
    reader, items = read(PCM, every(step, PCM), content_type=kind, format="pcm:24000")
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
        ("audio/pcm;rate=24000;channels=9", (1, 24000)),
        ("audio/pcm;rate=24000;channels=0", (1, 24000)),
        ("audio/pcm;rate=24000;codec=pcm", (1, 24000)),
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
    (warning,) = reader.stats.warnings
    assert warning == (
        "the media type has a sample rate that makes no sense: taken as 24000 Hz; a format of pcm:RATE makes that "
        "certain (--format)"
    )


def test_a_rate_that_nobody_says_is_a_guess_that_is_told() -> None:
    reader, _ = read(PCM, content_type="audio/pcm", format="pcm")
    assert reader.announced == (1, 24000)
    (warning,) = reader.stats.warnings
    assert warning.startswith("nobody says the sample rate: taken as 24000 Hz")


def test_half_a_sample_at_the_end_is_left_out_with_a_warning() -> None:
    reader, items = read(PCM + b"\x05", format="pcm:24000")
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


def test_in_doubt_linear_16_is_little_endian() -> None:
    _, items = read(b"\x01\x01\x02\x00", content_type="audio/L16", format="pcm")
    assert (joined(items)[:, 0] * 32768).tolist() == [257, 2]
    _, items = read(b"\x01\x00", content_type="audio/L16", format="pcm")
    assert joined(items)[0, 0] * 32768 == 1


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/wav", "audio/ogg"])
@pytest.mark.parametrize("silence", [0, 4801])
@pytest.mark.parametrize("step", [1, 100, 100_000])
def test_samples_under_a_wrong_name_are_known_by_their_content(kind: str, silence: int, step: int) -> None:
    body = bytes(2 * silence) + PCM
    reader, items = read(body, every(step, body), content_type=kind, format="pcm:24000")
    assert np.array_equal(joined(items)[silence:], SOUND)
    assert reader.stats.warnings == [f"the body's type is {kind}, but it is bare samples by its content"]


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/wav"])
def test_noise_under_a_wrong_name_is_not_believed(kind: str) -> None:
    noise = np.random.default_rng(3).integers(0, 256, 9600, dtype=np.uint8).tobytes()
    with pytest.raises(WrongContainerError, match=f"its type is {kind}.*application/octet-stream.*--format"):
        read(noise, content_type=kind, format="pcm")


def test_samples_that_are_called_text_are_not_believed() -> None:
    with pytest.raises(WrongContainerError, match=r"its type is text/plain.*--format"):
        read(PCM, content_type="text/plain", format="pcm")


@pytest.mark.parametrize("wanted", ["opus", "wav", "auto"])
def test_samples_that_nobody_asked_for_are_not_believed_at_an_unknown_rate(wanted: str) -> None:
    with pytest.raises(WrongContainerError, match=r"bare samples .audio/pcm. at an unknown rate.*pcm:RATE"):
        read(PCM, content_type="audio/pcm", format=wanted)
    with pytest.raises(WrongContainerError, match="unknown data"):
        read(PCM, content_type="", format=wanted)


@pytest.mark.parametrize("wanted", ["opus", "wav", "auto"])
@pytest.mark.parametrize(
    "said",
    [
        {"content_type": "audio/pcm;rate=16000"},
        {"content_type": "audio/pcm", "headers": {"X-Sample-Rate": "16000"}},
        {"content_type": "application/octet-stream", "headers": {"x-audio-sample-rate": "16000"}},
        {"content_type": "audio/pcm", "chosen": "pcm:16000"},
        {"content_type": "", "chosen": "pcm:16000"},
        {"content_type": "audio/wav", "chosen": "pcm:16000"},
    ],
)
def test_samples_whose_rate_is_known_are_believed(wanted: str, said: dict[str, Any]) -> None:
    reader, items = read(PCM, format=wanted, **said)
    assert np.array_equal(joined(items), SOUND)
    assert reader.announced == (1, 16000)


def test_who_knows_best_is_believed_first() -> None:
    said: dict[str, Any] = {
        "content_type": "audio/pcm;rate=16000",
        "headers": {"X-Sample-Rate": "22050"},
        "chosen": "pcm:8000",
    }
    assert read(PCM, format="pcm", **said)[0].announced == (1, 16000)
    reader, _ = read(PCM, format="pcm:44100:2", **said)
    assert reader.announced == (2, 44100)
    assert reader.stats.warnings == [
        "the format option says 44100 Hz, the media type 16000 Hz: the format option is believed",
        "the format option says 44100 Hz, a header 22050 Hz: the format option is believed",
        "the format option says 44100 Hz, the source 8000 Hz: the format option is believed",
    ]


FLOATS = "the samples are 32-bit floats by their content"
BIG = "the samples are big-endian 16-bit integers by their content"
TWICE = "each sample comes twice: taken as two channels"


@pytest.mark.parametrize("before", [0, 64, 9600])
@pytest.mark.parametrize("step", [1, 1000, 1_000_000])
@pytest.mark.parametrize(
    ("form", "channels", "warnings"),
    [
        ("<i2", 1, []),
        (">i2", 1, [BIG]),
        ("<f4", 1, [FLOATS]),
        ("<i2", 2, [TWICE]),
        ("<f4", 2, [FLOATS, TWICE]),
        (">i2", 2, [BIG, TWICE]),
    ],
)
def test_what_is_plainly_not_what_was_thought_is_played_as_it_is(
    before: int, step: int, form: str, channels: int, warnings: list[str]
) -> None:
    sound = SPEECH if form.endswith("i2") else SPEECH / np.float32(32768)
    body = bytes(before) + np.repeat(sound, channels).astype(form).tobytes()
    reader, items = read(body, every(step, body), content_type="audio/pcm;rate=24000", format="pcm")
    frames = [item for item in items if isinstance(item, PcmFrame) and item.pcm.any()]
    heard = np.concatenate([frame.pcm for frame in frames])
    assert heard.shape[1] == channels
    assert np.array_equal(np.trim_zeros(heard[:, 0]), np.trim_zeros((SPEECH / 32768).astype(np.float32)))
    assert [warning.partition("; a format")[0] for warning in reader.stats.warnings] == warnings


def test_channels_that_are_stated_are_not_doubted() -> None:
    body = np.repeat(SPEECH, 2).tobytes()
    assert read(body, format="pcm:24000:1")[0].announced == (1, 24000)


def test_floats_are_read_where_they_were_asked_for() -> None:
    reader, items = read(SOUND.astype("<f4").tobytes(), format="pcm:f32:16000:2")
    assert reader.announced == (2, 16000)
    assert np.array_equal(joined(items).reshape(-1), SOUND.reshape(-1))
    assert reader.stats.warnings == []


@pytest.mark.parametrize("levels", [1, 5, 40, 127])
def test_8_bit_sound_widened_to_16_bits_is_not_taken_for_big_endian(levels: int) -> None:
    sound = (np.round(np.sin(np.arange(4800) / 9) * levels) * 256).astype("<i2")
    reader, items = read(sound.tobytes(), content_type="audio/pcm;rate=24000", format="pcm")
    assert np.array_equal(joined(items)[:, 0], (sound / 32768).astype(np.float32))
    assert reader.stats.warnings == []


def _quiet_starts() -> list[np.ndarray[Any, np.dtype[np.int16]]]:
    """200 speeches that begin as recordings do: noise of a few steps on an offset, and then a voice that fades in."""
    made = []
    for number in range(200):
        chance = np.random.default_rng(number)
        noise = chance.integers(-(number % 3) - 1, number % 3 + 2, 4800)
        fade = np.clip(np.arange(4800) / 4800 - chance.choice([0, 0.05, 0.5]), 0, 1) ** 2
        voice = np.sin(np.arange(4800) / chance.uniform(3, 30)) * 9000 * fade
        made.append((noise + chance.integers(0, 128) * chance.choice([-1, 1]) + voice).astype(np.int16))
    return made


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/L16", "", "audio/pcm;rate=24000"])
def test_a_quiet_start_is_never_taken_for_something_else(kind: str) -> None:
    for speech in _quiet_starts():
        body = speech.astype("<i2").tobytes()
        reader, items = read(body, every(960, body), content_type=kind, format="pcm:24000")
        assert reader.container == "pcm"
        assert reader.stats.warnings == []
        assert np.array_equal(joined(items)[:, 0], (speech / 32768).astype(np.float32))


def test_a_quiet_start_is_known_in_the_other_byte_order_too() -> None:
    for speech in _quiet_starts():
        body = speech.astype(">i2").tobytes()
        _, items = read(body, every(960, body), content_type="audio/L16;rate=24000", format="pcm")
        assert np.array_equal(joined(items)[:, 0], (speech / 32768).astype(np.float32))


@pytest.mark.parametrize("first", [b"RIFF\0\0\0\0WAVE", b'{"error": 1}', b"data: {}", b"ID3\x04", b"OggS", b"fLaC"])
def test_what_the_transport_vouches_for_is_not_looked_at(first: bytes) -> None:
    body = first + PCM[: -len(first) or None]
    body = body[: len(body) & ~1]
    reader, items = read(body, every(7, body), content_type="audio/pcm;rate=24000", format="auto", certain=True)
    assert reader.container == "pcm"
    assert joined(items).size == len(body) // 2


@pytest.mark.parametrize(
    ("kind", "form", "rate"),
    [
        ("audio/pcm_s16le;rate=16000", "<i2", 16000),
        ("audio/pcm;encoding=signed-int;bits=16;rate=16000", "<i2", 16000),
        ("audio/pcm;encoding=float;rate=16000", "<f4", 16000),
        ("audio/pcm; rate=16000; encoding=f32le", "<f4", 16000),
        ("audio/x-raw,format=F32LE,rate=16000,channels=1", "<f4", 16000),
        ("audio/x-raw, format=S16LE, layout=interleaved, rate=16000", "<i2", 16000),
        ("audio/x-raw;format=S16BE;rate=16000", ">i2", 16000),
        ("audio/raw;rate=16000;codec=pcm_s16le", "<i2", 16000),
        ("audio/linear16;rate=16000", "<i2", 16000),
        ("audio/x-linear16;rate=16000", "<i2", 16000),
        ("audio/lpcm;rate=16000", "<i2", 16000),
        ("audio/pcm16;rate=16000", "<i2", 16000),
        ("audio/s16le;rate=16000", "<i2", 16000),
        ("audio/float32;rate=16000", "<f4", 16000),
        ("audio/L16;rate=16000;endianness=big-endian", ">i2", 16000),
        ("audio/pcm;rate=16000;bit-depth=32", "<i4", 16000),
        ("audio/pcm_s32le;rate=16000", "<i4", 16000),
        ("audio/pcm_f64le;rate=16000", "<f8", 16000),
    ],
)
def test_media_types_of_samples_are_understood(kind: str, form: str, rate: int) -> None:
    scale = {"i2": 1, "i4": 65536, "f4": 1 / 32768, "f8": 1 / 32768}[form[1:]]
    body = (TONE.astype(np.float64) * scale).astype(form).tobytes()
    reader, items = read(body, content_type=kind, format="opus")
    assert np.array_equal(joined(items), SOUND)
    assert reader.announced == (1, rate)
    assert reader.stats.warnings == []


@pytest.mark.parametrize("kind", ["audio/basic", "audio/mulaw", "audio/x-mulaw", "audio/PCMU", "audio/g711-ulaw"])
def test_mu_law_is_8_khz_where_its_type_says_no_rate(kind: str) -> None:
    reader, items = read(bytes(range(256)), content_type=kind)
    assert reader.announced == (1, 8000)
    assert joined(items).shape == (256, 1)
    assert read(bytes(range(256)), content_type=f"{kind};rate=16000")[0].announced == (1, 16000)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Sample-Rate": "16000", "X-Sample-Format": "float32"},
        {"x-audio-sample-rate": "16000", "X-Audio-Encoding": "pcm_f32le", "X-Audio-Channels": "1"},
        {"X-Sample-Rate": "16000", "X-Encoding": "float", "X-Num-Channels": "1"},
    ],
)
def test_headers_count(headers: dict[str, str]) -> None:
    body = SOUND.astype("<f4").tobytes()
    reader, items = read(body, content_type="application/octet-stream", headers=headers)
    assert np.array_equal(joined(items), SOUND)
    assert reader.announced == (1, 16000)


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
