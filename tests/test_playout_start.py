"""When sound may begin."""

from __future__ import annotations

from oggstream.playout.start import StartRule


def test_nothing_received_never_starts() -> None:
    assert not StartRule(0.0).may_start(0.0, ended=True)


def test_the_buffer_must_be_filled() -> None:
    assert not StartRule(0.1).may_start(0.099, ended=False)
    assert StartRule(0.1).may_start(0.1, ended=False)


def test_all_that_will_ever_come_starts_at_once() -> None:
    assert StartRule(0.1).may_start(0.02, ended=True)
