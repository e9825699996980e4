"""The process that speaks for one client: it is begun ahead, opens the device, waits, runs one command, and ends.

It takes on the client's environment, folder, arguments and files, so the command finds everything as if the client ran
it. Whatever it holds of that client, keys above all, ends with it.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from .. import process
from ..voice import pools
from .frames import frame
from .passing import files_of, receive
from .request import DIAL, READY, REFUSED, Request, parse
from .starting import of_connections, of_sound, of_voices
from .taking_turns import TakingTurns, answering
from .warmth import KeptDevice, begin_line, begin_voice, keep_line, place_to_dial

GO_SECONDS = 5.0  # longest wait for the client's word: one that has gone on alone closes its end
SETTLE_SECONDS = 1.5  # longest wait for a device that is being opened, which occupies standard error
HELD = (signal.SIGINT, signal.SIGTERM)
"""Not answered until the command does; what comes before is not lost."""

if TYPE_CHECKING:
    from .client_files import ClientFiles

Run = Callable[[list[str]], int]
"""Runs a command to its exit status."""


def leave_daemon(line: socket.socket) -> None:
    """After a fork: leave the daemon's terminal, signals and files to the daemon."""
    hold_signals()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.closerange(3, line.fileno())
    os.closerange(line.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


def hold_signals() -> None:
    """Until `answer_signals` what comes is kept."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    for number in HELD:
        signal.signal(number, signal.SIG_DFL)


def serve_one(line: socket.socket, run: Run, engine: str = "") -> int:
    """Wait for a client on ``line``, and run its command with ``run``. Returns the exit status."""
    device = KeptDevice()
    if not select.select([line], [], [], 0)[0]:  # else a client waits, who may not need it
        device.open()
        begin_voice(engine)
    request, client = _await_client(line, device)
    if not device.settle(SETTLE_SECONDS):
        with suppress(OSError), client:
            client.sendall(frame(REFUSED, b"the sound server does not answer"))
        return 1
    if of_sound(_environment(request)) != of_sound(os.environ):
        device.give_up()
    if of_voices(_environment(request)) != of_voices(os.environ):
        pools.forget()
    client.settimeout(GO_SECONDS)
    files = files_of(client, request)
    with suppress(OSError):
        client.sendall(frame(READY, b"%d" % os.getpid()))
        if files.come():
            client.settimeout(None)
            return _run(request, files, line, run)
    return 1


def _await_client(line: socket.socket, device: KeptDevice) -> tuple[Request, socket.socket]:
    """The next client's request, and its connection. Ends this process when the daemon has ended."""
    fields, client = _told(line, device)
    while fields[:1] == [DIAL]:
        begin_line(fields[1].decode())
        fields, client = _told(line, device)
    if client is None:
        os._exit(0)
    return parse(fields), client


def _told(line: socket.socket, device: KeptDevice) -> tuple[list[bytes], socket.socket | None]:
    """As `receive`; meanwhile the device goes to rest when it is time."""
    line.settimeout(device.seconds_left)
    try:
        return receive(line)
    except TimeoutError:
        device.rest()
        line.settimeout(None)
        return receive(line)
    finally:
        line.settimeout(None)


def _run(request: Request, files: ClientFiles, line: socket.socket, run: Run) -> int:
    process.pid = files.pid
    alike = of_connections(_environment(request)) == of_connections(os.environ)
    keep_line(alike=alike)
    _take_on(request)
    files.take_on()
    TakingTurns(line, files.tell, place_to_dial if alike else str).install()
    threading.Thread(target=files.watch, daemon=True).start()
    gc.unfreeze()
    status = run(sys.argv[1:])
    files.end(status)
    return status


def _take_on(request: Request) -> None:
    """Be, for all that a command sees, the client's process. Raises `OSError` if its folder is gone."""
    os.umask(request.umask)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(_environment(request))
    sys.argv = ["oggstream", *map(os.fsdecode, request.arguments)]


def _environment(request: Request) -> dict[str, str]:
    pairs = (os.fsdecode(pair).partition("=") for pair in request.environment)
    return {name: value for name, _, value in pairs if name}


def answer_signals() -> None:
    """Called by ``run`` once it has its handlers: what was held comes now."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    answering.set()
