"""The start of a player that knows all arrivals in advance."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.lab.clairvoyant import Clairvoyant, Point, clairvoyant, packets
from oggstream.sources.captures.capture import Capture
from scripted import pages, spoken

BODY = spoken(3.0)


def paged(*times: float, body: bytes = BODY) -> Capture:
    """A capture whose pages, the headers with the first, arrive at these times."""
    found = [len(page) for page in pages(body)]
    sizes = [sum(found[:3]), *found[3:]]
    return Capture("a", body, list(zip(times, sizes, strict=True)))


def test_pages_in_time_need_no_delay() -> None:
    assert clairvoyant(packets(paged(1.0, 1.5, 2.0, 2.1))) == Clairvoyant(1.0, 0.0, 0.0)


def test_the_delay_is_the_largest_lag_behind_the_audio() -> None:
    best = clairvoyant(packets(paged(1.0, 2.5, 3.0, 3.1)))
    assert best is not None
    heard_before = 1.0 - 312 / 48000  # of the first page
    assert best.start == pytest.approx(1.5 - heard_before)
    assert best.start_stretched == pytest.approx(1.5 - heard_before / 0.87)


def test_a_slow_source_costs_less_when_it_is_stretched() -> None:
    points = [Point(1 + n / 0.9, n / 1.0, n + 1.0) for n in range(20)]
    best = clairvoyant(points)
    assert best is not None
    assert best.start == pytest.approx(19 / 0.9 - 19)
    assert best.start_stretched == 0.0


def test_without_a_packet_there_is_nothing_to_be_best_at() -> None:
    assert clairvoyant([]) is None
    assert packets(Capture("a", b"", [])) == []
    assert packets(Capture("a", b"<html>" * 99, [(1.0, 594)])) == []


def test_a_packet_counts_from_its_own_last_byte_on() -> None:
    body = BODY
    start = sum(len(page) for page in pages(body)[:2])
    capture = Capture("a", body, [(1.0, start), *((1.0 + n / 1000, 1) for n in range(1, len(body) - start + 1))])
    points = packets(capture)
    whole = packets(Capture("a", body, [(9.0, len(body))]))
    assert [(p.begin, p.end) for p in points] == [(p.begin, p.end) for p in whole]
    arrived = [point.at for point in points]
    assert arrived == sorted(arrived)
    assert len(set(arrived)) == len(arrived)  # not page by page


def test_what_is_given_before_a_page_proves_damaged_does_not_count() -> None:
    parts = pages(BODY)
    damaged = bytearray(parts[3])
    damaged[-1] ^= 1
    body = b"".join([*parts[:3], bytes(damaged), *parts[4:]])
    chunk = 200
    sizes = [min(chunk, len(body) - at) for at in range(0, len(body), chunk)]
    points = packets(Capture("a", body, [(n / 10, size) for n, size in enumerate(sizes)]))
    begins = [point.begin for point in points]
    assert begins == sorted(set(begins))
    assert points[-1].end == pytest.approx(3.0)


def test_samples_without_a_container_count_too() -> None:
    headers = {"Content-Type": "audio/pcm;rate=24000"}
    points = packets(Capture("a", bytes(2 * 24000), [(1.0, 12000), (1.4, 36000)], headers=headers))
    assert min(point.at for point in points) == 1.0
    assert points[-1].end == pytest.approx(1.0)
    best = clairvoyant(points)
    assert best is not None
    assert best.start == pytest.approx(0.15)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.01, 2)), min_size=1, max_size=30), st.floats(0.5, 1))
def test_nothing_is_late_with_it_and_something_is_with_less(steps: list[tuple[float, float]], slowest: float) -> None:
    at = audio = 0.0
    points: list[Point] = []
    for wait, seconds in steps:
        at += wait
        points.append(Point(at, audio, audio + seconds))
        audio += seconds
    best = clairvoyant(points, slowest)
    assert best is not None

    def late(start: float, speed: float) -> bool:
        zero = points[0].at + start
        return any(point.at > zero + point.begin / speed + 1e-9 for point in points)

    for start, speed in ((best.start, 1.0), (best.start_stretched, slowest)):
        assert not late(start, speed)
        assert start == 0 or late(start - 1e-6, speed)
    assert best.start_stretched <= best.start
