"""A chat completions endpoint whose words and times a test chooses, and a speech endpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from speech_server import Handler, Service, serving


def writing(*words: str, gap: float = 0.0, hang: bool = False) -> Handler:
    """Answer with ``words`` as a stream of chunks, ``gap`` seconds apart; with ``hang`` never end."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "x-request-id": "chat_1"})
        await response.prepare(request)
        for word in words:
            await response.write(event(chunk({"content": word})))
            await asyncio.sleep(gap)
        if hang:
            await asyncio.sleep(60)
        await response.write(event(chunk({}, "stop")) + b"data: [DONE]\n\n")
        return response

    return handler


def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    """One chunk of an answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def event(data: dict[str, Any]) -> bytes:
    """Data as a server-sent event."""
    return f"data: {json.dumps(data)}\n\n".encode()


class Chat:
    """A running service: ``asked`` are the bodies of its chat requests, ``said`` the inputs of its speech requests."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.base = service.base

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(post.body) for post in self.service.posts if post.path.endswith("/chat/completions")]

    @property
    def said(self) -> list[str]:
        return [json.loads(post.body)["input"] for post in self.service.posts if post.path.endswith("/audio/speech")]


@asynccontextmanager
async def chatting(*answers: Handler, speech: Handler) -> AsyncIterator[Chat]:
    """Serve chat, one of ``answers`` after the other and the last one again and again, and speech."""
    left = list(answers)

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/chat/completions"):
            return await (left.pop(0) if len(left) > 1 else left[0])(request)
        return await speech(request)

    async with serving(handler) as service:
        yield Chat(service)


def speaking_for(seconds: Callable[[str], float], body: Callable[[float], bytes]) -> Handler:
    """Speech that lasts as long as its text says."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405)
        text = json.loads(await request.read())["input"]
        return web.Response(body=body(seconds(text)), content_type="audio/ogg")

    return handler
