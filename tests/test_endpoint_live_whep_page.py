"""The page of a room that listens over WebRTC, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from rooms import ROOM, live_source, serving
from scripted import spoken
from stand_ins import until
from tools.chromium import PROGRAM, chromium

LISTENING = """(async () => {
    while (document.getElementById("state").textContent !== "listening")
        await new Promise((done) => setTimeout(done, 10));
})()"""
LOUDEST = """(async () => {
    const context = new AudioContext();
    const heard = context.createAnalyser();
    context.createMediaStreamSource(window.listener.audio.srcObject).connect(heard);
    const samples = new Float32Array(heard.fftSize);
    for (let loudest = 0, tries = 0; ; tries += 1) {
        heard.getFloatTimeDomainData(samples);
        loudest = Math.max(loudest, ...samples);
        if (loudest > 0.1 || tries > 1000) return loudest;
        await new Promise((done) => setTimeout(done, 10));
    }
})()"""


@pytest.mark.once
@pytest.mark.timeout(120)
async def test_a_page_hears_a_room_over_webrtc_and_leaves_it_when_it_is_closed(tmp_path: Path) -> None:
    pytest.importorskip("aiortc", reason="aiortc is not installed (the extra webrtc)")
    if PROGRAM is None:
        pytest.skip("there is no Chromium: on Debian, apt-get install chromium")
    async with serving(live_source(spoken(30.0, channels=2, packets_per_page=1))) as served:
        url = f"http://127.0.0.1:{served.server.bound_port}/live/kitchen?way=whep"
        async with chromium(tmp_path) as browser:
            async with browser.page(url) as page:
                await page.evaluate(LISTENING)
                assert served.room().listeners
                async with served.say("A long speech.") as answer:
                    assert answer.status == 202
                assert await page.evaluate(LOUDEST) > 0.1
            await until(lambda: not served.room().listeners)
        async with served.client.delete(ROOM):
            pass
