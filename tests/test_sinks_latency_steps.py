"""Tests of finding and remembering how much latency a device needs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from oggstream.sinks.devices import OutputDevice
from oggstream.sinks.latency_steps import HOUR, LatencySteps

SPEAKERS = OutputDevice(0, "Speakers", "ALSA", 2, 48000, 0.01, default=True)
HEADSET = OutputDevice(1, "Headset", "ALSA", 2, 48000, 0.01, default=False)
MME = OutputDevice(2, "Speakers", "MME", 2, 48000, 0.09, default=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "devices.json"


def steps(path: Path, device: OutputDevice = SPEAKERS) -> LatencySteps:
    made = LatencySteps(str(path))
    made.choose(device)
    return made


def test_a_device_begins_with_the_least(path: Path) -> None:
    made = steps(path)
    assert (made.choose(SPEAKERS), made.choose(MME)) == (0.02, 0.09)
    assert not made.wants_more
    assert not path.exists()


def test_one_underrun_is_no_reason_two_are_and_four_are_urgent(path: Path) -> None:
    made = steps(path)
    found = []
    for number in range(4):
        made.ran_dry(1, now=float(number))
        found.append((made.wants_more, made.is_urgent))
    assert found == [(False, False), (True, False), (True, False), (True, True)]


def test_underruns_long_ago_do_not_count(path: Path) -> None:
    made = steps(path)
    made.ran_dry(1, now=0.0)
    made.ran_dry(1, now=11.0)
    assert not made.wants_more


def test_each_step_is_the_next_or_the_one_above_the_longest_gap(path: Path) -> None:
    assert [made.step(0.0) for made in [steps(path)] for _ in range(4)] == [0.04, 0.08, 0.16, 0.16]
    assert steps(path).step(0.05) == 0.08
    assert steps(path).step(5.0) == 0.16


def test_a_step_begins_the_count_anew_and_the_last_one_wants_no_more(path: Path) -> None:
    made = steps(path)
    made.ran_dry(9, now=0.0)
    made.step(0.0)
    assert not made.wants_more
    made.step(0.0)
    made.step(0.0)
    made.ran_dry(9, now=0.0)
    assert not made.wants_more
    assert not made.is_urgent


def test_a_slow_host_api_is_never_asked_for_less_than_it_can_hold(path: Path) -> None:
    made = steps(path, MME)
    assert made.step(0.0) == 0.16


def test_what_a_device_needs_is_remembered_for_that_device(path: Path) -> None:
    made = steps(path)
    made.step(0.0)
    made.remember()
    assert (steps(path).choose(SPEAKERS), steps(path).choose(HEADSET)) == (0.04, 0.02)
    assert path.stat().st_mode & 0o077 == 0


def test_a_device_that_is_chosen_instead_has_its_own_latency(path: Path) -> None:
    made = steps(path)
    made.step(0.1)
    assert made.choose(HEADSET) == 0.02
    assert made.choose(HEADSET) == 0.02


@pytest.mark.parametrize(("hours", "latency"), [(0, 0.16), (1, 0.08), (2, 0.04), (3, 0.02), (999, 0.02), (-1, 0.16)])
def test_each_hour_takes_a_step_back(path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, latency: float) -> None:
    made = steps(path)
    made.step(1.0)
    made.remember()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + hours * HOUR + 10)
    assert steps(path).choose(SPEAKERS) == latency


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0",
        b"[" * 100_000,
        b"[]",
        b"null",
        b'{"ALSA|Speakers": 3}',
        b'{"ALSA|Speakers": {"latency": 99, "at": 1}}',
        b'{"ALSA|Speakers": {"latency": [0.04], "at": 1}}',
        b'{"ALSA|Speakers": {"latency": 0.16, "at": NaN}}',
        b'{"ALSA|Speakers": {"latency": 0.16, "at": 1e999}}',
        b'{"ALSA|Speakers": {"latency": 0.16, "at": ' + b"9" * 4000 + b"}}",
        b" " * (1 << 17),
    ],
)
def test_a_damaged_file_is_ignored_and_replaced(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    made = steps(path)
    assert made.choose(SPEAKERS) == 0.02
    made.step(0.0)
    made.remember()
    assert steps(path).choose(SPEAKERS) == 0.04


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    made = steps(tmp_path / "file" / "devices.json")
    made.step(0.0)
    made.remember()
    assert made.choose(SPEAKERS) == 0.04


def test_the_file_keeps_the_devices_that_were_used_last(path: Path) -> None:
    for number in range(20):
        made = steps(path, OutputDevice(number, f"Device {number}", "ALSA", 2, 48000, 0.01, default=False))
        made.step(0.0)
        made.remember()
    assert list(json.loads(path.read_text())) == [f"ALSA|Device {number}" for number in range(4, 20)]
