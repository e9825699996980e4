"""Stand-ins for the packages that the examples use, if those are not installed; otherwise the real ones."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, Self

from patience import PATIENCE


@contextmanager
def example(name: str, package: str, stand_ins: Callable[[], dict[str, ModuleType]]) -> Iterator[Any]:
    """The example's module, which finds ``package`` or in its place the modules that ``stand_ins`` makes."""
    made = stand_ins() if importlib.util.find_spec(package) is None else {}
    sys.modules.update(made)
    try:
        yield importlib.import_module(f"tools.examples.{name}")
    finally:
        for module in (*made, f"tools.examples.{name}"):
            sys.modules.pop(module, None)


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    module.__path__ = []  # a package, or what is below it would not be looked for
    return module


class AudioSource:
    """discord.py's."""

    def cleanup(self) -> None: ...

    def __del__(self) -> None:
        self.cleanup()


class AudioPlayer(threading.Thread):
    """discord.py's way of playing: a read every 20 ms, late or not, and the end told to ``after``."""

    DELAY = 0.02

    def __init__(self, source: Any, client: Any, *, after: Callable[[Exception | None], Any] | None = None) -> None:
        super().__init__(daemon=True)
        self.source, self.client, self.after = source, client, after
        self._end = threading.Event()

    def run(self) -> None:
        error: Exception | None = None
        start = time.perf_counter()
        loops = 0
        try:
            while not self._end.is_set() and (data := self.source.read()):
                self.client.send_audio_packet(data, encode=not self.source.is_opus())
                loops += 1
                time.sleep(max(0, start + self.DELAY * (loops + 1) - time.perf_counter()))
        except Exception as failure:  # noqa: BLE001
            error = failure
        if self.after is not None:
            self.after(error)
        self.source.cleanup()

    def stop(self) -> None:
        self._end.set()


class _Client:
    """discord.py's: only made and closed here."""

    def __init__(self, *, intents: Any) -> None:
        self.intents = intents

    async def close(self) -> None: ...


class _CommandTree:
    def __init__(self, client: _Client) -> None:
        self.commands: list[str] = []

    def command(self, *, name: str, description: str) -> Callable[[Any], Any]:
        self.commands.append(name)
        return lambda callback: callback


def discord() -> dict[str, ModuleType]:
    commands = _module("discord.app_commands", CommandTree=_CommandTree)
    intents = SimpleNamespace(default=lambda: None)
    player = _module("discord.player", AudioPlayer=AudioPlayer)
    members = {"AudioSource": AudioSource, "Client": _Client, "Intents": intents, "Interaction": object}
    package = _module("discord", app_commands=commands, player=player, **members)
    return {"discord": package, "discord.app_commands": commands, "discord.player": player}


class AudioFrame:
    """livekit.rtc's."""

    def __init__(self, data: bytes, sample_rate: int, num_channels: int, samples_per_channel: int) -> None:
        if len(data) < num_channels * samples_per_channel * 2:
            raise ValueError("data length must be >= num_channels * samples_per_channel * sizeof(int16)")
        self.data = memoryview(bytearray(data)).cast("h")
        self.sample_rate, self.num_channels = sample_rate, num_channels
        self.samples_per_channel = samples_per_channel


class _TTS:
    """livekit.agents.tts's."""

    def __class_getitem__(cls, _: Any) -> type[_TTS]:
        return cls

    def __init__(self, *, capabilities: Any, sample_rate: int, num_channels: int) -> None:
        self.capabilities, self.sample_rate, self.num_channels = capabilities, sample_rate, num_channels


class _SynthesizeStream:
    """livekit.agents.tts's: what is pushed is read by ``_run``, and what that emits is given out."""

    class _FlushSentinel: ...

    def __init__(self, *, tts: Any, conn_options: Any) -> None:
        self._tts = tts
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._input_ch = self._pushed()
        self._frames: asyncio.Queue[Any] = asyncio.Queue()
        self._task = asyncio.create_task(self._main_task())

    def push_text(self, token: str) -> None:
        self._queue.put_nowait(token)

    def end_input(self) -> None:
        self._queue.put_nowait(self._FlushSentinel())
        self._queue.put_nowait(None)

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def __aiter__(self) -> _SynthesizeStream:
        return self

    async def __anext__(self) -> Any:
        frame = await self._frames.get()
        if frame is None:
            await self._task
            raise StopAsyncIteration
        return SimpleNamespace(frame=frame)

    async def _main_task(self) -> None:
        try:
            await self._run(_Emitter(self._frames))
        finally:
            self._frames.put_nowait(None)

    async def _run(self, output_emitter: Any) -> None:
        raise NotImplementedError

    def _mark_started(self) -> None: ...

    async def _pushed(self) -> AsyncGenerator[Any, None]:
        while (item := await self._queue.get()) is not None:
            yield item


