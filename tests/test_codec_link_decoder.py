from __future__ import annotations

from array import array
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from oggstream.codec import link_decoder
from oggstream.codec.encoder import OpusEncoder
from oggstream.codec.link_decoder import Int16LinkDecoder, LinkDecoder, demixing_matrix, round_int16, tags_gain
from oggstream.errors import FormatError, UsageError
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_reader import AudioPacket, OpusReader
from oggstream.opus.tags import OpusTags
from opus_streams import join_streams, packets_of, tone, tone_packets

if TYPE_CHECKING:
    from numpy.typing import NDArray

MONO = OpusHead.simple(1, 312)
STEREO = OpusHead.simple(2, 312)
SILENT = 255


def surround(mapping: bytes, streams: int, coupled: int, family: int = 1, **more: object) -> OpusHead:
    return OpusHead(0, 1, len(mapping), 312, 48000, 0, family, streams, coupled, mapping, **more)  # type: ignore[arg-type]


def floats(decoder: LinkDecoder, packets: list[bytes]) -> NDArray[np.float32]:
    """All that the packets give, of shape (samples, channels)."""
    out = [decoder.buffer[: decoder.decode(packet) * decoder.frame_bytes].tobytes() for packet in packets]
    return np.frombuffer(b"".join(out), np.float32).reshape(-1, decoder.channels)


def shorts(decoder: Int16LinkDecoder, packets: list[bytes]) -> NDArray[np.int16]:
    out = [decoder.buffer[: decoder.decode(packet) * decoder.frame_bytes].tobytes() for packet in packets]
    return np.frombuffer(b"".join(out), np.int16).reshape(-1, decoder.channels)


