"""The arrivals of one speech, and what is learnt from them."""

from __future__ import annotations

import pytest

from oggstream.playout.habits import Utterance
from oggstream.playout.log import ALL_OF, KEPT, LONGEST_BURST, MOST_DELAY, ArrivalLog

SLOWEST = 0.87


def taught(arrivals: list[tuple[float, float]], characters: int = 0) -> Utterance | None:
    log = ArrivalLog()
    for at, seconds in arrivals:
        log.add(at, seconds)
    return log.utterance(characters, SLOWEST)


def known(arrivals: list[tuple[float, float]], characters: int = 0) -> Utterance:
    utterance = taught(arrivals, characters)
    assert utterance is not None
    return utterance


def test_what_comes_at_once_teaches_nothing() -> None:
    assert taught([]) is None
    assert taught([(5.0, 1.0), (5.0, 2.0)]) is None


def test_packets_of_one_moment_are_one_burst() -> None:
    log = ArrivalLog()
    for at in (1.0, 2.0):
        for _ in range(50):
            log.add(at, 0.02)
    assert log.burst == pytest.approx(1.0)
    assert log.received == pytest.approx(2.0)
    assert (log.first, log.last) == (1.0, 2.0)


def test_the_pace_is_what_a_player_must_keep_to() -> None:
    pages = [(10 + 0.5 * page, 1.0) for page in range(9)]
    assert known([*pages, (14.0, 1.0)]) == (0.5, 0.0, 0.0, 0.0)  # the last two pages come together


def test_one_outage_says_nothing_of_the_pace() -> None:
    plain = [(0.5 * n, 1.0) for n in range(8)]
    broken = [(at + 3.0 * (at > 1.0), seconds) for at, seconds in plain]
    assert known(broken).pace == pytest.approx(known(plain).pace, abs=0.1)
    log = ArrivalLog()
    for at, seconds in broken:
        log.add(at, seconds)
    assert log.outage == pytest.approx(2.5)
    log.join()
    log.add(20.0, 1.0)
    assert log.outage == 0.0  # of the answer under way


def test_second_outage_is_one_of_the_pace() -> None:
    broken = [(0.5 * n + 3.0 * (n > 2) + 2.0 * (n > 5), 1.0) for n in range(8)]
    assert known(broken).pace == pytest.approx((3.5 + 5.0 - 2.5) / 7)


@pytest.mark.parametrize("pace", [0.9, 1.4])
def test_pages_of_a_slow_service_are_no_outages(pace: float) -> None:
    assert known([(pace * n, 1.0) for n in range(8)]).pace == pytest.approx(pace)


def test_a_pause_that_later_arrivals_make_good_is_a_delay() -> None:
    early = known([(0.0, 0.02), (0.05, 0.02), (0.4, 0.02), *((0.4 + n / 100, 0.02) for n in range(1, 150))])
    assert early.delay == pytest.approx(0.4 - 0.04 - 0.06)
    assert early.margin == pytest.approx(0.04)


def test_a_pause_after_much_had_come_is_none() -> None:
    assert known([(0.0, 0.5), (0.1, 0.5), (0.9, 1.0)]).delay == 0


def test_lateness_that_is_concealed_is_none() -> None:
    assert known([(0.0, 0.02), (0.07, 0.02), (0.08, 0.5), (0.1, 0.5)]).delay == 0


def test_what_the_pace_of_a_slow_service_explains_is_no_delay() -> None:
    slow = known([(1.4 * page, 1.0) for page in range(10)])
    assert slow.pace == pytest.approx(1.4)
    assert slow.delay == 0


def test_what_slowing_down_carries_is_no_delay() -> None:
    assert known([(1.1 * page, 1.0) for page in range(10)]).delay == 0


def test_a_delay_is_no_longer_than_can_be_waited_for() -> None:
    assert known([(0.0, 0.02), (9.0, 60.0), (9.2, 1.0)]).delay == MOST_DELAY


def test_characters_count_per_second_of_audio() -> None:
    pages = [(0.5 * page, 1.0) for page in range(4)]
    assert known(pages, 60).characters == 15
    assert known(pages).characters == 0
    assert known([(0.0, 0.2), (0.1, 0.2)], 60).characters == 0


def test_only_the_answer_to_the_first_request_teaches_the_pace() -> None:
    log = ArrivalLog()
    log.add(0.0, 1.0)
    log.add(0.5, 1.0)
    log.join()
    log.add(9.0, 1.0)
    log.add(19.0, 1.0)
    assert (log.first, log.before) == (9.0, 2.0)
    assert log.utterance(40, SLOWEST) == (0.5, 0.0, 0.0, 10.0)


def test_a_long_speech_is_remembered_in_bounded_memory() -> None:
    log = ArrivalLog()
    for number in range(50_000):
        log.add(number * 0.01, 0.02)
    assert ALL_OF < len(log._points) <= KEPT
    utterance = log.utterance(0, SLOWEST)
    assert utterance is not None
    assert utterance.pace == pytest.approx(0.5, rel=0.01)


def test_a_page_that_a_link_delivers_in_pieces_is_one_burst() -> None:
    log = ArrivalLog()
    for page in range(3):
        for piece in range(7):
            log.add(1.4 * page + 0.01 * piece, 1 / 7)
    assert log.burst == pytest.approx(1.0)
    assert log.last == pytest.approx(2.8)
    assert known([(1.4 * page + 0.01 * piece, 1 / 7) for page in range(4) for piece in range(7)]).pace == pytest.approx(
        1.4
    )


def test_a_service_that_is_always_fast_does_not_make_one_endless_burst() -> None:
    log = ArrivalLog()
    for packet in range(1000):
        log.add(packet * 0.001, 0.02)
    assert log.burst <= LONGEST_BURST / 0.001 * 0.02 + 0.02


def test_packets_of_a_slow_service_are_bursts_of_their_own() -> None:
    log = ArrivalLog()
    for packet in range(100):
        log.add(packet * 0.022, 0.02)
    assert log.burst == pytest.approx(0.02)
