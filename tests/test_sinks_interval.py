from __future__ import annotations

import sys

import pytest

from oggstream.sinks import interval


def test_the_least_wish_counts_and_the_program_s_own_comes_back() -> None:
    usual = sys.getswitchinterval()
    interval.shorten(0.001)
    interval.shorten(0.0005)
    assert sys.getswitchinterval() == pytest.approx(0.0005)
    interval.restore(0.0005)
    assert sys.getswitchinterval() == pytest.approx(0.001)
    interval.restore(0.001)
    assert sys.getswitchinterval() == usual
