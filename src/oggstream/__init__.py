"""Speaks text with the lowest latency there is: streamed Ogg Opus, decoded packet by packet, from asyncio.

Everything public is here and is loaded when it is first used: ``import oggstream`` itself loads no aiohttp, no numpy,
no sounddevice and no C library.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; ``typing`` itself would be most of what this import costs
if TYPE_CHECKING:
    from typing import Any

    from .audio.frame import PcmFrame as PcmFrame
    from .errors import (
        AccessError as AccessError,
        AuthenticationError as AuthenticationError,
        CaptureError as CaptureError,
        ConfigError as ConfigError,
        DeviceError as DeviceError,
        EmptyBodyError as EmptyBodyError,
        FormatError as FormatError,
        LibraryError as LibraryError,
        NoAudioError as NoAudioError,
        NotFoundError as NotFoundError,
        OggStreamError as OggStreamError,
        OutputError as OutputError,
        QuotaError as QuotaError,
        RateLimitError as RateLimitError,
        RequestRefusedError as RequestRefusedError,
        ServerError as ServerError,
        SourceBrokenError as SourceBrokenError,
        SourceConnectionError as SourceConnectionError,
        SourceError as SourceError,
        SourceTimeoutError as SourceTimeoutError,
        TextError as TextError,
        UsageError as UsageError,
        WrongContainerError as WrongContainerError,
    )
    from .events import (
        Event as Event,
        FirstByte as FirstByte,
        FirstPacket as FirstPacket,
        Progress as Progress,
        RequestSent as RequestSent,
        ResponseStarted as ResponseStarted,
        Resumed as Resumed,
        Retrying as Retrying,
        SegmentEnded as SegmentEnded,
        SegmentStarted as SegmentStarted,
        Stalled as Stalled,
        Started as Started,
        Transcribed as Transcribed,
        Warned as Warned,
    )
    from .options import PlaybackOptions as PlaybackOptions, SpeechOptions as SpeechOptions
    from .opus.head import OpusHead as OpusHead
    from .opus.reader import AudioPacket as AudioPacket, Hole as Hole
    from .opus.tags import OpusTags as OpusTags
    from .player import Player as Player, Speech as Speech
    from .report import Heard as Heard, PlaybackReport as PlaybackReport
    from .sinks.base import Sink as Sink
    from .sinks.device import DeviceSink as DeviceSink
    from .sinks.null import NullSink as NullSink
    from .sinks.wav import WavSink as WavSink
    from .sources.base import ByteStream as ByteStream, Source as Source
    from .sources.failover import FirstOf as FirstOf
    from .sources.file import FileSource as FileSource
    from .sources.http import HttpSource as HttpSource
    from .sources.offline import OfflineVoice as OfflineVoice
    from .sources.openai import OpenAISource as OpenAISource
    from .sources.realtime import RealtimeSource as RealtimeSource
    from .sources.replay import ReplaySource as ReplaySource
    from .sources.service_table import Service as Service, service as service
    from .sources.services import ServiceSource as ServiceSource
    from .streams import (
        decode_stream as decode_stream,
        play_stream as play_stream,
        stream_frames as stream_frames,
        stream_packets as stream_packets,
    )

__version__ = "0.1.0"

_HOMES = {
    "audio.frame": ("PcmFrame",),
    "errors": (
        "AccessError",
        "AuthenticationError",
        "CaptureError",
        "ConfigError",
        "DeviceError",
        "EmptyBodyError",
        "FormatError",
        "LibraryError",
        "NoAudioError",
        "NotFoundError",
        "OggStreamError",
        "OutputError",
        "QuotaError",
        "RateLimitError",
        "RequestRefusedError",
        "ServerError",
        "SourceBrokenError",
        "SourceConnectionError",
        "SourceError",
        "SourceTimeoutError",
        "TextError",
        "UsageError",
        "WrongContainerError",
    ),
    "events": (
        "Event",
        "FirstByte",
        "FirstPacket",
        "Progress",
        "RequestSent",
        "ResponseStarted",
        "Resumed",
        "Retrying",
        "SegmentEnded",
        "SegmentStarted",
        "Stalled",
        "Started",
        "Transcribed",
        "Warned",
    ),
    "options": ("PlaybackOptions", "SpeechOptions"),
    "opus.head": ("OpusHead",),
    "opus.reader": ("AudioPacket", "Hole"),
    "opus.tags": ("OpusTags",),
    "player": ("Player", "Speech"),
    "streams": ("decode_stream", "play_stream", "stream_frames", "stream_packets"),
    "report": ("Heard", "PlaybackReport"),
    "sinks.base": ("Sink",),
    "sinks.device": ("DeviceSink",),
    "sinks.null": ("NullSink",),
    "sinks.wav": ("WavSink",),
    "sources.base": ("ByteStream", "Source"),
    "sources.failover": ("FirstOf",),
    "sources.file": ("FileSource",),
    "sources.http": ("HttpSource",),
    "sources.offline": ("OfflineVoice",),
    "sources.openai": ("OpenAISource",),
    "sources.realtime": ("RealtimeSource",),
    "sources.replay": ("ReplaySource",),
    "sources.service_table": ("Service", "service"),
    "sources.services": ("ServiceSource",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]  # noqa: PLE0604  # the names are str: they are the keys above


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
