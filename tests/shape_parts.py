"""What the stand-ins of speech services answer with."""

from __future__ import annotations

from aiohttp import web

KEY = "k-5f1e9c0b7a2d4863"
PCM = bytes(range(256)) * 8
OPUS = b"OggS" + bytes(1000)
WAV = b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(100)
BODIES = {"opus": OPUS, "pcm": PCM, "wav": WAV}


def sound(kind: str, content_type: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=BODIES[kind], headers={"Content-Type": content_type, **(headers or {})})


def refusal(status: int, message: str, code: str = "invalid_request_error") -> web.Response:
    """As OpenAI's API refuses."""
    return web.json_response({"error": {"message": message, "type": code, "code": code}}, status=status)


def bearer(request: web.Request) -> bool:
    return request.headers.get("Authorization") == f"Bearer {KEY}"
