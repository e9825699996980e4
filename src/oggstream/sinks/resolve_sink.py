"""From what a user names to a sink."""

from __future__ import annotations

from ..errors import UsageError
from ..options import PlaybackOptions
from .sink import Sink


def coerce_sink(sink: object, options: PlaybackOptions | None = None) -> tuple[Sink, bool]:
    """Return the sink that ``sink`` means, and whether it was made here and is the caller's to close.

    A `Sink` is itself; None or ``"device"`` is the default device, ``"null"`` a simulated one, ``"wav:PATH"`` a file,
    ``"icecast://source:PASSWORD@HOST:PORT/MOUNT"`` a mount of Icecast.
    A device that is made here is used as ``options`` say. Raises `UsageError` for anything else.
    """
    if isinstance(sink, str):
        return _named(sink, options or PlaybackOptions()), True
    if sink is None:
        return _named("device", options or PlaybackOptions()), True
    if isinstance(sink, Sink):
        return sink, False
    raise UsageError(f"a sink is an object with start, drain, abort and aclose, not {type(sink).__name__}")


def coerce_sinks(sink: object, options: PlaybackOptions | None = None) -> list[tuple[Sink, bool]]:
    """The sinks that a list or a tuple of them means, or one alone, each as `coerce_sink` gives it, the leading first.

    Raises `UsageError` for an empty list, and for a sink that is in it twice.
    """
    given = sink if isinstance(sink, list | tuple) else (sink,)
    if not given:
        raise UsageError("the list of sinks is empty: name one, or leave it out for the default device")
    for at, each in enumerate(given):
        if any(each is other or (isinstance(each, str) and each == other) for other in given[:at]):
            name = without_user(each) if isinstance(each, str) else type(each).__name__
            raise UsageError(f"the sink {name!r} is in the list twice")
    return [coerce_sink(each, options) for each in given]


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
    if kind in ("icecast", "icecasts"):
        from .radio.icecast_sink import IcecastSink

        return IcecastSink(name)
    raise UsageError(f"unknown sink {without_user(name)!r}: use device, null, wav:PATH or icecast://...")


def without_user(name: str) -> str:
    """The name without what may be a password."""
    scheme, found, rest = name.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if found else name
