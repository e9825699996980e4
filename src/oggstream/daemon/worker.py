"""The process that speaks for one client: it is begun ahead, opens the device, waits, runs one command, and ends.

It takes on the client's environment, folder, arguments and files, so the command finds everything as if the client ran
it. Whatever it holds of that client, keys above all, ends with it.
"""

from __future__ import annotations

import gc
import io
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from .. import process
from ..voice import pools
from .frames import FrameReader, frame
from .request import DIAL, EXIT, FILES, GO, READY, REFUSED, Request, parse
from .starting import of_connections, of_sound, of_voices
from .taking_turns import TakingTurns, interrupt
from .warmth import KeptDevice, begin_line, begin_voice, keep_line, place_to_dial

CHUNK = 1 << 16
MOST_FILES = 4
GO_SECONDS = 5.0  # longest wait for the client's word: one that has gone on alone closes its end
SETTLE_SECONDS = 1.5  # longest wait for a device that is being opened, which occupies standard error
LEAVE_SECONDS = 5.0  # the same for a command whose client is gone
HELD = (signal.SIGINT, signal.SIGTERM)
"""Not answered until the command does; what comes before is not lost."""

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
    with suppress(OSError):
        client.sendall(frame(READY, b"%d" % os.getpid()))
        fields, files = _received(client)
        if fields == [GO] and len(files) == len(request.files):
            client.settimeout(None)
            return _run(request, files, client, line, run)
    return 1


def _await_client(line: socket.socket, device: KeptDevice) -> tuple[Request, socket.socket]:
    """The next client's request, and its connection. Ends this process when the daemon has ended."""
    fields, files = _told(line, device)
    while fields[:1] == [DIAL]:
        begin_line(fields[1].decode())
        fields, files = _told(line, device)
    if not fields or not files:
        os._exit(0)
    return parse(fields), socket.socket(fileno=files[0])


def _told(line: socket.socket, device: KeptDevice) -> tuple[list[bytes], list[int]]:
    """As `_received`; meanwhile the device goes to rest when it is time."""
    line.settimeout(device.seconds_left)
    try:
        return _received(line)
    except TimeoutError:
        device.rest()
        line.settimeout(None)
        return _received(line)
    finally:
        line.settimeout(None)


def _received(connection: socket.socket) -> tuple[list[bytes], list[int]]:
    """The next frame, and the descriptors that came with it; no fields at the end."""
    frames = FrameReader()
    descriptors: list[int] = []
    while (fields := frames.next()) is None:
        data, files, _, _ = socket.recv_fds(connection, min(frames.wanted, CHUNK), MOST_FILES)
        if not data:
            return [], descriptors
        frames.feed(data)
        descriptors += files
    return fields, descriptors


def _run(request: Request, files: list[int], client: socket.socket, line: socket.socket, run: Run) -> int:
    _, _, process.pid = peer(client)
    alike = of_connections(_environment(request)) == of_connections(os.environ)
    keep_line(alike=alike)
    _take_on(request, files)
    TakingTurns(line, client, place_to_dial if alike else str).install()
    threading.Thread(target=_leave_with, args=(client,), daemon=True).start()
    gc.unfreeze()
    status = run(sys.argv[1:])
    for file in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            file.flush()
    with suppress(OSError):
        client.sendall(frame(EXIT, b"%d" % status))
    return status


def peer(client: socket.socket) -> tuple[int, int, int | None]:
    """User, group and process at the other end, as far as the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid(), os.getgid(), None
    told = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid, gid = (int.from_bytes(told[at : at + 4], sys.byteorder) for at in (0, 4, 8))
    return uid, gid, pid


def _take_on(request: Request, files: list[int]) -> None:
    """Be, for all that a command sees, the client's process. Raises `OSError` if its folder is gone."""
    os.umask(request.umask)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(_environment(request))
    sys.argv = ["oggstream", *map(os.fsdecode, request.arguments)]
    coded = {name: (encoding, errors) for name, encoding, errors in request.files}
    given = dict(zip(coded, files, strict=True))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number, name in enumerate(FILES):
        os.dup2(given.get(name, nowhere), number)
        setattr(sys, name, _text_file(number, *coded[name]) if name in coded else None)
    for descriptor in (nowhere, *files):
        os.close(descriptor)


def _text_file(number: int, encoding: str, errors: str) -> io.TextIOWrapper:
    """A standard file as Python opens it."""
    binary = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115  # for the process's life
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(binary, encoding, errors, line_buffering=lines, write_through=number == 2)


def _environment(request: Request) -> dict[str, str]:
    pairs = (os.fsdecode(pair).partition("=") for pair in request.environment)
    return {name: value for name, _, value in pairs}


def _leave_with(client: socket.socket) -> NoReturn:
    """In a thread: end, as at SIGTERM, when the client is gone."""
    with suppress(OSError):
        while client.recv(1):
            pass
    interrupt()
    threading.Event().wait(LEAVE_SECONDS)
    os._exit(1)


def answer_signals() -> None:
    """Called by ``run`` once it has its handlers: what was held comes now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
