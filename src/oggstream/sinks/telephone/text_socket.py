"""A WebSocket that is open, whosever it is: texts out and in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ...errors import UsageError

_WAYS = (
    ("send_str", "receive"),  # aiohttp, both sides
    ("send_text", "receive_text"),  # Starlette, and so FastAPI
    ("send", "recv"),  # websockets
    ("send", "receive"),  # Quart
)


class TextSocket:
    """What its owner's names for sending and receiving are. Raises `UsageError` for what has none that is known."""

    def __init__(self, websocket: Any) -> None:
        for sending, receiving in _WAYS:
            send, receive = getattr(websocket, sending, None), getattr(websocket, receiving, None)
            if callable(send) and callable(receive):
                self._send: Callable[[str], Awaitable[object]] = send
                self._receive: Callable[[], Awaitable[Any]] = receive
                return
        raise UsageError(
            "a telephone call is an open WebSocket of aiohttp, FastAPI (Starlette), websockets or Quart, "
            f"not {type(websocket).__name__}"
        )

    async def send(self, text: str) -> None:
        """Send it. Raises `ConnectionError` when the other side is gone."""
        try:
            await self._send(text)
        except Exception as error:  # each package has its own for a socket that is closed
            raise ConnectionError(type(error).__name__) from error

    async def receive(self) -> str | None:
        """The next text; None when the other side is gone."""
        try:
            message = await self._receive()
        except Exception:  # noqa: BLE001  # as above
            return None
        data = getattr(message, "data", message)  # aiohttp's messages; one that closes has a number
        return data.decode(errors="replace") if isinstance(data, bytes) else data if isinstance(data, str) else None
