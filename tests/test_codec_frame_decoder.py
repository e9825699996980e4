from __future__ import annotations

import ctypes
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from oggstream.audio.frame import PcmFrame
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.codec.link_decoder import LinkDecoder
from oggstream.errors import UsageError
from oggstream.opus.head import OpusHead
from oggstream.opus.items import Hole, Item, PageBegun, PageSettled, PageWithdrawn, StreamStats
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.tags import OpusTags
from opus_streams import join_streams, placed, tone_packets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


FIXTURES = Path(__file__).parent / "fixtures"
MONO = OpusHead.simple(1, 312)
PACKETS = tone_packets()
BROKEN = b"\x03"  # libopus does not decode it


def frames_of(items: Iterable[Item], decoder: FrameDecoder | None = None) -> list[PcmFrame]:
    decoder = decoder or FrameDecoder()
    return [frame for item in items for frame in decoder.decode(item)]


def pcm_of(frames: list[PcmFrame]) -> NDArray[np.float32]:
    return np.concatenate([frame.pcm for frame in frames])


def assert_contiguous(frames: list[PcmFrame], position: int = 0) -> int:
    for frame in frames:
        assert frame.position == position
        position += len(frame.pcm) * 48000 // frame.rate
    return position


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [0.7, 1.2, 2.5])
def test_what_is_beyond_full_scale_is_bent_as_libopus_bends_it(channels: int, level: float) -> None:
    packets = tone_packets(440, 0.4, level=min(level, 1.0), channels=channels)
    head = OpusHead.simple(channels, 0, output_gain=round(256 * 20 * math.log10(max(level, 1.0))))
    own = LinkDecoder(head)
    own._output(own._functions.decode_int16, ctypes.c_int16)
    shorts = b"".join(own.buffer[: own.decode(packet) * own.frame_bytes].tobytes() for packet in packets)
    pcm = pcm_of(frames_of([head, *placed(packets)], FrameDecoder(soft_clip=True)))
    assert np.abs(pcm).max() <= 1
    assert np.abs(pcm.reshape(-1) * 32768 - np.frombuffer(shorts, np.int16)).max() <= 1


def test_how_it_is_bent_goes_on_where_a_saved_state_is_restored() -> None:
    head = OpusHead.simple(1, 0, output_gain=2000)
    items = [*placed(tone_packets(437, 0.4))]
    decoder = FrameDecoder(soft_clip=True)
    decoder.decode(head)
    frames_of(items[:7], decoder)
    saved = decoder.save()
    first = pcm_of(frames_of(items[7:], decoder))
    decoder.restore(saved)
    assert np.array_equal(pcm_of(frames_of(items[7:], decoder)), first)


def test_each_packet_becomes_a_float32_frame() -> None:
    frames = frames_of([MONO, *placed(PACKETS)])
    assert [frame.pcm.shape for frame in frames] == [(960, 1)] * 10
    assert all(frame.pcm.dtype == np.float32 and frame.rate == 48000 and not frame.concealed for frame in frames)
    assert assert_contiguous(frames) == 9600


def test_frames_own_their_memory() -> None:
    decoder = FrameDecoder()
    first, *others = frames_of([MONO, *placed(PACKETS)], decoder)
    assert first.pcm.base is None
    assert not any(np.shares_memory(first.pcm, frame.pcm) for frame in others)


def test_both_trims_are_taken_off() -> None:
    whole = pcm_of(frames_of([MONO, *placed(PACKETS)]))
    cut = pcm_of(frames_of([MONO, *placed(PACKETS, skip=312, cut=100)]))
    np.testing.assert_array_equal(cut, whole[312:-100])


