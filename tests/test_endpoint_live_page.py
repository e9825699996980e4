"""The page of a room in a real browser, and what a sound card records of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from oggstream.annotations import Word
from patience import PATIENCE
from pulse import sound_server  # noqa: F401  # the fixture
from rooms import ROOM, SOUND, Served, live_source, serving
from scripted import ScriptedSource
from tools.chromium import PROGRAM, chromium

if TYPE_CHECKING:
    from pulse import SoundServer
    from tools.chromium import Page

pytestmark = pytest.mark.timeout(120)
STATE = "document.getElementById('state')?.textContent"
KEY = {"Authorization": "Bearer sesame"}


@asynccontextmanager
async def listening(
    folder: Path, speech: Any = None, *, query: str = "", **settings: Any
) -> AsyncIterator[tuple[Served, Page]]:
    """A browser that has the room's page open."""
    if PROGRAM is None:
        pytest.skip("there is no Chromium: on Debian, apt-get install chromium")
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(speech, **settings))
        browser = await stack.enter_async_context(chromium(folder))
        url = f"http://127.0.0.1:{served.server.bound_port}/live/kitchen{query}"
        yield served, await stack.enter_async_context(browser.page(url))


async def shows(page: Page, expression: str, wanted: object) -> None:
    """Wait until ``expression`` has that value in the page."""
    found = None
    async with asyncio.timeout(PATIENCE):
        while (found := await page.evaluate(expression)) != wanted:  # noqa: ASYNC110  # a page tells nobody
            await asyncio.sleep(0.02)
    assert found == wanted


async def test_a_page_plays_what_is_said_and_shows_its_words(tmp_path: Path) -> None:
    words = [
        Word(text="Hello", start=0, end=5, start_sample=0, end_sample=4800),
        Word(text="there", start=6, end=11, start_sample=9600, end_sample=14400),
    ]
    speech = ScriptedSource([*((0.0, word) for word in words), (0.0, SOUND)])
    async with listening(tmp_path, speech) as (served, page):
        await shows(page, STATE, "listening")
        assert await page.evaluate("way") == "packets"
        async with served.say("Hello there."):
            pass
        await shows(page, "document.getElementById('said').textContent", "Hello there")
        await shows(page, "log.some((one) => one.end)", True)


async def test_a_page_comes_back_when_its_server_does(tmp_path: Path) -> None:
    async with listening(tmp_path) as (served, page):
        await shows(page, STATE, "listening")
        served.server.port = served.server.bound_port
        await served.server.stop()
        await shows(page, f"{STATE} !== 'listening'", True)
        await served.server.start()
        await shows(page, STATE, "listening")
        async with served.say():
            await shows(page, "log.some((one) => one.end)", True)


async def test_a_page_asks_for_the_key_and_listens_with_it(tmp_path: Path) -> None:
    async with listening(tmp_path, key="sesame", headers=KEY) as (_, page):
        await shows(page, "document.getElementById('ask').hidden", False)
        await page.evaluate(
            "document.getElementById('key').value = 'sesame'; document.querySelector('#ask button').click()"
        )
        await shows(page, STATE, "listening")
        assert await page.evaluate("location.href.includes('sesame')") is False


@pytest.mark.parametrize("way", ["packets", "opus"])
async def test_a_link_with_a_ticket_needs_no_key(way: str, tmp_path: Path) -> None:
    async with listening(tmp_path, key="sesame", headers=KEY, query=f"?way={way}") as (served, page):
        async with served.client.post(f"{ROOM}/ticket") as answer:
            ticket = (await answer.json())["ticket"]
        await page.evaluate(f"location.hash = 'ticket={ticket}'; location.reload()")
        await shows(page, STATE, "listening")


@pytest.mark.realtime
async def test_what_a_page_sounds_is_what_was_said_and_an_interruption_ends_it(
    tmp_path: Path,
    sound_server: SoundServer,  # noqa: F811
) -> None:
    import numpy as np

    async with listening(tmp_path, live_source()) as (served, page):
        await shows(page, STATE, "listening")
        async with sound_server.recording() as recording:
            async with served.say():
                await shows(page, "log.some((one) => one.first)", True)
            await recording.grow(1.0, 48000)
            async with served.client.delete(ROOM):
                await shows(page, "log.some((one) => one.flush)", True)
            await recording.grow(1.0, 48000)
        samples = recording.samples[:, 0]
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    heard = samples[loud[0] : loud[-1] + 1]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert len(heard) > 24000
    assert np.argmax(spectrum) * 48000 / len(heard) == pytest.approx(440, abs=3)
    assert len(samples) - loud[-1] > 24000  # silence, long before the speech would have ended
