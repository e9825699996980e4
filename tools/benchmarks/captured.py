"""A speech service that answers with captures at their recorded times, in a process of its own.

It is also a program: ``captured.py FOLDER`` serves until its standard input is closed. Requests are those
of OpenAI's endpoint, ``POST /v1/audio/speech`` with the capture's name as ``model``, or ``GET /NAME``. FOLDER holds
NAME-opus and NAME-pcm; the time of each request (CLOCK_MONOTONIC) is a line of FOLDER/requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web

from oggstream.sources.captures.capture import Capture, load
from oggstream.sources.captures.replay_source import ReplayStream

REQUESTS = "requests"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the captures in ``folder``; yields the base URL."""
    (folder / REQUESTS).touch()
    command = [sys.executable, "-P", __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def first_request(folder: Path, since: float) -> float | None:
    """When the first request after ``since`` came."""
    moments = map(float, (folder / REQUESTS).read_text().split())
    return next((moment for moment in moments if moment >= since), None)


class Service:
    """Answers with the captures in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._captures: dict[str, Capture] = {}
        self.app = web.Application()
        self.app.router.add_get("/{name}", self._get)
        self.app.router.add_post("/v1/audio/speech", self._post)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, time.monotonic(), request.match_info["name"] + "-opus")

    async def _post(self, request: web.Request) -> web.StreamResponse:
        now = time.monotonic()
        fields = await request.json()
        form = "pcm" if fields.get("response_format") == "pcm" else "opus"
        return await self._answer(request, now, f"{fields['model']}-{form}")

    async def _answer(self, request: web.Request, now: float, name: str) -> web.StreamResponse:
        capture = self._load(name)
        with (self._folder / REQUESTS).open("a") as file:
            file.write(f"{now}\n")
        stream = ReplayStream(capture, asyncio.get_running_loop().time())
        response = web.StreamResponse(headers={"Content-Type": stream.content_type})
        with contextlib.suppress(ConnectionError):  # the player has gone
            await stream.answered()
            await response.prepare(request)
            async for piece in stream:
                await response.write(piece)
            await response.write_eof()
        return response

    def _load(self, name: str) -> Capture:
        if name not in self._captures:
            self._captures[name] = load(self._folder / name)
        return self._captures[name]

    def load_all(self) -> None:
        """Load every capture, so that no player waits for it."""
        for path in self._folder.glob("*.arrivals.jsonl"):
            self._load(path.name.removesuffix(".arrivals.jsonl"))


async def main(folder: Path) -> None:
    """Print the port, and serve until standard input is closed."""
    service = Service(folder)
    service.load_all()
    runner = web.AppRunner(service.app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1])))
