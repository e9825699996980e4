from __future__ import annotations

import pytest

from oggstream.opus.items import MAX_WARNINGS, AudioPacket, StreamStats


def test_packets_are_frozen() -> None:
    packet = AudioPacket(b"\x08", 0, 960, 312, 0)
    with pytest.raises(AttributeError):
        packet.position = 1  # type: ignore[misc]


def test_counters_are_the_report_and_not_shared_with_it() -> None:
    stats = StreamStats()
    stats.pages = 3
    stats.warn("odd")
    report = stats.as_dict()
    stats.warn("odder")
    assert report == {
        "bytes": 0,
        "pages": 3,
        "packets": 0,
        "links": 0,
        "holes": 0,
        "bad_packets": 0,
        "complete": True,
        "warnings": ["odd"],
    }


def test_warnings_are_bounded() -> None:
    stats = StreamStats()
    for number in range(10 * MAX_WARNINGS):
        stats.warn(str(number))
    assert len(stats.warnings) == MAX_WARNINGS + 1
    assert stats.warnings[-1] == "further warnings are left out"
