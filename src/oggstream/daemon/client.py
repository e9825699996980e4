"""The caller's side: hands the command over to the daemon, and waits for its exit status.

It is on the way of every start, so it imports next to nothing: of the standard library the C part of ``socket``, whose
Python part takes longer to load than all the rest here together, and ``signal`` once the daemon is at work.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .link import Link
    from .loopback.carrying import Carrier
    from .relay import Relay

PATIENCE = 0.3
"""Seconds until a daemon that does not answer is left alone."""
_WORDS = "daemon decode devices doctor help inspect record replay serve stop version voices -h --help -V --version"
HERE = frozenset(_WORDS.split())
"""Commands that this process runs itself: they do not sound, or are about this machine or the daemon."""
PRELOADED = ("LD_PRELOAD", "DYLD_INSERT_LIBRARIES")
AUTO, OFF = "auto", "off"
INTERRUPTED = 130


def hand_over(argv: list[str]) -> int | None:
    """Have the daemon run the command; return its exit status, None if this process has to run it itself.

    OGGSTREAM_DAEMON=off: never; auto: where there is no daemon one is started, for the next call. Libraries that this
    process was started with (torsocks, padsp) are not in the daemon, which would go past them.
    """
    mode = os.environ.get("OGGSTREAM_DAEMON", "").strip().lower()
    preloaded = any(os.environ.get(name) for name in PRELOADED)
    if mode == OFF or preloaded or (argv and argv[0] in HERE) or not _hears_terminal(argv):
        return None
    from .address import AddressError, find

    try:
        address = find()
    except FileNotFoundError:
        if mode == AUTO:
            from .starting import start_daemon

            start_daemon()
        return None
    except (AddressError, OSError) as error:
        _alone(argv, str(error))
        return None
    return _ask(address, argv, start=mode == AUTO)


def _hears_terminal(argv: list[str]) -> bool:
    """Whether standard input is none, no terminal, or one whose foreground is ours.

    Where the files are carried a terminal stays with this process: what is typed is not handed over.
    """
    from .address import LOOPBACK

    try:
        if sys.stdin is None or not os.isatty(0):
            return True
        if sys.platform == "win32" or LOOPBACK:
            return _has_text(argv) and argv[0] != "chat"
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _ask(address: str | tuple[int, bytes], argv: list[str], *, start: bool) -> int | None:
    from .link import Link, LinkError, NobodyError

    try:
        link = Link(address, time.monotonic() + PATIENCE)
        worker = link.hand_over(argv)
    except LinkError as error:
        if start and isinstance(error, NobodyError):
            from .starting import start_daemon

            start_daemon()
        _alone(argv, str(error))
        return None
    return _follow(link, worker, argv)


def _alone(argv: list[str], reason: str) -> None:
    """Say in one line why this process does it itself."""
    if sys.stderr is not None and not {"-q", "--quiet"} & set(argv):
        try:  # noqa: SIM105  # contextlib takes longer to load than all of this
            sys.stderr.write(f"oggstream: {reason}; speaking without the daemon\n")
        except OSError:
            pass


def _follow(link: Link, worker: int, argv: list[str]) -> int | None:
    """Wait for the status, and hand signals on meanwhile."""
    from .request import EXIT

    relay = _relay(link, worker)
    sounding = False
    with relay:
        while (answer := relay.next_answer()) is not None:
            if answer[0] == EXIT:
                return int(answer[1])
            sounding = True
    if relay.interrupts:
        return INTERRUPTED
    if not sounding and _has_text(argv):
        _alone(argv, "the process that was to speak has died before it began")
        return None
    if sys.stderr is not None:
        sys.stderr.write("oggstream: error: the process that spoke has died; it may have been heard: say it again\n")
    return 1


def _relay(link: Link, worker: int) -> Carrier | Relay:
    """What hands signals on, and the files if they are no descriptors."""
    if link.carries:
        from .loopback.carrying import Carrier

        return Carrier(worker, link)
    from .relay import Relay

    return Relay(worker, link.next_answer)


def _has_text(argv: list[str]) -> bool:
    """Whether all that is spoken surely stands in the arguments, so that nothing of standard input was read."""
    words = argv[1:] if argv[:1] in (["say"], ["play"], ["chat"]) else argv
    return bool(words) and not words[0].startswith("-")
