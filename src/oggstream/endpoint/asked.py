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
    """Whose share a request counts to: an address; none for this machine, where all clients have the same one.

    Behind trusted proxies it is the one that they tell, whatever it is.
    """
    from .connections import record_of

    if told := record_of(request).client:
        return told
    address = request.remote or ""
    return "" if not address or is_loopback(address) else address


async def body_of(request: web.Request) -> bytes:
    """The body of a request. Raises `RefusedError` when it does not come, not whole, or compressed: who unpacks a few
    bytes for strangers may have to unpack a gigabyte.
    """
    from aiohttp import web

    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() not in ("", "identity"):
        raise RefusedError(
            f"The body of your request is encoded ({coding[:20]!r}): send it as it is.",
            status=415,
            headers={"Accept-Encoding": "identity"},
        )
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await request.read()
    except web.RequestPayloadError:
        raise RefusedError("The body of your request could not be read.") from None
    except TimeoutError:
        raise RefusedError("The body of your request did not come in time.", status=408) from None
