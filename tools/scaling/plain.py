"""What no node can undercut: a server of aiohttp's, as plain as can be, which gives all who ask the same bytes at once.

``plain.py`` serves until its standard input is closed. A text that begins with "thinks S" is answered so many seconds
after the first request for it.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

SOUND = b"OggS" + bytes(1000)
REST_SECONDS = 1.0
"""From the first bytes to the end of the answer, as with a speech: no connection is closed while others begin."""


class _InOneWrite(web.StreamResponse):
    """An answer whose head leaves with its first bytes."""

    _send_headers_immediately = False


class Plain:
    """Holds all who ask for a text, and lets them go at once."""

    def __init__(self) -> None:
        self._held: dict[str, asyncio.Event] = {}

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/audio/speech."""
        text = (await request.json())["input"]
        if text not in self._held:
            self._held[text] = asyncio.Event()
            asyncio.get_running_loop().call_later(float(text.split()[1]), self._held[text].set)
        response = _InOneWrite(headers={"Content-Type": "audio/ogg"})
        await self._held[text].wait()
        await response.prepare(request)
        await response.write(SOUND)
        await asyncio.sleep(REST_SECONDS)
        return response

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /ready."""
        return web.Response()


async def main() -> None:
    """Print the port, and serve until standard input is closed."""
    plain = Plain()
    app = web.Application()
    app.add_routes([web.post("/v1/audio/speech", plain.speech), web.get("/ready", plain.ready)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