def test_a_packet_that_is_trimmed_away_gives_no_frame_but_is_decoded() -> None:
    whole = pcm_of(frames_of([MONO, *placed(PACKETS)]))
    cut = frames_of([MONO, *placed(PACKETS[:1], skip=960), *placed(PACKETS[1:])])
    assert len(cut) == 9
    np.testing.assert_array_equal(pcm_of(cut), whole[960:])


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000])
def test_at_a_lower_rate_trims_shrink_and_positions_stay(rate: int) -> None:
    frames = frames_of([MONO, *placed(PACKETS, skip=312, cut=120)], FrameDecoder(rate))
    assert {frame.rate for frame in frames} == {rate}
    assert len(pcm_of(frames)) == (9600 - 432) * rate // 48000
    assert assert_contiguous(frames) == 9600 - 432


def test_each_link_gets_a_new_decoder_and_its_own_channels() -> None:
    stereo = tone_packets(channels=2)
    chain: list[Item] = [MONO, *placed(PACKETS), OpusHead.simple(2, 0), *placed(stereo, position=9600)]
    frames = frames_of(chain)
    assert {frame.pcm.shape[1] for frame in frames[10:]} == {2}
    alone = pcm_of(frames_of([OpusHead.simple(2, 0), *placed(stereo)]))
    np.testing.assert_array_equal(pcm_of(frames[10:]), alone)
    assert assert_contiguous(frames) == 19200


@pytest.mark.parametrize(("gain", "decibels"), [("none", -6.0), ("track", -3.0), ("album", -12.0)])
def test_the_tags_gain_comes_on_top_of_the_output_gain(gain: str, decibels: float) -> None:
    head = MONO._replace(output_gain=-6 * 256)
    tags = OpusTags("", ("R128_TRACK_GAIN=768", "R128_ALBUM_GAIN=-1536"))
    plain = pcm_of(frames_of([MONO, *placed(PACKETS)]))
    ours = pcm_of(frames_of([head, tags, *placed(PACKETS)], FrameDecoder(gain=gain)))
    np.testing.assert_allclose(ours, plain * 10 ** (decibels / 20), rtol=1e-4, atol=1e-6)


def test_a_gain_without_tags_is_the_output_gain() -> None:
    ours = pcm_of(frames_of([MONO, *placed(PACKETS)], FrameDecoder(gain="track")))
    np.testing.assert_array_equal(ours, pcm_of(frames_of([MONO, *placed(PACKETS)])))


@pytest.mark.parametrize("samples", [120, 960, 1000, 48000])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_a_hole_is_concealed_before_the_packet_after_it(samples: int, rate: int) -> None:
    hole = Hole(0, 0, 4800, samples, "lost")
    after = placed(PACKETS[5:], position=4800 + samples)
    frames = frames_of([MONO, *placed(PACKETS[:5]), hole, *after], FrameDecoder(rate))
    concealed = [frame for frame in frames if frame.concealed]
    assert sum(len(frame.pcm) for frame in concealed) == samples * rate // 48000
    assert all(math.isfinite(float(frame.pcm.sum())) for frame in concealed)
    assert_contiguous(frames[:5] + concealed)
    assert frames[-1].position == 4800 + samples + 4 * 960


def test_the_hole_waits_for_the_packet_that_may_carry_what_is_lost() -> None:
    decoder = FrameDecoder()
    frames_of([MONO, *placed(PACKETS[:5])], decoder)
    assert decoder.decode(Hole(0, 0, 4800, 960, "lost")) == []
    frames = decoder.decode(placed(PACKETS[6:7], position=5760)[0])
    assert [frame.concealed for frame in frames] == [True, False]


def test_a_hole_of_no_samples_gives_nothing() -> None:
    frames = frames_of([MONO, *placed(PACKETS[:5]), Hole(0, 9, 4800, 0, "damage"), *placed(PACKETS[5:], position=4800)])
    assert not any(frame.concealed for frame in frames)
    assert len(frames) == 10


def test_a_hole_that_no_packet_follows_is_concealed_by_its_own_link() -> None:
    stereo = OpusHead.simple(2, 0)
    hole = Hole(0, 0, 9600, 960, "lost")
    frames = frames_of([MONO, *placed(PACKETS), hole, stereo])
    assert frames[-1].concealed
    assert frames[-1].pcm.shape == (960, 1)


