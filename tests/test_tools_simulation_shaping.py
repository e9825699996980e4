"""When muxers release synthesised audio."""

from __future__ import annotations

import pytest

from scripted import pages, spoken
from tools.simulation.shaping import delayed, generation_a, generation_b, in_chunks, ogg_pieces, pcm
from tools.simulation.synthesis import steady

BODY = spoken(3.5)  # pages of 1, 1, 1 and 0.5 s behind the headers


def sizes(*groups: int) -> list[int]:
    """The sizes of groups of pages, the headers in the first."""
    each = [len(page) for page in pages(BODY)]
    each = [sum(each[:3]), *each[3:]]
    return [sum(each.pop(0) for _ in range(count)) for count in groups]


def test_generation_a_sends_a_page_when_its_audio_is_there() -> None:
    arrivals = generation_a(BODY, steady(2, 3.5, first=1.0))
    assert [at for at, _ in arrivals] == pytest.approx([1.5, 2.0, 2.5, 2.75])
    assert [size for _, size in arrivals] == sizes(1, 1, 1, 1)


def test_generation_b_is_a_second_behind_and_its_last_two_pages_come_together() -> None:
    arrivals = generation_b(BODY, steady(2, 3.5, first=1.0))
    assert [at for at, _ in arrivals] == pytest.approx([2.0, 2.5, 2.75], abs=0.01)
    assert [size for _, size in arrivals] == sizes(1, 1, 2)


def test_a_page_per_packet_leaves_per_packet() -> None:
    arrivals = generation_a(spoken(0.2, packets_per_page=1), steady(1, 0.2, first=0.0))
    assert [at for at, _ in arrivals][:4] == pytest.approx([0.02, 0.04, 0.06, 0.08])


def test_all_bytes_leave_whatever_the_layout() -> None:
    progress = steady(3, 3.5)
    for arrivals in (generation_a(BODY, progress), generation_b(BODY, progress)):
        assert sum(size for _, size in arrivals) == len(BODY)
        assert sum(size for _, size in in_chunks(arrivals, 700)) == len(BODY)


def test_pieces_have_the_headers_in_front() -> None:
    pieces = ogg_pieces(BODY)
    assert [piece.size for piece in pieces] == sizes(1, 1, 1, 1)
    assert [piece.end for piece in pieces][:3] == [1.0, 2.0, 3.0]


def test_samples_leave_in_chunks() -> None:
    arrivals = pcm(bytes(2 * 2500), steady(1, 0.1, first=0.5), rate=24000, piece=0.04)
    assert [at for at, _ in arrivals] == pytest.approx([0.54, 0.58, 0.6])
    assert [size for _, size in arrivals] == [1920, 1920, 1160]
    assert pcm(b"", steady(1, 0.1), rate=24000) == []


def test_arrivals_can_be_delayed_and_cut() -> None:
    assert delayed([(1.0, 5)], 0.5) == [(1.5, 5)]
    assert in_chunks([(1.0, 5), (2.0, 2)], 2) == [(1.0, 2), (1.0, 2), (1.0, 1), (2.0, 2)]
