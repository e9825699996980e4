"""A speech service that thinks, and then speaks in real time: Ogg Opus over HTTP, from a process of its own.

``service.py FILE`` serves the file until its standard input is closed. A text that begins with "thinks S" is answered
after so many seconds. ``GET /counts`` tells how often each text was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.benchmarks.paced import HEADERS, timed_pages


class Service:
    """Speaks ``pages``, each when it is due."""

    def __init__(self, pages: list[tuple[float, bytes]]) -> None:
        self._pages = pages
        self._counts: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if head.startswith(b"post"):
                    size = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                    await self._speak(json.loads(await reader.readexactly(size))["input"], writer)
                    continue
                body = json.dumps(self._counts).encode() if head.startswith(b"get /counts") else b"{}"
                status = b"200 OK" if len(body) > 2 else b"404 Not Found"
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        writer.close()

    async def _speak(self, text: str, writer: asyncio.StreamWriter) -> None:
        self._counts[text] += 1
        words = text.split()
        await asyncio.sleep(float(words[1]) if words[0] == "thinks" else 0)
        began = asyncio.get_running_loop().time()
        writer.write(HEADERS)
        for due, page in self._pages:
            await asyncio.sleep(began + due - asyncio.get_running_loop().time())
            writer.write(b"%x\r\n%b\r\n" % (len(page), page))
            await writer.drain()
        writer.write(b"0\r\n\r\n")


async def main(pages: list[tuple[float, bytes]]) -> None:
    """Print the port, and serve until standard input is closed."""
    server = await asyncio.start_server(Service(pages).serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(timed_pages(Path(sys.argv[1]).read_bytes())))
