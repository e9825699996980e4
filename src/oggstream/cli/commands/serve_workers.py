"""``serve --workers N``: one port, several processes of ``serve`` behind it, each with an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ...endpoint.metrics import FOLDER_VARIABLE
from ...errors import ConfigError, LibraryError

if TYPE_CHECKING:
    from ..terminal.console import Console

SOCKET_VARIABLE = "OGGSTREAM_SERVE_SOCKET"
"""Names the descriptor of the port to a worker."""
YOUNG_SECONDS = 10.0
"""A worker that gives up within this time cannot work at all; a later one, or one that was killed, is replaced."""
STOP_SECONDS = 5.0
"""For a worker to end that has nothing more to say."""
STOP = b"."
"""What a worker is told when it shall end what it is saying, and then itself."""


def inherited() -> socket.socket | None:
    """The port that the process above has opened; None in a process that opens its own."""
    number = os.environ.pop(SOCKET_VARIABLE, "")
    return socket.socket(fileno=int(number)) if number.isdigit() else None


async def obey(stopping: asyncio.Event, serve: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``serve`` in a worker. The process above holds the other end of a pipe: what it writes there sets
    ``stopping``, and once it has ended, in whatever way, so does this.
    """
    loop = asyncio.get_running_loop()
    gone = loop.create_future()

    def read() -> None:
        if os.read(0, len(STOP)):
            stopping.set()
        elif not gone.done():
            gone.set_result(None)

    serving = asyncio.ensure_future(serve())
    loop.add_reader(0, read)
    try:
        await asyncio.wait((serving, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(0)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


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


@contextmanager
def shared_figures() -> Iterator[None]:
    """A folder for the block in which the workers keep their figures, so that each of them can tell those of all."""
    with tempfile.TemporaryDirectory(prefix="oggstream-figures-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(FOLDER_VARIABLE, None)


def _forget_figures(pid: int) -> None:
    """What a worker that has ended was doing is done by nobody; what it counted stays."""
    if os.environ.get(FOLDER_VARIABLE):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]


async def supervise(
    opened: socket.socket, workers: int, console: Console, stopping: asyncio.Event, seconds: float
) -> None:
    """Keep ``workers`` processes with this one's arguments at work until ``stopping`` is set; then let them end, which
    takes them ``seconds`` at most.

    Raises `LibraryError` when one fails right after its start: it has said why.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(_keep_one(opened, console, stopping, seconds))
    except* LibraryError as errors:
        raise errors.exceptions[0] from None


async def _keep_one(opened: socket.socket, console: Console, stopping: asyncio.Event, seconds: float) -> None:
    while not stopping.is_set():
        begun = asyncio.get_running_loop().time()
        status = await _run_one(opened, stopping, seconds)
        if stopping.is_set():
            return
        if status > 0 and asyncio.get_running_loop().time() - begun < YOUNG_SECONDS:
            raise LibraryError(f"a worker has ended with status {status}: see above")
        console.warn(f"a worker has ended with status {status}: another one begins")


async def _run_one(opened: socket.socket, stopping: asyncio.Event, seconds: float) -> int:
    """One worker from its start to its end. Cancelled, it is ended: what it says is cut off."""
    environment = {**os.environ, SOCKET_VARIABLE: str(opened.fileno())}
    command = [sys.executable, "-P", "-m", "oggstream", *sys.argv[1:]]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, pass_fds=(opened.fileno(),), stdin=asyncio.subprocess.PIPE
    )
    pipe = process.stdin
    assert pipe is not None
    ended = asyncio.ensure_future(process.wait())
    told = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            pipe.write(STOP)
            await asyncio.wait((ended,), timeout=seconds)
    finally:
        told.cancel()
        pipe.close()
        await asyncio.wait((ended,), timeout=STOP_SECONDS)
        if not ended.done():
            process.kill()
        await ended
        _forget_figures(process.pid)
    return ended.result()
