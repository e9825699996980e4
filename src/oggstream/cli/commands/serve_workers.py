"""``serve --workers N``: one port, several processes of ``serve`` behind it, each with an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING

from ...errors import ConfigError, LibraryError

if TYPE_CHECKING:
    from ..terminal.console import Console

SOCKET_VARIABLE = "OGGSTREAM_SERVE_SOCKET"
"""Names the descriptor of the port to a worker."""
YOUNG_SECONDS = 10.0
"""A worker that gives up within this time cannot work at all; a later one, or one that was killed, is replaced."""
STOP_SECONDS = 5.0


def inherited() -> socket.socket | None:
    """The port that the process above has opened; None in a process that opens its own."""
    number = os.environ.pop(SOCKET_VARIABLE, "")
    return socket.socket(fileno=int(number)) if number.isdigit() else None


async def parent_gone() -> None:
    """Wait, in a worker, until the process above has ended in whatever way: it holds the other end of a pipe."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(0, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(0)


def open_port(host: str, port: int) -> socket.socket:
    """A port that workers may take connections from. Raises `ConfigError`."""
    from ...endpoint.listening import cannot_listen

    if not hasattr(os, "fork"):
        raise ConfigError("several workers share a port only on Linux and macOS: leave --workers out")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        opened = socket.create_server((host, port), family=family, backlog=512)
    except (OSError, UnicodeError) as error:
        raise cannot_listen(host, port, error) from error
    opened.set_inheritable(True)
    return opened


async def supervise(opened: socket.socket, workers: int, console: Console) -> None:
    """Keep ``workers`` processes with this one's arguments at work, until it is cancelled; then end them.

    Raises `LibraryError` when one ends right after its start: it has said why.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(_keep_one(opened, console))
    except* LibraryError as errors:
        raise errors.exceptions[0] from None


async def _keep_one(opened: socket.socket, console: Console) -> None:
    while True:
        begun = asyncio.get_running_loop().time()
        status = await _run_one(opened)
        if status >= 0 and asyncio.get_running_loop().time() - begun < YOUNG_SECONDS:
            raise LibraryError(f"a worker has ended with status {status}: see above")
        console.warn(f"a worker has ended with status {status}: another one begins")


async def _run_one(opened: socket.socket) -> int:
    """One worker from its start to its end. Cancelled, it is ended: what it says is cut off."""
    environment = {**os.environ, SOCKET_VARIABLE: str(opened.fileno())}
    command = [sys.executable, "-P", "-m", "oggstream", *sys.argv[1:]]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, pass_fds=(opened.fileno(),), stdin=asyncio.subprocess.PIPE
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
