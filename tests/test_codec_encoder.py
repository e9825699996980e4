from __future__ import annotations

import numpy as np
import pytest

from oggstream.codec.encoder import OpusEncoder
from oggstream.codec.link_decoder import LinkDecoder
from oggstream.errors import UsageError
from oggstream.opus.head import OpusHead
from oggstream.opus.toc import packet_info
from opus_streams import packets_of, tone


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_frame_becomes_a_packet_of_20_ms(rate: int, channels: int) -> None:
    encoder = OpusEncoder(rate, channels)
    packet = encoder.encode(bytes(encoder.frame_bytes))
    assert encoder.frame_bytes == rate // 50 * channels * 2
    assert packet_info(packet).samples == encoder.packet_samples == 960


@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 40, 60])
def test_other_frame_sizes(frame_ms: float) -> None:
    encoder = OpusEncoder(48000, frame_ms=frame_ms)
    assert packet_info(encoder.encode(bytes(encoder.frame_bytes))).samples == frame_ms * 48


@pytest.mark.parametrize("rate", [8000, 24000, 48000])
def test_the_pre_skip_is_the_delay_of_the_encoder(rate: int) -> None:
    encoder = OpusEncoder(rate, sample="float32", bitrate=96000)
    source = tone(300, 0.4, rate=rate)
    decoder = LinkDecoder(OpusHead.simple(1, encoder.pre_skip))
    out = b""
    for packet in packets_of(source, encoder):
        out += decoder.buffer[: 4 * decoder.decode(packet)]
    decoded = np.frombuffer(out, np.float32)[encoder.pre_skip :][4800:9600]
    original = np.frombuffer(tone(300, 0.4), np.float32)[4800:9600]
    assert np.corrcoef(decoded, original)[0, 1] > 0.99


def test_int16_and_float32_are_the_same_sound() -> None:
    pcm = np.frombuffer(tone(440, 0.02), np.float32)
    exact = (pcm * 32768).astype(np.int16)
    of_int16 = OpusEncoder(48000).encode(exact.tobytes())
    of_float = OpusEncoder(48000, sample="float32").encode((exact / np.float32(32768)).tobytes())
    assert of_int16 == of_float


def test_any_buffer_is_taken() -> None:
    silence = np.zeros((960, 2), np.float32)
    assert OpusEncoder(48000, 2, sample="float32").encode(silence)
    assert OpusEncoder().encode(memoryview(bytes(960)))


def test_a_higher_bitrate_makes_longer_packets() -> None:
    pcm = tone(440, 0.4)
    sizes = [
        sum(map(len, packets_of(pcm, OpusEncoder(48000, sample="float32", bitrate=bitrate))))
        for bitrate in (16000, 64000)
    ]
    assert sizes[0] * 2 < sizes[1]


def test_voip_uses_the_speech_coder_and_lowdelay_never() -> None:
    modes = []
    for application in ("voip", "lowdelay"):
        encoder = OpusEncoder(16000, application=application, bitrate=16000, sample="float32")
        modes.append(packet_info(packets_of(tone(200, rate=16000), encoder)[-1]).mode)
    assert modes == ["silk", "celt"]


@pytest.mark.parametrize("size", [0, 959, 961, 1920])
def test_a_frame_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match=f"960 bytes of PCM, not {size}"):
        OpusEncoder().encode(bytes(size))


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 44100},
        {"channels": 3},
        {"application": "music"},
        {"sample": "int32"},
        {"bitrate": 0},
        {"complexity": 11},
    ],
)
def test_what_libopus_does_not_do_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        OpusEncoder(**options)  # type: ignore[arg-type]


def test_a_frame_size_that_opus_does_not_have_is_refused() -> None:
    encoder = OpusEncoder(48000, frame_ms=15)
    with pytest.raises(UsageError, match="invalid argument"):
        encoder.encode(bytes(encoder.frame_bytes))


def test_libopus_may_fail_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.codec.encoder.APPLICATIONS", {"audio": 1})
    with pytest.raises(UsageError, match="no encoder: invalid argument"):
        OpusEncoder()