class _Emitter:
    def __init__(self, frames: asyncio.Queue[Any]) -> None:
        self._frames = frames
        self._segments = 0

    def initialize(self, *, sample_rate: int, num_channels: int, **settings: Any) -> None:
        self._format = sample_rate, num_channels

    def start_segment(self, *, segment_id: str) -> None:
        self._segments += 1

    def end_segment(self) -> None:
        self._segments -= 1

    def push(self, data: bytes) -> None:
        assert self._segments == 1
        rate, channels = self._format
        self._frames.put_nowait(AudioFrame(data, rate, channels, len(data) // 2 // channels))


class APIError(Exception):
    """livekit.agents's."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


def livekit() -> dict[str, ModuleType]:
    rtc = _module("livekit.rtc", AudioFrame=AudioFrame, AudioSource=None, LocalAudioTrack=None, Room=object)
    parts = {"TTS": _TTS, "SynthesizeStream": _SynthesizeStream, "TTSCapabilities": SimpleNamespace}
    tts = _module("livekit.agents.tts", **parts)
    utils = _module("livekit.agents.utils", shortuuid=lambda: "1")
    names = ("Agent", "AgentSession", "APIConnectOptions", "JobContext", "WorkerOptions", "cli")
    settings = {**dict.fromkeys(names), "APIError": APIError, "DEFAULT_API_CONNECT_OPTIONS": None}
    agents = _module("livekit.agents", tts=tts, utils=utils, **settings)
    return {"livekit": _module("livekit", rtc=rtc, agents=agents), "livekit.rtc": rtc, "livekit.agents": agents}


@dataclass
class _AudioRawFrame:
    audio: bytes
    sample_rate: int
    num_channels: int
    context_id: str | None = None


@dataclass
class _ErrorFrame:
    error: str


class _FrameProcessor:
    """pipecat's: ``pushed`` are the frames that were handed on."""

    def __init__(self) -> None:
        self.pushed: list[Any] = []

    async def process_frame(self, frame: Any, direction: Any) -> None: ...

    async def push_frame(self, frame: Any, direction: Any = None) -> None:
        self.pushed.append(frame)


class _StartFrame: ...


class _EndFrame: ...


class _TTSService:
    """pipecat's, as far as a subclass sees it: started, asked for the speech of a text, ended."""

    def __init__(self, **settings: Any) -> None:
        self.metrics: list[str] = []

    async def start(self, frame: Any) -> None: ...

    async def stop(self, frame: Any) -> None: ...

    async def cancel(self, frame: Any) -> None: ...

    async def start_tts_usage_metrics(self, text: str) -> None:
        self.metrics.append(text)

    async def stop_ttfb_metrics(self) -> None: ...

    def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Any, None]:
        raise NotImplementedError


def pipecat() -> dict[str, ModuleType]:
    frames = _module(
        "pipecat.frames.frames",
        TTSAudioRawFrame=_AudioRawFrame,
        OutputAudioRawFrame=_AudioRawFrame,
        ErrorFrame=_ErrorFrame,
        StartFrame=_StartFrame,
        EndFrame=_EndFrame,
        **dict.fromkeys(("CancelFrame", "Frame", "InterruptionFrame"), SimpleNamespace),
    )
    return {
        "pipecat": _module("pipecat"),
        "pipecat.frames": _module("pipecat.frames"),
        "pipecat.frames.frames": frames,
        "pipecat.processors": _module("pipecat.processors"),
        "pipecat.processors.frame_processor": _module(
            "pipecat.processors.frame_processor", FrameProcessor=_FrameProcessor, FrameDirection=object
        ),
        "pipecat.services": _module("pipecat.services"),
        "pipecat.services.settings": _module("pipecat.services.settings", TTSSettings=SimpleNamespace),
        "pipecat.services.tts_service": _module("pipecat.services.tts_service", TTSService=_TTSService),
    }


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread, or task, does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.005)
