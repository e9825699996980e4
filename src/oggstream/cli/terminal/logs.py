"""``--log-level``: sends log records, Python warnings and errors of threads to the console."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .console import Console


class _ConsoleHandler(logging.Handler):
    """Writes records as lines; a warning that was said already is not said again."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Write ``record``."""
        try:
            text = record.getMessage() if record.name == "oggstream" else f"{record.name}: {record.getMessage()}"
            if record.levelno == logging.WARNING:
                self._console.warn(text)
            elif record.levelno > logging.WARNING or not self._console.quiet:
                self._console.log(record.levelname.lower(), text, getattr(record, "fields", None))
            if record.exc_info:
                self._console.block(logging.Formatter().formatException(record.exc_info))
        except Exception:  # noqa: BLE001  # as logging's own handlers: a log line never ends the program
            self.handleError(record)


@contextmanager
def logging_to(console: Console, level: str | None) -> Iterator[None]:
    """Send what is logged at ``level`` (None: warning) or above to ``console``, and what else would be written past it.

    That is Python's own warnings, and the errors of threads that nobody waits for.
    """
    root = logging.getLogger()
    handler = _ConsoleHandler(console)
    before = root.level
    hook, threading.excepthook = threading.excepthook, _log_thread
    logging.captureWarnings(True)
    handler.setLevel((level or "warning").upper())  # a logger may have a level of its own
    root.addHandler(handler)
    root.setLevel(handler.level)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        threading.excepthook = hook
        root.removeHandler(handler)
        root.setLevel(before)


def _log_thread(args: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, as Python would have written it."""
    if args.exc_value is not None:
        name = args.thread.name if args.thread is not None else "a thread"
        logging.getLogger("oggstream").error("%s ended with an error", name, exc_info=args.exc_value)
