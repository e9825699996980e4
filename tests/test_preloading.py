"""What is imported where: on the event loop nothing that takes long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import oggstream
from oggstream.threads import imported

FILE = Path(__file__).parent / "fixtures" / "generation_a.opus"
HEAVY = ("aiohttp", "numpy", "soxr", "oggstream.engine.session", "oggstream.body.body_reader", "sounddevice")
PROGRAM = """
import asyncio, json, sys, threading

class Finder:
    found = []
    def find_spec(self, name, path, target=None):
        if threading.current_thread() is threading.main_thread():
            self.found.append(name)

async def main():
    import oggstream
    if {preload}:
        await oggstream.preload({source!r})
    sys.meta_path.insert(0, Finder())
    await {speech}
    print(json.dumps(Finder.found))

async def frames(iterator):
    assert [frame async for frame in iterator]

async def stop(source):
    import oggstream
    heard = asyncio.Event()
    options = dict(sink="null", on_event=lambda event: isinstance(event, oggstream.Started) and heard.set())
    async with oggstream.Player(source=source, **options) as player:
        player.say("Hi")
        await heard.wait()
        Finder.found.clear()
        await player.stop()

asyncio.run(main())
"""
SPEECHES = {
    "stream_frames": "frames(oggstream.stream_frames('Hi', source={source!r}))",
    "stream_packets": "frames(oggstream.stream_packets('Hi', source={source!r}))",
    "play_stream": "oggstream.play_stream('Hi', source={source!r}, sink='null')",
    "play": "oggstream.play({source!r}, sink='null')",
    "stop": "stop({source!r})",
    "save": "oggstream.save('Hi', 'saved.wav', source={source!r})",
}


def imported_on_the_loop(speech: str, folder: Path, *, preload: bool = False) -> list[str]:
    """The modules that a first speech from a file imports on the event loop's thread."""
    source = str(FILE)
    program = PROGRAM.format(preload=preload, source=source, speech=SPEECHES[speech].format(source=source))
    out = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(out.stdout)
    return found


@pytest.mark.parametrize("speech", SPEECHES)
def test_a_first_speech_imports_nothing_heavy_on_the_loop(speech: str, tmp_path: Path) -> None:
    assert not set(HEAVY) & set(imported_on_the_loop(speech, tmp_path))


@pytest.mark.parametrize("speech", ["stream_frames", "play_stream"])
def test_after_preload_it_imports_next_to_nothing(speech: str, tmp_path: Path) -> None:
    found = imported_on_the_loop(speech, tmp_path, preload=True)
    ours = [name for name in found if name.startswith("oggstream.") or "." not in name]
    assert len(ours) <= 6, ours


def test_after_preload_an_interruption_waits_for_no_import(tmp_path: Path) -> None:
    found = imported_on_the_loop("stop", tmp_path, preload=True)
    assert not [name for name in found if name.startswith("oggstream")]


async def test_preload_imports_what_the_named_source_needs() -> None:
    for source in (None, "deepgram", "openai", "realtime", "offline", "http://127.0.0.1/x", b"OggS"):
        await oggstream.preload(source)
    assert "aiohttp" in sys.modules


async def test_what_cannot_be_imported_is_raised() -> None:
    with pytest.raises(ModuleNotFoundError, match="oggstream_none"):
        await imported("oggstream_none")
