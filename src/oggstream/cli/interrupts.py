"""Ctrl-C and SIGTERM: the first one stops what is going on, the second one leaves at once.

Only what Python itself has loaded by now is imported here, so that the handlers are there before anything slow.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""Exit status: 128 + SIGINT, as a shell has it."""


class Interrupts:
    """Answers both signals inside its ``with`` block. Outside of the main thread it does nothing.

    A first signal raises KeyboardInterrupt, or calls what `cancelling` was given. ``on_leaving`` is called right
    before the process ends at the second: it may tidy the terminal and must not block.
    """

    def __init__(self) -> None:
        self.on_leaving: Callable[[], object] | None = None
        self._count = 0
        self._cancel: Callable[[], object] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell starts what runs in the background with SIGINT ignored, and means it.
            if signal.getsignal(number) is not signal.SIG_IGN:
                with suppress(ValueError):  # not the main thread
                    self._before[number] = signal.signal(number, self._answer)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def cancelling(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Call ``cancel`` at the first signal in this block, instead of raising."""
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None

    def _answer(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            self._leave()
        elif self._cancel is not None:
            self._cancel()
        else:
            raise KeyboardInterrupt

    def _leave(self) -> None:
        with suppress(Exception):
            if self.on_leaving is not None:
                self.on_leaving()
        os._exit(INTERRUPTED)  # neither threads nor cleaning up may delay it
