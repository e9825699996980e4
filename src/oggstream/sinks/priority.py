"""Real-time priority for the threads of the audio system, where this user may have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

PRIORITY = 5
"""Above all usual programs, below the sound server's own threads."""


@contextmanager
def raised_for_new_threads() -> Iterator[bool]:
    """Threads that are started in this block by this thread get real-time priority; gives whether they do.

    On Linux a thread inherits how it is scheduled. It takes RLIMIT_RTPRIO (`ulimit -r`) or root; without, nothing
    changes. PortAudio itself does it on macOS and Windows. The kernel keeps a share of each core for other programs.
    """
    raised = _set_up()
    try:
        yield raised
    finally:
        if raised:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # this thread's


def _set_up() -> bool:
    if not hasattr(os, "sched_setscheduler") or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    except OSError:
        return False
    return True
