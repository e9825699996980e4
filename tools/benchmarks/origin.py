"""A speech service for benchmarks: sends files of Ogg Opus over HTTP, from a process of its own.

It is a program as well as a module: ``origin.py FOLDER`` serves until its standard input is closed. A path is
``/NAME/OPTION=VALUE/...``: NAME is a file in FOLDER; anything may follow the options, such as /audio/speech.

``gap=MS`` waits between the header pages and the audio, ``cut=SHARE`` breaks off after that share of the body,
``status=CODE`` answers with an error instead, ``stall=SHARE`` stops sending after that share until the client leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = 65536


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Serve ``folder``; yields the base URL."""
    command = [sys.executable, "-P", __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


class Origin:
    """The service."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bodies: dict[str, bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        # Cancelled when the process ends; asyncio's own callback would print a traceback.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_body_length(head))
                name, *segments = head.split(b" ", 2)[1].decode().strip("/").split("/")
                options = dict(segment.split("=", 1) for segment in segments if "=" in segment)
                if not await self._answer(reader, writer, self._body(name), options):
                    break
        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, options: dict[str, str]
    ) -> bool:
        """Send the response; return False if the connection must be closed after it."""
        if "status" in options:
            text = b'{"error": {"message": "a fault on purpose", "type": "test", "param": null, "code": null}}'
            head = (
                f"HTTP/1.1 {options['status']} Error\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
            )
            writer.write(head.encode() + b"\r\n\r\n" + text)
            return True
        writer.write(HEADERS)
        start = _end_of_headers(body) if "gap" in options else 0
        if start:
            _send(writer, body[:start])
            await asyncio.sleep(float(options["gap"]) / 1000)
        share = float(options.get("cut") or options.get("stall") or 1)
        end = int(len(body) * share)
        for at in range(start, end, PIECE):
            _send(writer, body[at : min(at + PIECE, end)])
            await writer.drain()
        if "stall" in options:
            await reader.read()
        if end == len(body):
            writer.write(b"0\r\n\r\n")
        return end == len(body)

    def _body(self, name: str) -> bytes:
        if name not in self._bodies:
            self._bodies[name] = (self._folder / name).read_bytes()
        return self._bodies[name]


def _send(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))


def _body_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def _end_of_headers(body: bytes) -> int:
    """Return the start of the third page: the first two hold the headers."""
    at = 0
    for _ in range(2):
        at = body.index(b"OggS", at + 4)
    return at


async def main(folder: Path) -> None:
    """Print the port, and serve until standard input is closed."""
    origin = Origin(folder)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1])))
