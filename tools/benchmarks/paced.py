"""A speech service for benchmarks that sends at the pace of speech: Ogg Opus over HTTP, from a process of its own.

It is a program as well as a module: ``paced.py FILE`` serves until its standard input is closed. A page is sent when
its sound is due, the first one at once; for a text that begins with "quick" all are sent at once, and one that begins
with "fault" is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nTransfer-Encoding: chunked\r\n\r\n"
FAILED = b"HTTP/1.1 400 Error\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
RATE = 48000


@contextlib.contextmanager
def running(file: Path) -> Iterator[str]:
    """Serve ``file``; yields the base URL."""
    command = [sys.executable, "-P", __file__, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.stdin.close()


def timed_pages(body: bytes) -> list[tuple[float, bytes]]:
    """The pages of audio with the seconds at which each begins to sound; what comes before the first goes with it."""
    starts = [at for at in range(len(body)) if body.startswith(b"OggS\x00", at)]
    pages = [body[start:end] for start, end in zip(starts, [*starts[1:], len(body)], strict=True)]
    found, due = [(0.0, b"".join(pages[:3]))], _end(pages[2])
    for page in pages[3:]:
        found.append((due, page))
        due = _end(page)
    return found


def _end(page: bytes) -> float:
    return int.from_bytes(page[6:14], "little") / RATE


async def _serve(pages: list[tuple[float, bytes]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]) if b"content-length:" in head else 0
            asked = await reader.readexactly(size)
            if b'"fault' in asked:
                writer.write(FAILED)
                continue
            quick = b'"quick' in asked
            writer.write(HEADERS)
            began = asyncio.get_running_loop().time()
            for due, page in pages:
                if due and not quick:
                    await asyncio.sleep(began + due - asyncio.get_running_loop().time())
                writer.write(b"%x\r\n%b\r\n" % (len(page), page))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
    writer.close()


async def main(pages: list[tuple[float, bytes]]) -> None:
    """Print the port, and serve until standard input is closed."""
    server = await asyncio.start_server(lambda *both: _serve(pages, *both), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(timed_pages(Path(sys.argv[1]).read_bytes())))
