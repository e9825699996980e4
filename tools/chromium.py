"""A headless Chromium, controlled over its debugging protocol."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)
LOADED = "document.readyState === 'complete' && location.protocol !== 'about:'"


class Page:
    """A page that is open."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def evaluate(self, expression: str) -> Any:
        """The value of ``expression`` in the page, which may be a promise's. Raises `RuntimeError` if it throws."""
        settings = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = await self._call("Runtime.evaluate", **settings)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == self._number:
                return dict(message["result"])


class Chromium:
    """A running browser."""

    def __init__(self, session: aiohttp.ClientSession, origin: str) -> None:
        self._session = session
        self._origin = origin

    @asynccontextmanager
    async def page(self, url: str) -> AsyncIterator[Page]:
        """Open ``url``, and wait until it is loaded."""
        async with self._session.put(f"{self._origin}/json/new?{url}") as response:
            target = await response.json(content_type=None)
        async with self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            while not await page.evaluate(LOADED):  # noqa: ASYNC110  # or subscribe to events for one answer
                await asyncio.sleep(0.02)
            yield page
        async with self._session.get(f"{self._origin}/json/close/{target['id']}"):
            pass


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Chromium]:
    """Start the browser with its profile in ``folder``, and end it."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *ARGUMENTS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    reading = None
    try:
        async for line in process.stderr:
            if line.startswith(b"DevTools listening on ws://"):
                break
        reading = asyncio.create_task(process.stderr.read())  # or it would stop when the pipe is full
        origin = "http://" + line.decode().split("//")[1].split("/")[0]
        async with aiohttp.ClientSession() as session:
            yield Chromium(session, origin)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if reading is not None:
            reading.cancel()