def rounded(pcm: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.clip(np.rint(pcm.astype(np.float64) * 32768), -32768, 32767)


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
def test_a_packet_gives_its_duration_at_the_rate(rate: int) -> None:
    decoder = LinkDecoder(STEREO, rate)
    assert decoder.decode(tone_packets(channels=2)[0]) == rate // 50
    assert decoder.frame_bytes == 8
    assert len(decoder.buffer) == rate * 8 * 120 // 1000


def test_it_sounds_as_it_did() -> None:
    pcm = floats(LinkDecoder(MONO), tone_packets(440, 0.4))[312:, 0]
    original = np.frombuffer(tone(440, 0.4), np.float32)[: len(pcm)]
    assert np.corrcoef(pcm[960:], original[960:])[0, 1] > 0.99


def test_an_empty_packet_gives_nothing_and_changes_nothing() -> None:
    decoder = LinkDecoder(MONO)
    before = decoder.save()
    assert decoder.decode(b"") == 0
    assert decoder.save() == before


@pytest.mark.parametrize("decoder", [LinkDecoder(MONO), Int16LinkDecoder(MONO)])
def test_a_packet_that_libopus_refuses_gives_nothing(decoder: LinkDecoder) -> None:
    assert decoder.decode(b"\x03") == 0
    assert decoder.decode(tone_packets()[0]) == 960


@pytest.mark.parametrize(("gain", "more"), [(1536, 0), (-1536, 0), (512, 1024)])
def test_the_output_gain_and_what_is_added_are_applied(gain: int, more: int) -> None:
    packets = tone_packets(level=0.1)
    plain = floats(LinkDecoder(MONO), packets)
    loud = floats(LinkDecoder(MONO._replace(output_gain=gain), gain=more), packets)
    np.testing.assert_allclose(loud, plain * 10 ** ((gain + more) / 256 / 20), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("gain", "bounded"), [(40000, 32767), (-40000, -32768)])
def test_a_gain_beyond_16_bits_is_bounded(gain: int, bounded: int) -> None:
    packets = tone_packets(level=0.01)
    np.testing.assert_array_equal(
        floats(LinkDecoder(MONO, gain=gain), packets), floats(LinkDecoder(MONO, gain=bounded), packets)
    )


def test_the_gain_can_change_between_packets() -> None:
    decoder = LinkDecoder(MONO, gain=-5000)
    decoder.set_gain(0)
    np.testing.assert_array_equal(floats(decoder, tone_packets()), floats(LinkDecoder(MONO), tone_packets()))


@pytest.mark.parametrize("samples", [120, 960, 5760])
def test_concealment_is_as_long_as_asked(samples: int) -> None:
    decoder = LinkDecoder(MONO)
    floats(decoder, tone_packets())
    assert decoder.conceal(samples) == samples
    assert np.abs(np.frombuffer(decoder.buffer, np.float32)[:100]).max() > 0.05


@pytest.mark.parametrize("gap", [1, 119, 120, 121, 960, 5760, 5761, 12345, 96000])
@pytest.mark.parametrize("following", [None, tone_packets()[3], b"", b"\x03"])
def test_a_gap_is_filled_to_the_sample(gap: int, following: bytes | None) -> None:
    decoder = LinkDecoder(MONO)
    floats(decoder, tone_packets())
    assert sum(decoder.fill(gap, following)) == gap


def test_a_gap_of_more_than_two_seconds_is_filled_for_two() -> None:
    assert sum(LinkDecoder(MONO, 16000).fill(10**9, None)) == 32000


def test_a_gap_that_libopus_does_not_fill_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = LinkDecoder(MONO)
    monkeypatch.setattr(decoder, "conceal", lambda samples: 0)
    assert list(decoder.fill(9600, None)) == []


FIXTURES = Path(__file__).parent / "fixtures"


@cache
def fec_packets() -> list[bytes]:
    """Speech in packets that carry their predecessors."""
    reader = OpusReader()
    items = reader.feed((FIXTURES / "generation_a.opus").read_bytes())
    speech = floats(LinkDecoder(MONO, 16000), [item.data for item in items if isinstance(item, AudioPacket)])
    encoder = OpusEncoder(16000, bitrate=24000, application="voip", sample="float32")
    encoder._control(4012, 1)  # OPUS_SET_INBAND_FEC
    encoder._control(4014, 20)  # OPUS_SET_PACKET_LOSS_PERC
    return packets_of(speech.tobytes(), encoder)


def test_packets_that_carry_their_predecessors_fill_gaps_better_than_concealment() -> None:
    packets = fec_packets()
    whole = floats(LinkDecoder(MONO), packets)
    errors = {"fec": 0.0, "concealment": 0.0}
    for lost in range(20, 120, 5):
        for name, following in (("fec", packets[lost + 1]), ("concealment", None)):
            decoder = LinkDecoder(MONO)
            floats(decoder, packets[:lost])
            (count,) = decoder.fill(960, following)
            pcm = np.frombuffer(decoder.buffer, np.float32)[:count]
            errors[name] += float(np.square(pcm - whole[lost * 960 : (lost + 1) * 960, 0]).sum())
    assert errors["fec"] < errors["concealment"] / 2


def test_of_a_long_gap_the_end_is_what_the_next_packet_carries() -> None:
    packets = fec_packets()
    ends = []
    for gap, following in ((8, packets[48]), (8, None), (1, packets[48])):
        decoder = LinkDecoder(MONO)
        floats(decoder, packets[: 48 - gap])
        parts = [
            np.frombuffer(decoder.buffer, np.float32)[:count].copy() for count in decoder.fill(gap * 960, following)
        ]
        assert [len(part) for part in parts] == ([1920, 5760] if gap == 8 else [960])
        ends.append(np.concatenate(parts)[-480:])
    assert np.corrcoef(ends[0], ends[2])[0, 1] > 0.8 > np.corrcoef(ends[1], ends[2])[0, 1]


def test_a_saved_state_decodes_the_same_again() -> None:
    packets = tone_packets()
    decoder = LinkDecoder(MONO)
    floats(decoder, packets[:5])
    state = decoder.save()
    first = floats(decoder, packets[5:])
    decoder.restore(state)
    np.testing.assert_array_equal(floats(decoder, packets[5:]), first)


@pytest.mark.parametrize("channels", range(3, 9))
def test_family_1_comes_in_wav_order(channels: int) -> None:
    order = {
        3: [0, 2, 1],
        4: [0, 1, 2, 3],
        5: [0, 2, 1, 3, 4],
        6: [0, 2, 1, 5, 3, 4],
        7: [0, 2, 1, 6, 5, 3, 4],
        8: [0, 2, 1, 7, 5, 6, 3, 4],
    }[channels]
    streams = [tone_packets(200 + 100 * channel, 0.06) for channel in range(channels)]
    packets = [join_streams(parts) for parts in zip(*streams, strict=True)]
    mapping = bytes(reversed(range(channels)))
    pcm = floats(LinkDecoder(surround(mapping, channels, 0)), packets)
    alone = np.concatenate([floats(LinkDecoder(MONO), stream) for stream in streams], axis=1)
    np.testing.assert_array_equal(pcm, alone[:, ::-1][:, order])


def test_coupled_streams_and_silent_channels_follow_the_mapping() -> None:
    pair, single = tone_packets(300, channels=2), tone_packets(500)
    packets = [join_streams(parts) for parts in zip(pair, single, strict=True)]
    head = surround(bytes([2, SILENT, 1, 0]), 2, 1, family=255)
    pcm = floats(LinkDecoder(head), packets)
    of_pair, of_single = floats(LinkDecoder(STEREO), pair), floats(LinkDecoder(MONO), single)
    np.testing.assert_array_equal(pcm[:, [3, 2]], of_pair)
    np.testing.assert_array_equal(pcm[:, 0], of_single[:, 0])
    assert not pcm[:, 1].any()


@pytest.mark.parametrize("family", [2, 200, 255])
def test_discrete_channels_stay_in_coded_order(family: int) -> None:
    streams = [tone_packets(200 * (channel + 1), 0.04) for channel in range(3)]
    packets = [join_streams(parts) for parts in zip(*streams, strict=True)]
    pcm = floats(LinkDecoder(surround(bytes(range(3)), 3, 0, family)), packets)
    alone = np.concatenate([floats(LinkDecoder(MONO), stream) for stream in streams], axis=1)
    np.testing.assert_array_equal(pcm, alone)


def test_family_3_gives_coded_channels_and_a_matrix_for_them() -> None:
    table = np.array([[16384, -16384, 0], [0, 8192, 32767]], "<i2")  # a row per coded channel
    head = surround(bytes(range(3)), 2, 0, family=3, demixing=table.tobytes())
    streams = [tone_packets(300, 0.04), tone_packets(500, 0.04)]
    decoder = LinkDecoder(head)
    pcm = floats(decoder, [join_streams(parts) for parts in zip(*streams, strict=True)])
    assert decoder.channels == 2
    np.testing.assert_array_equal(pcm[:, :1], floats(LinkDecoder(MONO), streams[0]))
    matrix = demixing_matrix(head)
    assert matrix is not None
    np.testing.assert_allclose(matrix, [[0.5, -0.5, 0], [0, 0.25, 1]], atol=1e-4)


def test_other_families_have_no_matrix() -> None:
    assert demixing_matrix(STEREO) is None


@pytest.mark.parametrize("kind", [LinkDecoder, Int16LinkDecoder])
def test_rates_that_opus_does_not_have_are_refused(kind: type[LinkDecoder]) -> None:
    with pytest.raises(UsageError, match="does not decode to 44100 Hz"):
        kind(MONO, 44100)


def test_a_head_that_libopus_refuses_is_a_format_error() -> None:
    with pytest.raises(FormatError, match="no decoder for 3 channels in 1 streams"):
        LinkDecoder(surround(bytes(3), 1, 2))


@pytest.mark.parametrize("level", [0.3, 0.9, 1.1, 3.0, 20.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_int16_is_the_float_decode_rounded_and_clipped_however_loud(level: float, channels: int) -> None:
    packets = tone_packets(440, 0.4, level=min(level, 1.0), channels=channels)
    head = OpusHead.simple(channels, 312, output_gain=round(256 * 20 * np.log10(max(level, 1.0))))
    pcm = floats(LinkDecoder(head), packets)
    assert (np.abs(pcm).max() > 1) == (level > 1)
    assert np.abs(shorts(Int16LinkDecoder(head), packets) - rounded(pcm)).max() == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_int16_is_exact_where_only_one_side_clips(sign: int) -> None:
    time = np.arange(9600) / 48000 * 2 * np.pi * 300
    lopsided = sign * (0.5 * np.cos(time) + 0.3 * np.cos(2 * time))
    packets = packets_of(lopsided.astype(np.float32).tobytes(), OpusEncoder(48000, sample="float32"))
    head = MONO._replace(output_gain=1024)
    pcm = floats(LinkDecoder(head), packets)[1000:]
    assert (pcm * sign).max() > 1 > -(pcm * sign).min()
    assert np.abs(shorts(Int16LinkDecoder(head), packets)[1000:] - rounded(pcm)).max() == 0


def test_int16_is_exact_for_several_streams_too() -> None:
    streams = [tone_packets(300, level=0.9), tone_packets(500, level=0.9)]
    packets = [join_streams(parts) for parts in zip(*streams, strict=True)]
    head = surround(bytes([0, 1]), 2, 0)._replace(output_gain=2000)
    difference = shorts(Int16LinkDecoder(head), packets) - rounded(floats(LinkDecoder(head), packets))
    assert np.abs(difference).max() == 0


def test_a_loud_stream_is_rounded_with_numpy_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_decoder, "_CLIPPED_BEFORE_NUMPY", 5)
    head = MONO._replace(output_gain=3000)
    packets = tone_packets(440, 0.4, level=0.9)
    difference = shorts(Int16LinkDecoder(head), packets) - rounded(floats(LinkDecoder(head), packets))
    assert np.abs(difference).max() == 0


def test_a_quiet_stream_is_never_decoded_twice() -> None:
    decoder = Int16LinkDecoder(MONO)
    shorts(decoder, tone_packets(level=0.8))
    assert decoder._clipped == 0


def test_int16_goes_on_right_after_concealment() -> None:
    decoder = Int16LinkDecoder(MONO)
    packets = tone_packets()
    shorts(decoder, packets[:5])
    assert decoder.conceal(960) == 960
    assert max(array("h", decoder.buffer[:1920].tobytes())) > 1000
    assert decoder.decode(packets[6]) == 960


def test_rounding_is_half_to_even_and_clips() -> None:
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 32767.4, 32768, -32768, -40000], np.float32) / np.float32(32768)
    expected = [0, 2, 2, 0, -2, 32767, 32767, -32768, -32768]
    assert round_int16(values).cast("h").tolist() == expected
    assert link_decoder._rounded(values.tolist()).tolist() == expected


@pytest.mark.parametrize(("gain", "expected"), [("none", 0), ("track", 256), ("album", -512)])
def test_the_tags_gain_is_the_one_asked_for(gain: str, expected: int) -> None:
    assert tags_gain(OpusTags("", ("R128_TRACK_GAIN=256", "R128_ALBUM_GAIN=-512")), gain) == expected


def test_a_gain_that_the_tags_do_not_have_is_none() -> None:
    assert tags_gain(OpusTags("", ("R128_TRACK_GAIN=loud",)), "track") == 0


def test_the_state_is_given_back_once() -> None:
    decoder = LinkDecoder(MONO)
    functions, gone = decoder._functions, []

    def destroy(state: object) -> None:
        gone.append(state)
        functions.destroy(state)

    decoder._functions = functions._replace(destroy=destroy)
    decoder.__del__()
    decoder.__del__()
    assert len(gone) == 1
