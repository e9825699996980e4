from __future__ import annotations

from hypothesis import given, strategies as st

from oggstream.opus.items import AudioPacket
from oggstream.opus.timeline import MAX_CONCEALED, Timeline

PACKETS = [b"a", b"b", b"c"]
SAMPLES = [960, 960, 960]


def kept(placed: list[AudioPacket]) -> list[int]:
    return [packet.samples - packet.trim_start - packet.trim_end for packet in placed]


def test_pre_skip_is_dropped_once_at_the_start() -> None:
    line = Timeline(0, 312)
    assert line.place(PACKETS, SAMPLES, 2880, last=False)[0] == AudioPacket(b"a", 0, 960, 312, 0)
    assert kept(line.place(PACKETS, SAMPLES, 5760, last=False)) == [960, 960, 960]


def test_pre_skip_may_span_packets_and_pages() -> None:
    line = Timeline(0, 65535)
    total = sum(sum(kept(line.place(PACKETS, SAMPLES, 2880 * (page + 1), last=False))) for page in range(30))
    assert total == 30 * 2880 - 65535
    assert line.position == total


def test_positions_count_what_is_kept_over_links() -> None:
    line = Timeline(1000, 312)
    placed = line.place(PACKETS, SAMPLES, 2880, last=False)
    assert [packet.position for packet in placed] == [1000, 1648, 2608]
    assert line.position == 3568


def test_positions_go_on_where_nothing_is_trimmed() -> None:
    line = Timeline(5, 0)
    assert [packet.position for packet in line.place(PACKETS, SAMPLES, 2880, last=False)] == [5, 965, 1925]


def test_end_trim_may_cross_packets_of_its_page() -> None:
    line = Timeline(0, 0)
    line.place(PACKETS, SAMPLES, 2880, last=False)
    placed = line.place(PACKETS, SAMPLES, 2880 + 1000, last=True)
    assert [(packet.trim_start, packet.trim_end) for packet in placed] == [(0, 0), (0, 920), (0, 960)]


def test_end_trim_never_reaches_earlier_pages() -> None:
    line = Timeline(0, 0)
    line.place(PACKETS, SAMPLES, 2880, last=False)
    assert kept(line.place(PACKETS, SAMPLES, 100, last=True)) == [0, 0, 0]


def test_granule_position_zero_is_one_like_others() -> None:
    line = Timeline(0, 0)
    line.place(PACKETS, SAMPLES, 0, last=False)
    assert line.granule == 0
    assert kept(line.place(PACKETS, SAMPLES, 0, last=True)) == [0, 0, 0]


def test_last_granule_position_that_is_too_large_trims_nothing() -> None:
    assert kept(Timeline(0, 0).place(PACKETS, SAMPLES, 9999, last=True)) == [960, 960, 960]


def test_only_page_keeps_its_granule_position_less_the_pre_skip() -> None:
    placed = Timeline(0, 312).place(PACKETS, SAMPLES, 2000, last=True)
    assert kept(placed) == [648, 960, 80]


def test_only_page_below_the_pre_skip_is_not_trimmed() -> None:
    assert kept(Timeline(0, 312).place(PACKETS, SAMPLES, 100, last=True)) == [648, 960, 960]


def test_stream_shorter_than_its_pre_skip_gives_nothing() -> None:
    assert kept(Timeline(0, 3840).place(PACKETS, SAMPLES, 2880, last=False)) == [0, 0, 0]


def test_pre_skip_and_end_trim_may_meet_in_a_packet() -> None:
    (packet,) = Timeline(0, 312).place([b"a"], [960], 591, last=True)
    assert (packet.trim_start, packet.trim_end) == (312, 369)


def test_missing_granule_position_counts_on() -> None:
    line = Timeline(0, 0)
    line.place(PACKETS, SAMPLES, -1, last=False)
    assert line.granule == 2880
    assert kept(line.place(PACKETS, SAMPLES, -1, last=True)) == [960, 960, 960]


def test_gap_is_as_long_as_the_senders_count_says() -> None:
    line = Timeline(0, 312)
    line.place(PACKETS, SAMPLES, 2880, last=False)
    assert line.conceal(2880 + 960 + 2880, 2880) == 960
    assert line.granule == 2880 + 960
    assert line.position == 2880 - 312 + 960


def test_gap_is_concealed_for_two_seconds_at_most() -> None:
    line = Timeline(0, 0)
    line.place(PACKETS, SAMPLES, 2880, last=False)
    assert line.conceal(10**9, 960) == MAX_CONCEALED


def test_gap_without_a_granule_position_or_with_an_earlier_one_has_no_length() -> None:
    line = Timeline(0, 0)
    line.place(PACKETS, SAMPLES, 2880, last=False)
    assert line.conceal(-1, 960) == 0
    assert line.conceal(960, 960) == 0


def test_gap_in_the_pre_skip_is_dropped_with_it() -> None:
    line = Timeline(0, 3840)
    line.place(PACKETS, SAMPLES, 2880, last=False)
    assert line.conceal(2880 + 1920 + 960, 960) == 1920 - 960
    assert line.position == 1920 - 960
    assert kept(line.place([b"d"], [960], 5760, last=False)) == [960]


def test_last_page_behind_a_gap_ends_where_it_says() -> None:
    line = Timeline(0, 0)
    line.place(PACKETS, SAMPLES, 2880, last=False)
    line.conceal(6000, 960)
    line.place([b"d"], [960], 6000, last=True)
    assert line.position == 6000


def test_doubtful_granule_positions_are_told() -> None:
    line = Timeline(0, 312)
    assert line.doubt(2880, 2880, last=False) is None
    assert "too small" in str(line.doubt(2879, 2880, last=False))
    assert "no granule" in str(line.doubt(-1, 2880, last=False))
    assert "pre-skip" in str(line.doubt(311, 2880, last=True))
    assert line.doubt(312, 2880, last=True) is None
    line.place(PACKETS, SAMPLES, 2880, last=False)
    assert line.doubt(100, 2880, last=False) is None


@given(
    st.integers(0, 5000),
    st.lists(st.tuples(st.lists(st.sampled_from([120, 960, 5760]), max_size=5), st.integers(-1, 30000)), max_size=6),
    st.booleans(),
)
def test_trims_lie_within_packets_and_positions_are_sums(
    pre_skip: int,
    pages: list[tuple[list[int], int]],
    ends: bool,  # drawn
) -> None:
    line = Timeline(7, pre_skip)
    position = 7
    for number, (durations, granule) in enumerate(pages):
        last = ends and number == len(pages) - 1
        for packet in line.place([b"x"] * len(durations), durations, granule, last=last):
            assert packet.position == position
            assert min(packet.trim_start, packet.trim_end) >= 0
            assert packet.trim_start + packet.trim_end <= packet.samples
            position += packet.samples - packet.trim_start - packet.trim_end
    assert line.position == position
