"""The players in the comparison: each is a command that requests the same speech from the same service and plays it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from typing import NamedTuple

from .process import US

VOICE = "alloy"


class Request(NamedTuple):
    """A request to the service at ``address`` for the capture named ``model``. ``history`` is a file."""

    address: str
    model: str
    text: str
    history: str


class Contender(NamedTuple):
    """A player. It needs ``programs`` and ``modules``; ``install`` says how to get them."""

    name: str
    command: Callable[[Request], list[str]]
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    install: str = ""

    def missing(self) -> str | None:
        """Why it cannot be measured here, and what to do; None if it can."""
        gone = [program for program in self.programs if shutil.which(program) is None]
        gone += [module for module in self.modules if importlib.util.find_spec(module) is None]
        return f"{self.name} is left out, no {', '.join(gone)} here: {self.install}" if gone else None


def _say(request: Request, history: str) -> list[str]:
    options = ["--base-url", f"{request.address}/v1", "--model", request.model, "--voice", VOICE, "--history", history]
    return [*US, "say", "--quiet", *options, request.text]


# A pre-buffer of so many seconds, as players have it that know nothing better: whole pages, and the same after a stall.
CONSTANT = """
import asyncio, sys
import oggstream
from oggstream.sources.openai_source import OpenAISource

async def main(seconds, address, model, text):
    options = oggstream.PlaybackOptions(
        history=None, start_buffer=seconds, resume_buffer=seconds, early=False, conceal=False, slowest=1.0
    )
    source = OpenAISource(base_url=address + "/v1", api_key="none")
    await oggstream.play_stream(text, source=source, options=options, model=model, format="opus")
    await source.aclose()

asyncio.run(main(float(sys.argv[1]), *sys.argv[2:]))
"""

# As the package's own documentation has it.
LOCAL_AUDIO_PLAYER = """
import asyncio, sys
from openai import AsyncOpenAI
from openai.helpers import LocalAudioPlayer

async def main(address, model, text):
    client = AsyncOpenAI(base_url=address + "/v1", api_key="none")
    async with client.audio.speech.with_streaming_response.create(
        model=model, voice="alloy", input=text, response_format="pcm"
    ) as response:
        await LocalAudioPlayer().play(response)

asyncio.run(main(*sys.argv[1:]))
"""


def _constant(seconds: float) -> Callable[[Request], list[str]]:
    return lambda request: [
        *(sys.executable, "-P", "-c", CONSTANT),
        *(str(seconds), request.address, request.model, request.text),
    ]


def _local_audio_player(request: Request) -> list[str]:
    return [sys.executable, "-P", "-c", LOCAL_AUDIO_PLAYER, request.address, request.model, request.text]


def curl(player: str) -> Callable[[Request], list[str]]:
    """A pipe as people write it: curl asks the service, ``player`` plays its standard input."""

    def command(request: Request) -> list[str]:
        fields = {"model": request.model, "input": request.text, "voice": VOICE, "response_format": "opus"}
        line = f'curl -sN "$1/v1/audio/speech" -H "Content-Type: application/json" -d "$2" | {player}'
        return ["sh", "-c", line, "sh", request.address, json.dumps(fields)]

    return command


FFPLAY = "ffplay -nodisp -autoexit -loglevel quiet"
FFPLAY_FAST = f"{FFPLAY} -fflags nobuffer -flags low_delay -probesize 32 -analyzeduration 0"
MPV = "mpv --no-config --no-video --no-terminal --ao=pulse"

LEARNT = "oggstream, learnt"
COLD = "oggstream, cold"
CONTENDERS = (
    Contender(LEARNT, lambda request: _say(request, request.history)),
    Contender(COLD, lambda request: _say(request, "none")),
    Contender("pre-buffer of 200 ms", _constant(0.2)),
    Contender("pre-buffer of 500 ms", _constant(0.5)),
    Contender(
        "ffplay URL",
        lambda request: [*FFPLAY.split(), f"{request.address}/{request.model}"],
        ("ffplay",),
        install="sudo apt-get install ffmpeg",
    ),
    Contender("curl, ffplay", curl(f"{FFPLAY} -i -"), ("curl", "ffplay"), install="sudo apt-get install curl ffmpeg"),
    Contender(
        "curl, ffplay without buffer",
        curl(f"{FFPLAY_FAST} -i -"),
        ("curl", "ffplay"),
        install="sudo apt-get install curl ffmpeg",
    ),
    Contender(
        "mpv URL",
        lambda request: [*MPV.split(), f"{request.address}/{request.model}"],
        ("mpv",),
        install="sudo apt-get install mpv",
    ),
    Contender(
        "curl, mpv with low latency",
        curl(f"{MPV} --profile=low-latency -"),
        ("curl", "mpv"),
        install="sudo apt-get install curl mpv",
    ),
    Contender(
        "openai's LocalAudioPlayer",
        _local_audio_player,
        modules=("openai", "numpy", "sounddevice"),
        install="pip install 'openai[voice_helpers]'",
    ),
)
