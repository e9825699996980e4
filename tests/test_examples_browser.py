"""The example for browsers: what its server sends, and what a real browser plays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

import oggstream
from oggstream.annotations import Word
from oggstream.errors import SourceBrokenError
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from scripted import ScriptedSource, every, pages, spoken
from tools.chromium import PROGRAM, chromium
from tools.examples.browser import aiohttp_app, speech

if TYPE_CHECKING:
    from tools.chromium import Page

SOUND = spoken(1.0, packets_per_page=1)
AT_ONCE = [(0.0, SOUND)]
FIRST = 2 + 1  # pages: the headers, and the first of audio
QUICK = every(0.01, [b"".join(pages(SOUND)[:FIRST]), *pages(SOUND)[FIRST:]])  # twice as fast as real time
PIECE = spoken(0.3)
PIECES = "This is the first sentence of all, spoken alone. " + "Here is another one, which is a bit longer. " * 4

Serving = Callable[[Any], Any]


@asynccontextmanager
async def aiohttp_server(source: Any) -> AsyncIterator[str]:
    runner = web.AppRunner(
        aiohttp_app.application(source), access_log=None, shutdown_timeout=0.1, handler_cancellation=True
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fastapi_server(source: Any) -> AsyncIterator[str]:
    pytest.importorskip("fastapi", reason="FastAPI is not installed: tools/examples/check tests its example")
    uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed: tools/examples/check tests its example")
    from tools.examples.browser import fastapi_app

    fastapi_app.app.state.source = source
    settings = uvicorn.Config(fastapi_app.app, port=0, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with aiohttp.ClientSession() as client, client.get(f"{url}/speech", params={"text": "Hello."}) as response:
        yield response


@asynccontextmanager
async def talking(url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as client, client.ws_connect(f"{url}/talk") as socket:
        yield socket


servers = pytest.mark.parametrize("serving", [aiohttp_server, fastapi_server])


def packets(body: bytes) -> list[AudioPacket]:
    reader = OpusReader()
    return [item for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


@servers
async def test_a_response_carries_the_services_own_packets(serving: Serving) -> None:
    async with serving(ScriptedSource(AT_ONCE)) as url, asking(url) as response:
        assert response.content_type == "audio/ogg"
        assert packets(await response.read()) == packets(SOUND)


@servers
async def test_the_first_page_does_not_wait_for_the_last(serving: Serving) -> None:
    begin, end = pages(SOUND)[: FIRST + 1], pages(SOUND)[FIRST + 1 :]
    source = ScriptedSource([(0, b"".join(begin)), (60, b"".join(end))])
    async with serving(source) as url:
        async with asking(url) as response:
            received = b""
            while received.count(b"OggS") < 3:
                received += await response.content.readany()
        assert packets(SOUND)[0].data in received
        while not source.closed:  # noqa: ASYNC110  # the browser is gone, and nothing more is asked for
            await asyncio.sleep(0.01)


@servers
async def test_a_failure_before_the_first_page_is_an_error(serving: Serving) -> None:
    source = ScriptedSource([(0, SourceBrokenError("no voice today"))])
    async with serving(source) as url, asking(url) as response:
        assert response.status == 502
        assert "no voice today" in await response.text()


@servers
async def test_a_socket_carries_packets_with_their_trims(serving: Serving) -> None:
    async with serving(ScriptedSource(AT_ONCE)) as url, talking(url) as socket:
        await socket.send_str("Hello.")
        messages = [(await socket.receive()).data]
        while messages[-1] != "end":
            messages.append((await socket.receive()).data)
    expected = [p.trim_start.to_bytes(2, "little") + p.trim_end.to_bytes(2, "little") + p.data for p in packets(SOUND)]
    assert messages == ["begin 1", *expected, "end"]


@servers
async def test_words_come_as_json_before_the_packets_that_they_sound_in(serving: Serving) -> None:
    hello = Word(text="Hello", start=0, end=5, start_sample=0, end_sample=20000)
    there = Word(text="there", start=6, end=11, start_sample=24000, end_sample=40000)
    first, rest = b"".join(pages(SOUND)[:20]), b"".join(pages(SOUND)[20:])
    source = ScriptedSource([(0.0, hello), (0.0, first), (0.1, there), (0.1, rest)])
    async with serving(source) as url, talking(url) as socket:
        await socket.send_str("Hello there.")
        messages = [(await socket.receive()).data]
        while messages[-1] != "end":
            messages.append((await socket.receive()).data)
    told = [json.loads(message) for message in messages if isinstance(message, str) and message.startswith("{")]
    assert told == [{"start": 0, "end": 5, "sample": 0}, {"start": 6, "end": 11, "sample": 24000}]
    assert len([message for message in messages if isinstance(message, bytes)]) == len(packets(SOUND))


@servers
async def test_a_text_takes_the_place_of_the_one_before(serving: Serving) -> None:
    source = ScriptedSource(every(0.2, pages(SOUND)))
    async with serving(source) as url, talking(url) as socket:
        await socket.send_str("Hello.")
        while (await socket.receive()).type is not aiohttp.WSMsgType.BINARY:
            pass
        source.arrivals[:] = AT_ONCE
        await socket.send_str("")
        await socket.send_str("No, wait.")
        told = [(await socket.receive()).data]
        while told[-1] != "end":
            told.append((await socket.receive()).data)
    assert told[told.index("begin 3") :][1:-1] == [
        message for message in told[told.index("begin 3") :] if isinstance(message, bytes)
    ]
    assert len(told) - told.index("begin 3") == 2 + len(packets(SOUND))
    assert source.closed == 2


@pytest.mark.looptime
async def test_a_browser_is_not_sent_more_than_so_much_ahead() -> None:
    async with aclosing(speech.packets("Hello.", ScriptedSource([(0, spoken(30.0))]))) as stream:
        sent = [asyncio.get_running_loop().time() async for _ in stream]
    assert sum(at < 0.1 for at in sent) == pytest.approx(speech.AHEAD * 50, abs=10)  # packets of 20 ms
    assert sent[-1] == pytest.approx(30 - speech.AHEAD, abs=0.2)


@asynccontextmanager
async def browsing(source: Any, query: str, folder: Path) -> AsyncIterator[Page]:
    """The example's page in a browser, its server speaking from ``source``."""
    if PROGRAM is None:
        pytest.skip("there is no Chromium: on Debian, apt-get install chromium")
    async with aiohttp_server(source) as url, chromium(folder) as browser, browser.page(url + query) as page:
        yield page


