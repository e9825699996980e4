"""Models of the speed of speech services."""

from __future__ import annotations

import pytest

from tools.simulation.synthesis import FAMILIES, Progress, Server, steady


def test_a_line_of_audio_over_time_with_a_pause_and_a_burst() -> None:
    progress = Progress([(0.0, 1.0), (2.0, 2.0), (2.0, 3.0), (4.0, 3.0)])
    assert progress.seconds == 4
    assert [progress.ready(at) for at in (-1.0, 0.0, 1.0, 2.0, 2.1, 4.0, 9.0)] == [1, 1, 1.5, 2, 3, 3, 3]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_is_the_same_service(family: str) -> None:
    one, same, other = Server(family, 1), Server(family, 1), Server(family, 2)
    assert one.utterance(3).progress.points == same.utterance(3).progress.points
    assert one.utterance(3).progress.points != one.utterance(4).progress.points
    assert one.utterance(3).progress.points != other.utterance(3).progress.points


@pytest.mark.parametrize("family", FAMILIES)
def test_audio_is_ready_in_its_order(family: str) -> None:
    for index in range(5):
        points = Server(family, 7).utterance(index).progress.points
        assert [audio for audio, _ in points] == sorted(audio for audio, _ in points)
        assert [at for _, at in points] == sorted(at for _, at in points)


def test_an_utterance_has_its_length_and_a_text_to_match() -> None:
    utterance = Server("fast", 0).utterance(0, 10.0)
    assert utterance.progress.seconds == pytest.approx(10)
    assert 90 < utterance.characters < 200
    assert all(2 <= Server("fast", 0).utterance(index).progress.seconds <= 40 for index in range(20))


@pytest.mark.parametrize(
    ("family", "slowest", "fastest"),
    [("fast", 2.5, 8.5), ("barely", 0.9, 1.5), ("slow", 0.6, 1.05), ("paced", 0.95, 1.1)],
)
def test_a_family_works_at_its_rate(family: str, slowest: float, fastest: float) -> None:
    for seed in range(5):
        progress = Server(family, seed).utterance(0, 30.0).progress
        rate = 30 / (progress.ready(30.0) - progress.ready(0.0))
        assert slowest < rate < fastest


def test_a_steady_service_never_falters() -> None:
    progress = steady(0.5, 10.0, first=0.2)
    assert [progress.ready(seconds) for seconds in (0.0, 1.0, 10.0)] == pytest.approx([0.2, 2.2, 20.2])


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(KeyError):
        Server("none", 0)
