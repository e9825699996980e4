"""Granule positions at another clock rate."""

from __future__ import annotations

import pytest

from ogg_build import PRE_SKIP, Reading, audio, link, page
from oggstream.opus.clock import GranuleClock
from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags

PACKETS = audio(50)
CLOCKS = [8000, 12000, 16000, 24000, 32000, 44100]


def counted(clock: int, *, trim: int = 0, per_page: int = 10, begin: int = 0, lost: int = 0) -> list[bytes]:
    """The pages of `PACKETS`, their positions counted at ``clock`` Hz; page ``lost`` is missing."""
    head = OpusHead.simple(1, PRE_SKIP, clock)
    pages = [page(bytes(head), flags=2), page(bytes(OpusTags("x")), number=1)]
    for at in range(0, len(PACKETS), per_page):
        last = at + per_page >= len(PACKETS)
        granule = begin + (min(at + per_page, len(PACKETS)) * 960 - trim * last) * clock // 48000
        part = PACKETS[at : at + per_page]
        pages.append(page(*part, number=len(pages), granule=granule, flags=4 * last))
    return [each for number, each in enumerate(pages) if not lost or number != lost]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("trim", [0, 480])
@pytest.mark.parametrize("per_page", [1, 10, 49, 50])
@pytest.mark.parametrize("begin", [0, 1_000_000])
def test_positions_at_another_clock_are_scaled_and_told_once(clock: int, trim: int, per_page: int, begin: int) -> None:
    if begin and per_page == 50:
        return  # one page tells nothing if it may begin anywhere
    body = counted(clock, trim=trim, per_page=per_page, begin=begin)
    for step in (50, None):
        reading = Reading(*body, eager=lambda: True, step=step)
        assert reading.lengths == [len(PACKETS) * 960 - PRE_SKIP - trim]
        assert Reading(*body).result == reading.result
    (warning,) = reading.stats.warnings
    assert warning.startswith(f"granule positions are counted at {clock} Hz, not at 48000: scaled, from byte ")


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("lost", [3, 4, 5])
def test_what_is_lost_is_concealed_at_its_length(clock: int, lost: int) -> None:
    reading = Reading(*counted(clock, lost=lost, trim=480))
    assert reading.lengths[0] == pytest.approx(len(PACKETS) * 960 - PRE_SKIP - 480 - (9600 if lost == 2 else 0), abs=2)


def test_positions_at_48_khz_stay_as_they_are() -> None:
    assert Reading(*link(PACKETS, trim=700)).stats.warnings == []
    head, tags, *most, last = link(PACKETS, trim=4800)
    assert Reading(head, tags, *most, last).lengths == [len(PACKETS) * 960 - PRE_SKIP - 4800]


def test_a_first_page_that_begins_late_alone_says_nothing_of_the_clock() -> None:
    clock = GranuleClock(24000)
    assert not clock.judge(4800, [960] * 10, last=False, gap=False)
    assert clock.doubted
    assert not clock.judge(4800 + 9600, [960] * 10, last=False, gap=False)
    assert (clock.rate, clock.known, clock.doubted) == (48000, True, False)


def test_a_single_page_is_half_as_long_only_if_its_head_names_the_clock() -> None:
    half = 25 * 960
    for rate, expected in ((48000, half - PRE_SKIP), (24000, 50 * 960 - PRE_SKIP)):
        head = page(bytes(OpusHead.simple(1, PRE_SKIP, rate)), flags=2)
        tags = page(bytes(OpusTags("x")), number=1)
        assert Reading(head, tags, page(*PACKETS, number=2, granule=half, flags=4)).lengths == [expected]


@pytest.mark.parametrize("granule", [PRE_SKIP + 2, PRE_SKIP + 480, 959])
def test_a_stream_of_one_packet_with_an_end_trim_is_counted_at_48_khz(granule: int) -> None:
    head = page(bytes(OpusHead.simple(1, PRE_SKIP, 24000)), flags=2)
    reading = Reading(head, page(bytes(OpusTags("x")), number=1), page(PACKETS[0], number=2, granule=granule, flags=4))
    assert (reading.lengths, reading.stats.warnings) == ([granule - PRE_SKIP], [])
