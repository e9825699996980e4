"""Ctrl-C and SIGTERM: the first stops the command, the second ends the process at once.

Next to nothing is imported here, so that the handlers are there before anything slow.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Self

INTERRUPTED = 130
"""Exit status: 128 + SIGINT, as a shell has it."""


class Interrupts:
    """Answers both signals inside its ``with`` block. Outside of the main thread it does nothing.

    A first signal raises KeyboardInterrupt, or calls ``cancel`` if that is set. ``on_leaving`` is called right before
    the process ends at the second: it may tidy the terminal and must not block.

    While ``held`` is true a first signal is only counted, until `release`: an exception during an import may be lost or
    shown there.
    """

    def __init__(self) -> None:
        self.cancel: Callable[[], object] | None = None
        self.on_leaving: Callable[[], object] | None = None
        self.held = False
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                # Also where SIGINT is ignored, as in the background of a shell script: what sounds must be stoppable.
                self._before[number] = signal.signal(number, self._answer)
            except ValueError:  # not the main thread
                break
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def happened(self) -> bool:
        """There was a signal."""
        return self._count > 0

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was a signal whose exception got lost on its way."""
        if self.happened:
            raise KeyboardInterrupt

    def release(self) -> None:
        """No longer hold signals; raise KeyboardInterrupt if there was one."""
        self.held = False
        self.check()

    def _answer(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            self._leave()
        elif self.cancel is not None:
            self.cancel()
        elif not self.held:
            raise KeyboardInterrupt

    def _leave(self) -> None:
        try:
            if self.on_leaving is not None:
                self.on_leaving()
        finally:
            os._exit(INTERRUPTED)  # neither threads nor cleaning up may delay it