def test_a_second_hole_does_not_hide_the_first() -> None:
    holes = [Hole(0, 0, 9600, 960, "lost"), Hole(0, 0, 10560, 480, "lost")]
    frames = frames_of([MONO, *placed(PACKETS), *holes, *placed(PACKETS[:1], position=11040)])
    assert [len(frame.pcm) for frame in frames[10:]] == [960, 480, 960]


def test_a_hole_at_the_end_comes_with_the_finish() -> None:
    decoder = FrameDecoder()
    assert len(frames_of([MONO, *placed(PACKETS), Hole(0, 0, 9600, 960, "lost")], decoder)) == 10
    (frame,) = decoder.finish()
    assert (frame.concealed, frame.position, len(frame.pcm)) == (True, 9600, 960)
    assert decoder.finish() == []


def test_a_hole_before_any_link_gives_nothing() -> None:
    assert frames_of([Hole(0, 0, 0, 960, "lost"), MONO]) == []


def test_a_refused_packet_is_counted_and_its_time_left_out() -> None:
    stats = StreamStats()
    packets = placed([*PACKETS[:3], BROKEN, *PACKETS[3:]])
    frames = frames_of([MONO, *packets], FrameDecoder(stats=stats))
    assert stats.bad_packets == 1
    assert assert_contiguous(frames) == 9600
    np.testing.assert_array_equal(pcm_of(frames), pcm_of(frames_of([MONO, *placed(PACKETS)])))


@pytest.mark.parametrize(("skip", "cut"), [(312, 0), (0, 100)])
def test_of_a_refused_packet_only_what_would_be_kept_is_left_out(skip: int, cut: int) -> None:
    packets = placed([BROKEN], skip=skip, cut=cut)
    after = placed(PACKETS, position=960 - skip - cut)
    assert assert_contiguous(frames_of([MONO, *packets, *after])) == 9600


def test_holes_after_a_refused_packet_keep_to_the_shorter_time() -> None:
    packets = placed([*PACKETS[:3], BROKEN])
    hole = Hole(0, 0, 3840, 960, "lost")
    frames = frames_of([MONO, *packets, hole, *placed(PACKETS[5:], position=4800)])
    assert_contiguous(frames)


def test_surround_comes_in_wav_order() -> None:
    streams = [tone_packets(200 * (channel + 1), 0.04) for channel in range(3)]
    packets = [join_streams(parts) for parts in zip(*streams, strict=True)]
    head = OpusHead(0, 1, 3, 0, 48000, 0, 1, 3, 0, bytes(range(3)))
    pcm = pcm_of(frames_of([head, *placed(packets)]))
    left, centre, right = (pcm_of(frames_of([MONO, *placed(stream)]))[:, 0] for stream in streams)
    np.testing.assert_array_equal(pcm, np.stack([left, right, centre], axis=1))


def test_family_3_is_demixed() -> None:
    table = np.array([[16384, 0, -16384], [0, 8192, 0]], "<i2")
    head = OpusHead(0, 1, 3, 0, 48000, 0, 3, 2, 0, bytes(range(3)), table.tobytes())
    streams = [tone_packets(300, 0.04), tone_packets(500, 0.04)]
    pcm = pcm_of(frames_of([head, *placed([join_streams(parts) for parts in zip(*streams, strict=True)])]))
    one, two = (pcm_of(frames_of([MONO, *placed(stream)]))[:, 0] for stream in streams)
    np.testing.assert_allclose(pcm, np.stack([one / 2, two / 4, -one / 2], axis=1), atol=1e-6)


