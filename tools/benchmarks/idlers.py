"""Connections that do nothing, or drip: ``idlers.py PORT COUNT`` keeps so many until its standard input is closed.

Half are silent, half send a byte of a head each second; one that is closed is opened again a second later.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

HEAD = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nX-Drip: " + b"x" * 10_000


@contextlib.contextmanager
def idling(port: int, count: int) -> Iterator[None]:
    """So many of them, from a process of their own."""
    command = [sys.executable, "-P", __file__, str(port), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            yield
        finally:
            process.stdin.close()


async def _keep(port: int, number: int, count: int) -> None:
    await asyncio.sleep(number / count)
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await _drip(reader, writer, HEAD if number % 2 else b"")
            finally:
                writer.close()
        await asyncio.sleep(1)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    for at in range(len(HEAD)):
        writer.write(head[at : at + 1])
        with contextlib.suppress(TimeoutError):
            if not await asyncio.wait_for(reader.read(1), 1):
                return


async def main(port: int, count: int) -> None:
    """Keep them until standard input is closed."""
    tasks = [asyncio.create_task(_keep(port, number, count)) for number in range(count)]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


if __name__ == "__main__":
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
