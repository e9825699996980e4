"""``daemon`` and ``stop``: the process that keeps everything warm for the next speech."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ..terminal.console import show
from .session import load, program, session

if TYPE_CHECKING:
    from ...daemon.processes import Begin
    from ..terminal.console import Console
    from .session import Run

IDLE_SECONDS = 1800.0
PATIENCE = 2.0  # seconds that a daemon has to answer


def daemon(args: Namespace, console: Console, run: Run) -> None:
    """Be the daemon until it is idle, or ask the one that runs. Raises `ConfigError`."""
    if args.status:
        _tell_status(args, console)
    elif args.stop:
        _tell_end(console)
    else:
        _serve(args, console, run)


def stop(console: Console) -> None:
    """Silence all that speaks by the daemon. Raises `ConfigError`."""
    from ...daemon.request import SILENCE

    answer = _ask(SILENCE)
    count = 0 if answer is None else int(answer[1])
    console.note(f"stopped {count} {'speech' if count == 1 else 'speeches'}" if count else "nothing speaks by a daemon")


def _serve(args: Namespace, console: Console, run: Run) -> None:
    from ...daemon.starting import permitted

    kept = permitted(os.environ)
    if kept != dict(os.environ):
        _begin_anew(kept)
    from ...daemon.listening import listening
    from ...daemon.server import Server

    with listening() as door:
        begin = _way_to_begin(run)
        console.note(f"ready at {door.name}, ends when idle for {args.idle:g} s (Ctrl-C ends it now)")
        Server(door, begin, args.idle).run()
    console.note("ended")


def _begin_anew(kept: dict[str, str]) -> None:
    if sys.platform == "win32":  # there a new program would be another process; its own environment is emptied, too
        os.environ.clear()
        os.environ.update(kept)
        return
    # A new program and not only a new environment: the old one stays readable in the process for its whole life.
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], kept)  # noqa: S606  # itself


def _way_to_begin(run: Run) -> Begin:
    """How each process begins: as a fork of this one, which loads everything for that, or as a program of its own."""
    from ...daemon import processes

    if not processes.FORKS:
        return lambda engine: processes.spawn_worker(program(), engine)
    load()
    return lambda engine: processes.fork_worker(lambda argv: session(argv, run), engine)


def _tell_status(args: Namespace, console: Console) -> None:
    from ...daemon.request import STATUS

    answer = _ask(STATUS)
    if answer is None:
        console.note("no daemon runs")
        if args.json:
            show(json.dumps({"running": False}))
        return
    told = dict(field.decode().split("=", 1) for field in answer[1:])
    figures = {name: value if name == "version" else json.loads(value) for name, value in told.items()}
    if args.json:
        show(json.dumps({"running": True, **figures}))
    else:
        show(
            f"oggstream {told['version']}, process {told['pid']}, up {told['up']} s: {told['clients']} clients, "
            f"{told['sounding']} sounding, {told['waiting']} waiting; {told['served']} served"
        )


def _tell_end(console: Console) -> None:
    from ...daemon.request import END

    answer = _ask(END)
    if answer is None:
        console.note("no daemon runs")
    elif left := int(answer[1]):
        console.note(f"the daemon ends after what it speaks ({left})")
    else:
        console.note("the daemon has ended")


def _ask(kind: bytes) -> list[bytes] | None:
    """The answer of the daemon, None if there is none. Raises `ConfigError`."""
    from ... import __version__
    from ...daemon.address import AddressError, find
    from ...daemon.link import Link, LinkError
    from ...daemon.request import Request

    try:
        link = Link(find(), time.monotonic() + PATIENCE)
        try:
            return link.request(Request(kind, __version__.encode()))
        finally:
            link.close()
    except FileNotFoundError:
        return None
    except (AddressError, LinkError, OSError) as error:
        raise ConfigError(str(error)) from error
