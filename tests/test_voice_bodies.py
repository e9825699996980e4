"""PCM into bodies: Ogg Opus to the sample, WAV, and plain PCM."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, strategies as st

from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.errors import UsageError
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.voice.bodies import CONTENT_TYPES, OpusBody, PcmBody, WavBody, make_body

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oggstream.voice.bodies import Body


def body_of(body: Body, pcm: bytes, piece: int = 2000) -> bytes:
    return b"".join(
        [body.begin(), *(body.feed(pcm[at : at + piece]) for at in range(0, len(pcm), piece)), body.finish()]
    )


def tone(samples: int) -> bytes:
    return bytes((8000 * np.sin(np.arange(samples) * 0.05)).astype("<i2").data)


def decoded(data: bytes) -> NDArray[np.float32]:
    reader, decoder = OpusReader(), FrameDecoder()
    items = reader.feed(data) + reader.finish()
    assert reader.stats.warnings == []
    frames = [frame.pcm[:, 0] for item in items for frame in decoder.decode(item)]
    return np.concatenate([np.zeros(0, np.float32), *frames])


@pytest.mark.parametrize("samples", [1, 167, 168, 169, 323, 324, 325, 479, 480, 481, 804, 805, 24000])
def test_the_decoded_stream_has_exactly_the_length_of_the_speech(samples: int) -> None:
    assert len(decoded(body_of(OpusBody("x"), tone(samples)))) == 2 * samples


def test_the_decoded_stream_is_the_speech_in_its_place() -> None:
    source = tone(24000)
    sound = decoded(body_of(OpusBody("x"), source))[::2] * 32768
    wanted = np.frombuffer(source, "<i2").astype(float)
    error = sound - wanted
    assert np.sqrt(np.mean(error**2)) < 0.1 * np.sqrt(np.mean(wanted**2))  # no shift: one of 5 samples gives 0.25


def test_every_packet_has_a_page_and_leaves_with_the_next_one() -> None:
    body = OpusBody("x")
    assert body.begin().count(b"OggS") == 2
    assert [body.feed(tone(480)).count(b"OggS") for _ in range(4)] == [0, 1, 1, 1]


def test_all_packets_last_20_ms_and_positions_follow_each_other() -> None:
    reader = OpusReader()
    items = reader.feed(body_of(OpusBody("x"), tone(5000))) + reader.finish()
    packets = [item for item in items if isinstance(item, AudioPacket)]
    assert {packet.samples for packet in packets} == {960}
    assert sum(packet.samples - packet.trim_start - packet.trim_end for packet in packets) == 10000


def test_the_head_tells_the_rate_of_the_speech_and_the_encoders_delay() -> None:
    reader = OpusReader()
    head = reader.feed(body_of(OpusBody("x"), tone(960)))[0]
    assert (head.channels, head.input_sample_rate) == (1, 24000)  # type: ignore[union-attr]
    assert head.pre_skip == 312  # type: ignore[union-attr]


def test_the_same_speech_gives_the_same_bytes_and_another_one_another_serial_number() -> None:
    assert body_of(OpusBody("a"), tone(960)) == body_of(OpusBody("a"), tone(960))
    assert OpusBody("a").begin() != OpusBody("b").begin()


@given(st.integers(1, 4000))
def test_the_pieces_do_not_change_the_stream(piece: int) -> None:
    assert body_of(OpusBody("x"), tone(3000), piece) == body_of(OpusBody("x"), tone(3000))


def test_speech_without_a_sample_is_a_stream_too() -> None:
    data = body_of(OpusBody("x"), b"")
    assert data.count(b"OggS") == 3
    assert data[-1:] != b""


def test_wav_is_read_by_others_to_its_end() -> None:
    data = body_of(WavBody(), tone(1000))
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24000)
        assert file.readframes(2000) == tone(1000)


def test_pcm_is_the_samples_alone() -> None:
    assert body_of(PcmBody(), tone(1000)) == tone(1000)


def test_pcm_is_little_endian_on_every_machine() -> None:
    body = PcmBody()
    body._swap = True
    assert body.feed(b"\x01\x02\x03\x04") == b"\x02\x01\x04\x03"


def test_there_is_a_body_for_each_format_and_none_for_another() -> None:
    assert [type(make_body(name)) for name in CONTENT_TYPES] == [OpusBody, WavBody, PcmBody]
    with pytest.raises(UsageError, match="no speech as 'mp3': use one of opus, wav, pcm"):
        make_body("mp3")
