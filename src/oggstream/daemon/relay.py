"""Hands the client's signals on to the process that works for it."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Self

STUBBORN = 3
"""Interrupts after which a process that does not end is killed: the second ends one that answers at all."""


class Relay:
    """Inside its ``with`` block Ctrl-C, SIGTERM and Ctrl-Z reach process ``worker``. ``interrupts`` counts the former.
    ``next_answer`` is what the daemon's process says next.

    The number may not mean another process by then: where the system has such things it is held by a descriptor.
    """

    def __init__(self, worker: int, next_answer: Callable[[], list[bytes] | None] = lambda: None) -> None:
        self.interrupts = 0
        self.next_answer = next_answer
        self._worker = worker  # 0: it has ended
        self._held: int | None = None
        if hasattr(os, "pidfd_open"):
            try:
                self._held = os.pidfd_open(worker)
            except ProcessLookupError:  # what it answered is still to be read
                self._worker = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        handlers = {signal.SIGINT: self._interrupt, signal.SIGTERM: self._interrupt, signal.SIGTSTP: self._suspend}
        for number, handler in handlers.items():
            self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._held is not None:
            os.close(self._held)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        self.interrupts += 1
        self._send(number if self.interrupts < STUBBORN else signal.SIGKILL)

    def _suspend(self, _number: int, _frame: FrameType | None) -> None:
        """Stop both, and go on together."""
        self._send(signal.SIGSTOP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when the shell lets this process go on
        signal.signal(signal.SIGTSTP, self._suspend)
        self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        try:
            if self._held is not None:
                signal.pidfd_send_signal(self._held, number)
            elif self._worker:
                os.kill(self._worker, number)
        except ProcessLookupError:
            pass
