"""From what a user names to a sink."""

from __future__ import annotations

from ..errors import UsageError
from ..options import PlaybackOptions
from .sink import Sink


def coerce_sink(sink: object, options: PlaybackOptions | None = None) -> tuple[Sink, bool]:
    """Return the sink that ``sink`` means, and whether it was made here and is the caller's to close.

    A `Sink` is itself; None or ``"device"`` is the default device, ``"null"`` a simulated one, ``"wav:PATH"`` a file.
    A device that is made here is used as ``options`` say. Raises `UsageError` for anything else.
    """
    if isinstance(sink, str):
        return _named(sink, options or PlaybackOptions()), True
    if sink is None:
        return _named("device", options or PlaybackOptions()), True
    if isinstance(sink, Sink):
        return sink, False
    raise UsageError(f"a sink is an object with start, drain, abort and aclose, not {type(sink).__name__}")


def _named(name: str, options: PlaybackOptions) -> Sink:
    kind, _, path = name.partition(":")
    if name == "device":
        from .device_sink import DeviceSink

        return DeviceSink(latency=options.latency, lead_in=options.lead_in, idle_close=options.idle_close)
    if name == "null":
        from .null_sink import NullSink

        return NullSink()
    if kind == "wav" and path:
        from .wav_sink import WavSink

        return WavSink(path)
    raise UsageError(f"unknown sink {name!r}: use device, null or wav:PATH")