@pytest.mark.parametrize("options", [{"rate": 44100}, {"gain": "loud"}])
def test_other_arguments_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        FrameDecoder(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("generation_a.opus", 148800),
        ("generation_b.opus", 206400),
        ("restart.opus", 128328),
        ("stereo.opus", 91200),
        ("chained.opus", 91200),
    ],
)
def test_fixtures_give_all_their_samples_in_one_piece(name: str, samples: int) -> None:
    reader = OpusReader()
    items = reader.feed((FIXTURES / name).read_bytes()) + reader.finish()
    frames = frames_of(items, FrameDecoder(stats=reader.stats))
    assert assert_contiguous(frames) == samples
    assert reader.stats.bad_packets == reader.stats.holes == 0
    assert float(np.sqrt(np.mean(np.concatenate([frame.pcm[:, 0] for frame in frames]) ** 2))) > 0.01


# States


@pytest.mark.parametrize(
    "head", [MONO, OpusHead.simple(2, 312), OpusHead(0, 1, 3, 0, 48000, 0, 1, 3, 0, bytes(range(3)))]
)
def test_a_saved_state_gives_the_same_again(head: OpusHead) -> None:
    streams = [tone_packets(200 * (number + 1), channels=1 + head.coupled) for number in range(head.streams)]
    items = placed([join_streams(parts) for parts in zip(*streams, strict=True)])
    decoder = FrameDecoder()
    frames_of([head, *items[:4]], decoder)
    state = decoder.save()
    once = pcm_of(frames_of(items[4:], decoder))
    for _ in range(2):
        decoder.restore(state)
        np.testing.assert_array_equal(pcm_of(frames_of(items[4:], decoder)), once)


def test_a_restored_hole_waits_again() -> None:
    decoder = FrameDecoder()
    frames_of([MONO, *placed(PACKETS[:5]), Hole(0, 0, 4800, 960, "lost")], decoder)
    state = decoder.save()
    after = placed(PACKETS[6:7], position=5760)
    once = frames_of(after, decoder)
    decoder.restore(state)
    again = frames_of(after, decoder)
    assert [frame.concealed for frame in again] == [True, False]
    np.testing.assert_array_equal(pcm_of(again), pcm_of(once))


def test_packets_refused_since_then_are_taken_back_and_others_stay_counted() -> None:
    stats = StreamStats()
    decoder = FrameDecoder(stats=stats)
    frames_of([MONO, *placed([*PACKETS[:2], BROKEN])], decoder)
    state = decoder.save()
    frames_of(placed([BROKEN, BROKEN], position=2880), decoder)
    stats.bad_packets += 10  # the reader's
    decoder.restore(state)
    assert stats.bad_packets == 11
    (frame,) = frames_of(placed(PACKETS[:1], position=2880), decoder)
    assert frame.position == 1920


def test_the_state_before_a_link_is_that_of_the_link_before() -> None:
    decoder = FrameDecoder(gain="track")
    frames_of([MONO, *placed(PACKETS[:4])], decoder)
    state = decoder.save()
    frames_of([OpusHead.simple(2, 0), *placed(tone_packets(channels=2), position=3840)], decoder)
    decoder.restore(state)
    ours = frames_of(placed(PACKETS[4:], position=3840), decoder)
    np.testing.assert_array_equal(pcm_of(ours), pcm_of(frames_of([MONO, *placed(PACKETS)]))[3840:])


def test_a_state_of_before_the_first_link_can_be_restored() -> None:
    decoder = FrameDecoder()
    decoder.expect(MONO)
    state = decoder.save()
    once = pcm_of(frames_of([MONO, *placed(PACKETS)], decoder))
    decoder.restore(state)
    np.testing.assert_array_equal(pcm_of(frames_of([MONO, *placed(PACKETS)], decoder)), once)
    new = FrameDecoder()
    state = new.save()
    frames_of([MONO, *placed(PACKETS)], new)
    new.restore(state)
    assert new.tail(960) is None
    np.testing.assert_array_equal(pcm_of(frames_of([MONO, *placed(PACKETS)], new)), once)


