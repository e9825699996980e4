"""Where the pieces of a context begin and end in its sound."""

from __future__ import annotations

import pytest

from oggstream.sources.sockets.sound import CompressedSound, Mp3Sound, OggSound, SampleSound

FRAME = bytes.fromhex("fffb9064") + bytes(413)
"""1152 samples at 44100 Hz: 128 kbit/s, 417 bytes."""
LOW = bytes.fromhex("fff340c0") + bytes(92)
"""576 samples at 22050 Hz: 32 kbit/s, 104 bytes with the padding left out."""
SECONDS = 1152 / 44100


def in_parts(sound: CompressedSound | Mp3Sound, data: bytes, size: int) -> list[bytes]:
    return [sound.feed(data[at : at + size]) for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 416, 417, 418, 5000])
def test_mp3_is_given_in_whole_frames_however_it_comes(size: int) -> None:
    sound = Mp3Sound()
    parts = in_parts(sound, FRAME * 5, size)
    assert b"".join(parts) == FRAME * 5
    assert all(len(part) % len(FRAME) == 0 for part in parts)
    assert sound.seconds == pytest.approx(5 * SECONDS)


def test_the_frame_over_a_border_belongs_to_the_piece_in_which_it_ends() -> None:
    sound = Mp3Sound()
    assert sound.feed(FRAME + FRAME[:100]) == FRAME
    sound.begin_piece()
    assert sound.feed(FRAME[100:]) == FRAME


def test_lower_rates_have_frames_of_half_the_samples() -> None:
    sound = Mp3Sound()
    sound.feed(LOW * 4)
    assert sound.seconds == pytest.approx(3 * 576 / 22050, abs=576 / 22050)


@pytest.mark.parametrize("before", [b"ID3\x04\0\0\0\0\0\x05title", b"\xff\xff\xff", b"no frame at all", b"\xff" * 50])
def test_what_is_no_frame_is_passed_on_and_counts_nothing(before: bytes) -> None:
    sound = Mp3Sound()
    assert b"".join(in_parts(sound, before + FRAME * 2, 50)) == before + FRAME * 2
    assert sound.seconds == pytest.approx(2 * SECONDS)


def test_mp3_is_split_at_the_nearest_frame() -> None:
    sound = Mp3Sound()
    sound.feed(FRAME + FRAME[:17])
    rest = FRAME[17:] + FRAME * 3
    assert sound.split(rest, 2 * SECONDS + 0.001) == (FRAME[17:], FRAME * 3)
    assert sound.split(rest, 0.0) == (b"", rest)
    assert sound.split(rest, 100.0) == (rest, b"")


@pytest.mark.parametrize(
    ("first", "kind"), [(FRAME, Mp3Sound), (b"ID3\x04" + bytes(20), Mp3Sound), (b"OggS" + bytes(30), OggSound)]
)
def test_the_first_bytes_tell_what_a_compressed_sound_is(first: bytes, kind: type) -> None:
    sound = CompressedSound()
    assert sound.feed(first[:2]) == b""
    assert not sound.seconds
    sound.feed(first[2:])
    assert isinstance(sound._found, kind)


def test_samples_are_split_at_the_sample() -> None:
    sound = SampleSound(1000)
    sound.feed(b"abc")
    assert sound.split(b"defg", 0.002) == (b"d", b"efg")
