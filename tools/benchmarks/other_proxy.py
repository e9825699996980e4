"""Measures the endpoint beside another proxy for OpenAI's API, LiteLLM's, in front of the same service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp

from . import material, paced
from .endpoint import first_audio, new_text, serving
from .row import Outcome, Row, Run, Skip, milliseconds
from .stats import median

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 2
COUNTS = {"quick": 30, "paced": 6}
"""Speeches whose service sends all at once, and at the pace of speech."""
SHARE = 0.1
UP_SECONDS = 180.0  # for it to start
KEY = "sk-of-a-stand-in-0123456789abcdef"


@contextlib.asynccontextmanager
async def _litellm(service: str, folder: Path) -> AsyncIterator[str]:
    """Run LiteLLM's proxy in front of ``service``; yields its base URL."""
    program = os.environ.get("LITELLM") or shutil.which("litellm")
    if program is None:
        raise Skip("no litellm here: pip install 'litellm[proxy]' elsewhere, and LITELLM=PATH of its program")
    model = {"model": "openai/tts-1", "api_base": service, "api_key": "none"}
    config = folder / "litellm.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": "tts-1", "litellm_params": model}]}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY}
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    with (folder / "litellm.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: ASYNC220 - begun once
    try:
        await _is_up(f"http://127.0.0.1:{port}/health/liveliness")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _is_up(url: str) -> None:
    deadline = time.monotonic() + UP_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.3)
    raise Skip("LiteLLM's proxy did not start: its log is in the run's folder")


def measure_beside(run: Run) -> Outcome:
    """Ask the service, the endpoint and LiteLLM's proxy in turn."""
    body = material.ogg_file(run.folder, SECONDS)

    async def ask(service: str, ours: str) -> Outcome:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with _litellm(service, run.folder) as theirs, aiohttp.ClientSession(headers=headers) as session:
            figures: dict[str, float] = {}
            for kind, count in COUNTS.items():
                waits: list[list[float]] = [[], [], []]
                for _ in range(run.count(count, least=2) + 2):
                    for place, found in zip((service, ours, theirs), waits, strict=True):
                        found.append(await first_audio(session, place, new_text(kind)))
                direct, us, them = (median(found[2:]) for found in waits)
                figures |= {f"{kind} oggstream": us - direct, f"{kind} litellm": them - direct}
            return _outcome(figures)

    with paced.running(body) as service, serving(service) as endpoint:
        return asyncio.run(ask(service, endpoint.url))


def _outcome(figures: dict[str, float]) -> Outcome:
    words, reached = [], True
    for kind, what in (("quick", "all at once"), ("paced", "at the pace of speech")):
        ours, theirs = figures[f"{kind} oggstream"], figures[f"{kind} litellm"]
        words.append(f"{what}: {milliseconds(ours)} of {milliseconds(theirs)}")
        reached = reached and ours <= SHARE * theirs
    return Outcome("; ".join(words), reached, figures)


ROWS = [
    Row(
        "endpoint-litellm",
        "added to the service's first audio, p50, beside LiteLLM's proxy; the service sends its 2 s so",
        f"<= {SHARE:g} x",
        measure_beside,
    )
]