def test_marks_of_pages_give_nothing_and_change_nothing() -> None:
    marks: list[Item] = [PageBegun(), PageSettled(), PageWithdrawn(0)]
    decoder = FrameDecoder()
    assert frames_of(marks, decoder) == []
    frames_of([MONO, *placed(PACKETS), Hole(0, 0, 9600, 960, "lost")], decoder)
    assert frames_of(marks, decoder) == []
    assert len(decoder.finish()) == 1


# The tail


@pytest.mark.parametrize("rate", [8000, 48000])
@pytest.mark.parametrize("samples", [120, 2880, 5760])
def test_the_tail_is_what_concealment_would_give(rate: int, samples: int) -> None:
    decoder = FrameDecoder(rate)
    frames_of([MONO, *placed(PACKETS[:5])], decoder)
    tail = decoder.tail(samples)
    assert tail is not None
    assert (tail.position, tail.rate, tail.concealed) == (4800, rate, True)
    assert tail.pcm.shape == (samples * rate // 48000, 1)
    hole = frames_of([Hole(0, 0, 4800, samples, "lost"), *placed([b"\x08"], position=9)], decoder)
    np.testing.assert_array_equal(tail.pcm, hole[0].pcm)


def test_the_tail_leaves_the_decoder_as_it_is() -> None:
    whole = pcm_of(frames_of([MONO, *placed(PACKETS)]))
    decoder = FrameDecoder()
    decoder.decode(MONO)
    frames = []
    for packet in placed(PACKETS):
        frames += decoder.decode(packet)
        assert decoder.tail(2880) is not None
    np.testing.assert_array_equal(pcm_of(frames), whole)


def test_the_tail_owns_its_memory() -> None:
    decoder = FrameDecoder()
    frames_of([MONO, *placed(PACKETS)], decoder)
    one, two = decoder.tail(960), decoder.tail(960)
    assert one is not None
    assert two is not None
    assert not np.shares_memory(one.pcm, two.pcm)
    np.testing.assert_array_equal(one.pcm, two.pcm)


def test_the_tail_goes_on_where_the_latest_frame_ended() -> None:
    decoder = FrameDecoder()
    ends = []
    items: list[Item] = [
        MONO,
        *placed(PACKETS[:2], skip=312, cut=100),
        *placed([BROKEN, *PACKETS], position=1508, skip=960),
    ]
    for item in items:
        frames = decoder.decode(item)
        tail = decoder.tail(120)
        ends.append(None if tail is None else tail.position)
        assert not frames or tail is None or tail.position == frames[-1].position + len(frames[-1].pcm)
    assert ends[:4] == [None, 648, 1508, 1508]


def test_the_tail_goes_on_behind_a_hole() -> None:
    decoder = FrameDecoder()
    frames_of([MONO, *placed(PACKETS[:5]), Hole(0, 0, 4800, 960, "lost"), *placed([BROKEN], position=5760)], decoder)
    tail = decoder.tail(120)
    assert tail is not None
    assert tail.position == 5760


def test_there_is_no_tail_before_the_first_packet_of_a_link() -> None:
    decoder = FrameDecoder()
    assert decoder.tail(960) is None
    decoder.decode(MONO)
    assert decoder.tail(960) is None
    frames_of(placed(PACKETS), decoder)
    assert decoder.tail(960) is not None
    decoder.decode(OpusHead.simple(2, 0))
    assert decoder.tail(960) is None


# Sound that is PCM already


def test_a_frame_is_its_own() -> None:
    decoder = FrameDecoder()
    frame = PcmFrame(np.zeros((240, 2), np.float32), 0, 24000)
    assert decoder.decode(frame) == [frame]
    assert decoder.tail(960) is None


def test_a_frame_ends_what_can_be_made_up_from_packets_before_it() -> None:
    decoder = FrameDecoder()
    frames_of([MONO, *placed(PACKETS), Hole(0, 0, 9600, 960, "lost")], decoder)
    frame = PcmFrame(np.zeros((240, 1), np.float32), 10560, 24000)
    hole, ours = decoder.decode(frame)
    assert hole.concealed
    assert ours is frame
    assert decoder.tail(960) is None
