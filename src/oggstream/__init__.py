"""Speaks text with the lowest latency there is: streamed Ogg Opus, decoded packet by packet, from asyncio.

Everything public is here and is loaded when it is first used: ``import oggstream`` itself loads no aiohttp, no numpy,
no sounddevice and no C library.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; ``typing`` itself would be most of what this import costs
if TYPE_CHECKING:
    from typing import Any

    from .annotations import Annotation as Annotation, Speaker as Speaker, Word as Word
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
        FailedOver as FailedOver,
        FirstByte as FirstByte,
        FirstPacket as FirstPacket,
        Hedged as Hedged,
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
        WordStarted as WordStarted,
    )
    from .options import PlaybackOptions as PlaybackOptions, SpeechOptions as SpeechOptions
    from .opus.head import OpusHead as OpusHead
    from .opus.opus_reader import AudioPacket as AudioPacket, Hole as Hole
    from .opus.tags import OpusTags as OpusTags
    from .player import Player as Player, Speech as Speech
    from .preloading import preload as preload
    from .report import Heard as Heard, PlaybackReport as PlaybackReport
    from .said import Ipa as Ipa
    from .shortcuts import OggBody as OggBody, play as play, save as save, stream_ogg as stream_ogg
    from .sinks.device_sink import DeviceSink as DeviceSink
    from .sinks.live.broadcast import Broadcast as Broadcast
    from .sinks.live.live_sink import LiveSink as LiveSink
    from .sinks.live.opus_track import OpusTrack as OpusTrack
    from .sinks.null_sink import NullSink as NullSink
    from .sinks.radio.icecast_sink import IcecastSink as IcecastSink
    from .sinks.sink import Sink as Sink, SinkTraits as SinkTraits
    from .sinks.telephone.media_stream_sink import MediaStreamSink as MediaStreamSink
    from .sinks.wav_sink import WavSink as WavSink
    from .sources.captures.replay_source import ReplaySource as ReplaySource
    from .sources.chunk_source import ChunkSource as ChunkSource
    from .sources.file_source import FileSource as FileSource
    from .sources.http.url_source import HttpSource as HttpSource
    from .sources.offline_voice import OfflineVoice as OfflineVoice
    from .sources.openai_source import OpenAISource as OpenAISource
    from .sources.realtime.realtime_source import RealtimeSource as RealtimeSource
    from .sources.resolve_source import FirstOf as FirstOf
    from .sources.services.service_source import ServiceSource as ServiceSource
    from .sources.services.table import Service as Service, service as service
    from .sources.sockets.socket_source import SocketSource as SocketSource
    from .sources.source import ByteStream as ByteStream, Source as Source
    from .sources.traits import SourceTraits as SourceTraits
    from .streams import (
        decode_stream as decode_stream,
        play_stream as play_stream,
        stream_frames as stream_frames,
        stream_packets as stream_packets,
    )
    from .types import (
        AudioBytes as AudioBytes,
        OnEvent as OnEvent,
        SinkLike as SinkLike,
        SourceLike as SourceLike,
        SpeechClient as SpeechClient,
        SpeechKeywords as SpeechKeywords,
        TextLike as TextLike,
    )
    from .voice.engine import VoiceInfo as VoiceInfo
    from .voice_list import voices as voices

__version__ = "0.1.0"

_HOMES = {
    "annotations": ("Annotation", "Speaker", "Word"),
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
        "FailedOver",
        "Hedged",
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
        "WordStarted",
    ),
    "options": ("PlaybackOptions", "SpeechOptions"),
    "opus.head": ("OpusHead",),
    "opus.opus_reader": ("AudioPacket", "Hole"),
    "opus.tags": ("OpusTags",),
    "player": ("Player", "Speech"),
    "streams": ("decode_stream", "play_stream", "stream_frames", "stream_packets"),
    "said": ("Ipa",),
    "shortcuts": ("OggBody", "play", "save", "stream_ogg"),
    "preloading": ("preload",),
    "report": ("Heard", "PlaybackReport"),
    "sinks.sink": ("Sink", "SinkTraits"),
    "sinks.device_sink": ("DeviceSink",),
    "sinks.live.broadcast": ("Broadcast",),
    "sinks.live.live_sink": ("LiveSink",),
    "sinks.live.opus_track": ("OpusTrack",),
    "sinks.null_sink": ("NullSink",),
    "sinks.radio.icecast_sink": ("IcecastSink",),
    "sinks.telephone.media_stream_sink": ("MediaStreamSink",),
    "sinks.wav_sink": ("WavSink",),
    "voice_list": ("voices",),
    "voice.engine": ("VoiceInfo",),
    "sources.source": ("ByteStream", "Source"),
    "sources.resolve_source": ("FirstOf",),
    "sources.chunk_source": ("ChunkSource",),
    "sources.file_source": ("FileSource",),
    "sources.http.url_source": ("HttpSource",),
    "sources.offline_voice": ("OfflineVoice",),
    "sources.openai_source": ("OpenAISource",),
    "sources.realtime.realtime_source": ("RealtimeSource",),
    "sources.captures.replay_source": ("ReplaySource",),
    "sources.traits": ("SourceTraits",),
    "sources.services.table": ("Service", "service"),
    "sources.services.service_source": ("ServiceSource",),
    "sources.sockets.socket_source": ("SocketSource",),
    "types": ("AudioBytes", "OnEvent", "SinkLike", "SourceLike", "SpeechClient", "SpeechKeywords", "TextLike"),
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
