"""What a handler asks of any request: its body, in time, and whose it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .listening import is_loopback
from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp import web

REQUEST_SECONDS = 30.0  # for a request's body to come


def client_of(request: web.Request) -> str:
    """Whose share a request counts to: an address; none for this machine, where all clients have the same one."""
    address = request.remote or ""
    return "" if not address or is_loopback(address) else address


async def body_of(request: web.Request) -> bytes:
    """The body of a request. Raises `RefusedError` when it does not come, or not whole."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await request.read()
    except TimeoutError:
        raise RefusedError("The body of your request did not come in time.", status=408) from None
