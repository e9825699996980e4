"""Samples to MP3, AAC and FLAC, while they come."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from oggstream.codec.encoding_writer import CompressedBody, EncodingWriter, load_encoder
from oggstream.errors import LibraryError, UsageError

RATE = 24000
TONE = (np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE) * 8000).astype(np.int16)


def parts(name: str) -> list[bytes]:
    body = CompressedBody(name, RATE)
    return [body.begin(), *(body.feed(TONE[at : at + 480].tobytes()) for at in range(0, RATE, 480)), body.finish()]


@pytest.mark.parametrize("name", ["mp3", "aac", "flac"])
def test_what_is_decoded_again_is_the_tone(name: str) -> None:
    import av

    with av.open(io.BytesIO(b"".join(parts(name))), "r") as file:
        frames = [frame.to_ndarray().astype(np.float64).reshape(-1) for frame in file.decode(audio=0)]
    sound = np.concatenate(frames)
    assert RATE <= len(sound) < RATE * 1.15
    spectrum = np.abs(np.fft.rfft(sound[4000:16000]))
    assert np.argmax(spectrum) == pytest.approx(440 * 12000 / RATE, abs=1)


@pytest.mark.parametrize(("name", "feeds"), [("mp3", 1), ("aac", 1), ("flac", 5)])
def test_the_first_bytes_come_with_the_first_sound_and_where_nothing_may_be_added_within_a_tenth_of_a_second(
    name: str, feeds: int
) -> None:
    assert any(parts(name)[1 : 1 + feeds])


def decoded(body: bytes) -> np.ndarray:
    import av

    with av.open(io.BytesIO(body), "r") as file:
        return np.concatenate([frame.to_ndarray().astype(np.float64).reshape(-1) for frame in file.decode(audio=0)])


def test_silence_goes_before_a_short_first_sound_and_none_before_a_long_one() -> None:
    little, much = CompressedBody("mp3", RATE), CompressedBody("mp3", RATE)
    short = little.feed(TONE[:480].tobytes()) + little.feed(TONE[480:].tobytes()) + little.finish()
    long = much.feed(TONE.tobytes()) + much.finish()
    added = [int(np.argmax(np.abs(sound) > 0.05)) for sound in (decoded(short), decoded(long))]
    assert added[0] - added[1] == pytest.approx(1152 - 480, abs=100)


def test_a_file_gets_what_its_length_is_written_into() -> None:
    file = io.BytesIO()
    writer = EncodingWriter(file, 2, RATE, "mp3")
    writer.write(np.repeat(TONE, 2).tobytes())
    writer.close()
    writer.close()
    assert b"Xing" in file.getvalue() or b"Info" in file.getvalue()
    assert b"Xing" not in b"".join(parts("mp3"))


def test_too_many_channels_are_an_error() -> None:
    with pytest.raises(UsageError, match="mp3 takes 2 channels, not 6"):
        EncodingWriter(io.BytesIO(), 6, RATE, "mp3")


def test_without_pyav_the_error_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    load_encoder.cache_clear()
    with pytest.raises(LibraryError, match=r"aac needs PyAV: pip install 'oggstream\[codec\]'"):
        CompressedBody("aac", RATE)
