"""Tests of the priority of the audio system's threads."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import pytest

from oggstream.sinks.priority import raised_for_new_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PortAudio does it elsewhere")


def schedule_of_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(os.sched_getscheduler(0)))
    thread.start()
    thread.join()
    return found[0]


def test_threads_that_begin_in_the_block_have_it_where_it_may_be_had() -> None:
    with raised_for_new_threads() as raised:
        within = schedule_of_a_new_thread()
    assert within == (os.SCHED_RR if raised else os.SCHED_OTHER)
    assert schedule_of_a_new_thread() == os.sched_getscheduler(0) == os.SCHED_OTHER


def test_it_is_given_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="odd"), raised_for_new_threads():
        raise ValueError("odd")
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize("error", [PermissionError, OSError])
def test_without_the_right_to_it_nothing_changes(error: type[OSError], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise error(1, "not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with raised_for_new_threads() as raised:
        assert not raised


def test_where_there_is_no_such_thing_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setscheduler")
    with raised_for_new_threads() as raised:
        assert not raised