@pytest.mark.timeout(60)
async def test_a_browser_plays_packets_as_they_come(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with browsing(ScriptedSource(QUICK), "/", tmp_path) as page:
        interrupted, told = await page.evaluate(
            "(async () => { const one = player.say('One.'); await new Promise((done) => setTimeout(done, 400));"
            " const two = player.say('Two.'); return Promise.all([one, two]); })()"
        )
    assert interrupted == {"stopped": True}
    assert told["played"] == 48000  # to the sample: what is trimmed is not heard, nor anything of the other text
    assert told["first"] > 0
    record_property("first_output_ms", told["first"])
    print(f"first output {told['first']:.1f} ms after the request, {told['stalls']} stalls")  # noqa: T201  # a figure to be read with -s


@pytest.mark.timeout(60)
async def test_a_browser_lights_each_word_when_it_is_heard(tmp_path: Path) -> None:
    words = [
        (0.0, Word(text=text, start=at, end=at + len(text), start_sample=sample, end_sample=sample + 9000))
        for text, at, sample in (("One", 0, 0), ("two", 4, 14400), ("three", 8, 28800))
    ]
    async with browsing(ScriptedSource([*words, *QUICK]), "/", tmp_path) as page:
        lit = await page.evaluate(
            "(async () => { document.getElementById('text').value = 'One two three.'; const seen = [];"
            " new MutationObserver(() => { const lit = document.querySelector('#said mark');"
            " if (lit) seen.push(lit.textContent); }).observe(document.getElementById('said'), { childList: true });"
            " document.getElementById('say').click();"
            " while (!/first sound/.test(document.getElementById('state').textContent))"
            " await new Promise((done) => setTimeout(done, 20)); return [seen, said.textContent]; })()"
        )
    assert lit == [["One", "two", "three"], "One two three."]


@pytest.mark.timeout(60)
async def test_a_browser_without_webcodecs_plays_the_response(tmp_path: Path) -> None:
    async with browsing(ScriptedSource(AT_ONCE), "/?element", tmp_path) as page:
        told = await page.evaluate("player.say('Hello.')")
        assert told["played"] == pytest.approx(48000, abs=2000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("query", ["/", "/?element"])
async def test_the_pieces_of_a_long_text_are_played_to_the_end(query: str, tmp_path: Path) -> None:
    source = ScriptedSource([(0, PIECE)])
    async with browsing(source, query, tmp_path) as page:
        told = await page.evaluate(f"player.say({PIECES!r})")
    assert source.opened > 2
    # Chromium's <audio> leaves out the pre-skip of the first link only.
    assert told["played"] == pytest.approx(source.opened * 0.3 * 48000, abs=0 if query == "/" else 320 * source.opened)


@pytest.mark.timeout(60)
async def test_a_browser_is_told_what_failed(tmp_path: Path) -> None:
    async with browsing(ScriptedSource([(0, SourceBrokenError("no voice today"))]), "/", tmp_path) as page:
        with pytest.raises(RuntimeError, match="no voice today"):
            await page.evaluate("player.say('Hello.')")


def test_the_voice_is_the_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(speech.voice(), oggstream.OfflineVoice)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    assert isinstance(speech.voice(), oggstream.OpenAISource)
