"""The example for telephones: a conversation with a stand-in, and its server with a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from oggstream.audio.mulaw import to_mulaw
from oggstream.engine import loading
from patience import PATIENCE
from scripted import ScriptedSource, SpeechService, spoken
from telephone import BEGINNINGS, Telephone
from tools.examples import telephone_server

QUIET = bytes([0xFF]) * 160
LOUD = to_mulaw(np.sin(np.arange(160) / 5).astype(np.float32) / 4)


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()


async def spoken_to(telephone: Telephone, seconds: float, octets: bytes) -> None:
    for _ in range(round(seconds * 50)):
        telephone.speak(octets)
        await asyncio.sleep(0.02)


@pytest.mark.looptime
async def test_a_caller_who_speaks_is_listened_to_and_then_answered() -> None:
    service, telephone = SpeechService(first=0.1), Telephone()
    talking = asyncio.create_task(telephone_server.converse(telephone.websocket, service))
    telephone.begin()
    await spoken_to(telephone, 3.0, QUIET)
    before = asyncio.get_running_loop().time()
    await spoken_to(telephone, 0.6, LOUD)
    (cleared,) = telephone.of_kind("clear")
    assert cleared.at - before < 0.1 + 2 * telephone.delay + 0.02  # five frames of speech, and the way
    assert telephone.lead() == 0
    await spoken_to(telephone, 1.0, QUIET)
    assert telephone.lead() > 0
    texts = [text for _, text in service.asked]
    assert any(text.startswith("That was your turn number 1.") for text in texts)
    said = next(text for text in texts if "You had heard" in text)
    assert "You had heard: Hello, and thank you" in said
    telephone.hang_up()
    async with asyncio.timeout(5):
        await talking


@pytest.mark.looptime
async def test_a_click_or_a_breath_is_no_speech() -> None:
    service, telephone = SpeechService(first=0.1), Telephone()
    talking = asyncio.create_task(telephone_server.converse(telephone.websocket, service))
    telephone.begin()
    for _ in range(5):
        await spoken_to(telephone, 0.06, LOUD)
        await spoken_to(telephone, 0.3, QUIET)
    assert not telephone.of_kind("clear")
    telephone.hang_up()
    await talking


@asynccontextmanager
async def running(source: Any) -> AsyncIterator[str]:
    runner = web.AppRunner(telephone_server.application(source), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_call_is_answered_with_the_socket_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_HOST", "example.org")
    async with (
        running(ScriptedSource([])) as url,
        aiohttp.ClientSession() as client,
        client.post(f"{url}/call", data={"CallSid": "CA1"}) as response,
    ):
        assert response.content_type == "text/xml"
        assert '<Connect><Stream url="wss://example.org/media"/></Connect>' in await response.text()


async def test_a_carrier_that_connects_is_greeted_and_hangs_up() -> None:
    source = ScriptedSource([(0.0, spoken(0.4))])
    async with (
        running(source) as url,
        aiohttp.ClientSession() as client,
        asyncio.timeout(PATIENCE),
        client.ws_connect(f"{url}/media") as socket,
    ):
        await socket.send_str(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        await socket.send_str(json.dumps(BEGINNINGS["twilio"]))
        first = json.loads((await socket.receive()).data)
        assert first["event"] == "media"
        assert first["streamSid"] == "MZ1"
        await socket.send_str(json.dumps({"event": "stop", "streamSid": "MZ1", "stop": {}}))
        while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
