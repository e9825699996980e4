"""A speech as server-sent events, as OpenAI sends them for ``stream_format`` "sse"."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any


async def speech_events(speech: AsyncGenerator[bytes, None], characters: int) -> AsyncGenerator[bytes, None]:
    """An event for each part of the body, and one behind them; ``characters``: of the text."""
    async with aclosing(speech):
        async for part in speech:
            yield _event({"type": "speech.audio.delta", "audio": b64encode(part).decode("ascii")})
    usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(fields: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"
